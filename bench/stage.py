"""Where ways are compared: the same lot, drivers and open sockets for each, one after the other."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psutil

from bench.audience import Audience
from bench.harness import Machine, serve, until
from bench.people import book, make_drivers, make_slots, sign_in
from bench.report import at, progress
from bench.ways import Way

if TYPE_CHECKING:
    from parking.models import Booking

# A machine whose others take more of the CPU than this, in per cent, does not measure us alone.
QUIET = 10.0
# How long before the first is due all must be armed, and every process up.
READY = 2.0
# When no frame has come for so long, none is waited for.
SILENCE = 3.0


@dataclass(frozen=True)
class Plan:
    """How many bookings end, over how many seconds; how long they may take, and when all is killed.

    `lead`: the seconds to start the processes and arm the timers in. `killed`: all processes of the way are
    killed so many seconds after the first is due, and started again at once.
    """

    bookings: int
    spread: float = 0.0
    lead: float = 20.0
    patience: float = 600.0
    killed: float | None = None


@dataclass(frozen=True)
class Played:
    """What became of the bookings: seconds from due to committed and to the socket, ascending.

    `writes`: updates of booking rows; `told_once`: bookings with exactly one notice to their driver.
    `busy`: how much of the CPU processes that are not the measurement's took, in per cent, meanwhile.
    """

    bookings: int
    committed: Sequence[float] = field(repr=False)
    heard: Sequence[float] = field(repr=False)
    writes: int
    notices: int
    told_once: int
    busy: float

    @property
    def exact(self) -> bool:
        """Whether each booking expired once, and its driver was told once, on the socket too."""
        counts = {len(self.committed), len(self.heard), self.writes, self.notices, self.told_once}
        return counts == {self.bookings}

    @property
    def lost(self) -> int:
        """How many did not expire."""
        return self.bookings - len(self.committed)

    @property
    def early(self) -> int:
        """How many expired before their time."""
        return sum(late < 0 for late in self.committed)

    def commit(self, share: float) -> float | None:
        """The lateness of the commit that this share of the bookings did not exceed."""
        return at(share, self.committed) if self.committed else None

    def frame(self, share: float) -> float | None:
        """… and of the frame."""
        return at(share, self.heard) if self.heard else None


# The time in a commit record is taken just before it is flushed to the disk.
LATENESS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - ends_at)::float8 AS late
FROM parking_booking WHERE status = 'EXPIRED' ORDER BY late
"""
TOLD_ONCE = """
WITH told AS (
    SELECT (facts->'booking'->>'id')::bigint AS booking_id, recipient_id, count(*) AS times
    FROM parking_notification WHERE event = 'BOOKING_EXPIRED' GROUP BY 1, 2
)
SELECT count(*) FROM parking_booking b
JOIN told ON told.booking_id = b.id AND told.recipient_id = b.driver_id AND told.times = 1
"""


class Stage:
    """A lot with slots, drivers who are signed in, and a web process with everybody's sockets."""

    def __init__(self, here: Machine, *, slots: int, drivers: int) -> None:
        self._here = here
        self._slots = make_slots(slots)
        self._sessions = sign_in(make_drivers(drivers))
        self._address = serve(here, application="bench.ways.web")

    def play(self, way: Way, plan: Plan) -> Played:
        """Let one way expire the bookings of a plan, with processes started for it."""
        here = self._here
        self._clear(way)
        before = self._booking_writes()
        audience = Audience(self._address, path=way.path)
        try:
            audience.open(self._sessions)
            if not way.arms_first:
                self._start(way)
            due_at = datetime.now(UTC) + timedelta(seconds=plan.lead)
            bookings = book(
                self._slots[: plan.bookings], list(self._sessions), due_at=due_at, spread=plan.spread
            )
            way.arm(bookings)
            if way.arms_first:
                self._start(way)
            here.rows("ANALYZE")
            self._await(way, due_at)
            audience.heard.clear()
            others = Others()
            if plan.killed is not None:
                self._kill(way, due_at + timedelta(seconds=plan.killed))
            self._await_done(due_at, plan)
            heard = self._latenesses(audience, bookings)
            busy = others.share()
        finally:
            audience.close()
            # Only a backend that has ended has surely reported all that it counted.
            here.end_processes(but=("web",))
        played = Played(
            bookings=plan.bookings,
            committed=[late for (late,) in here.rows(LATENESS)],
            heard=heard,
            writes=self._booking_writes() - before,
            notices=here.value("SELECT count(*) FROM parking_notification"),
            told_once=here.value(TOLD_ONCE),
            busy=busy,
        )
        way.clear()
        return played

    def _clear(self, way: Way) -> None:
        """No bookings, no notices, no messages."""
        way.clear()
        self._here.rows("TRUNCATE parking_booking, parking_notification, parking_inbox CASCADE")
        self._here.empty_queues()

    def _start(self, way: Way) -> None:
        for name, command in way.processes.items():
            if name == "worker" and "celery" in command:
                self._here.start_worker(name, command)
            else:
                self._here.start(name, command)

    def _await(self, way: Way, due_at: datetime) -> None:
        """Wait for the moment, idle."""
        left = (due_at - datetime.now(UTC)).total_seconds() - READY
        if left < 0:
            raise SystemExit(f"{way.title} was not armed in time: try a longer --lead.")
        time.sleep(left)
        for name in way.processes:
            if not self._here.runs(name):
                raise SystemExit(f"{way.title}: its {name} has ended:\n{self._here.log(name)}")
        time.sleep(max(0, (due_at - datetime.now(UTC)).total_seconds()))

    def _kill(self, way: Way, moment: datetime) -> None:
        time.sleep(max(0, (moment - datetime.now(UTC)).total_seconds()))
        for name in way.processes:
            self._here.kill(name)
        for name, command in way.processes.items():
            self._here.start(name, command)

    def _await_done(self, due_at: datetime, plan: Plan) -> None:
        """Wait until every booking has expired, or all patience is gone."""
        time.sleep(max(0, (due_at - datetime.now(UTC)).total_seconds() + plan.spread))
        waiting = "SELECT id FROM parking_booking WHERE status = 'BOOKED' LIMIT 1"
        until(lambda: not self._here.rows(waiting), seconds=plan.patience, every=0.25)

    @staticmethod
    def _latenesses(audience: Audience, bookings: Sequence["Booking"]) -> list[float]:
        """How late each booking's frame was. One that comes after a silence is missing."""
        due = {booking.pk: booking.ends_at.timestamp() for booking in bookings}
        told = [(frame.at, frame.json().get("booking")) for frame in audience.until_silent(seconds=SILENCE)]
        return sorted(heard_at - due[booking["id"]] for heard_at, booking in told if booking)

    def _booking_writes(self) -> int:
        """How many updates of booking rows PostgreSQL has counted so far, in all."""
        return int(
            self._here.value("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'parking_booking'")
        )


class Others:
    """How much of the CPU is taken from now on by processes that are neither this one nor started by it."""

    def __init__(self) -> None:
        self._before = self._taken()

    def share(self) -> float:
        """In per cent of all cores."""
        since, everybody, ours = (
            after - before for after, before in zip(self._taken(), self._before, strict=True)
        )
        return 100 * max(0.0, everybody - ours) / (since * psutil.cpu_count())

    @staticmethod
    def _taken() -> tuple[float, float, float]:
        """The time, and the seconds that everybody and we have taken by then."""
        times = psutil.cpu_times()
        everybody = times.user + times.nice + times.system + times.irq + times.softirq + times.steal
        this = psutil.Process()
        ours = 0.0
        for process in (this, *this.children(recursive=True)):
            # One may have ended since it was listed; its parent has its times then.
            with suppress(psutil.NoSuchProcess):
                ours += sum(process.cpu_times()[:4])
        return time.monotonic(), everybody, ours


def in_turns(ways: Sequence[Way], number: int) -> list[Way]:
    """The ways, each round beginning with another: who comes first has no advantage by it."""
    start = number % len(ways)
    return [*ways[start:], *ways[:start]]


def quiet(played: Sequence[Played]) -> str:
    """A warning if others used the machine meanwhile, else nothing."""
    busy = max(one.busy for one in played)
    return f"\nNot a quiet machine: others took up to {busy:.0f} % of the CPU." if busy > QUIET else ""


def say(way: Way, number: int, played: Played) -> None:
    """One line of progress."""
    last, heard = played.commit(1), played.frame(1)
    words = "none" if last is None else f"last committed after {last:.2f} s"
    words += "" if heard is None else f", heard after {heard:.2f} s"
    wrong = "" if played.exact else f" (lost {played.lost}, frames {len(played.heard)})"
    progress(f"round {number}, {way.title}: {words}{wrong}")
