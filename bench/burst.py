"""How late is the last of many bookings that all end in the same second?

Two ways, one after the other, on the same PostgreSQL, Valkey and Celery settings, each with one worker:
ParkMate's (a timer is a row, its alarm fires all that is due) and one ETA task per booking (`bench.plain`).
Lateness is from the moment that was due to the commit, by PostgreSQL's own record of it.
"""

import argparse
import os
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psutil

from bench.harness import PROCFILE, Machine, machine, until

# Django is set up only once the servers run: until then, its models cannot be imported.
if TYPE_CHECKING:
    from parking.models import Booking

DRIVERS = 300
# Nothing is waited for longer, in seconds.
PATIENCE = 600.0
# A machine whose others take more of the CPU than this, in per cent, does not measure us alone.
QUIET = 10.0


@dataclass(frozen=True)
class Way:
    """One way to expire bookings: its worker's command, and how it is told when each is due."""

    name: str
    worker: str
    prepare: Callable[[Sequence["Booking"]], None]


@dataclass(frozen=True)
class Outcome:
    """What became of the bookings of one round.

    `lateness`: seconds, ascending, of those that expired. `drained`: seconds from due until the worker
    had done every message. `busy`: how much of the CPU others took, in per cent, just before.
    """

    bookings: int
    lateness: Sequence[float]
    writes: int
    notices: int
    told_once: int
    drained: float | None
    busy: float

    @property
    def exact(self) -> bool:
        """Whether each booking was written once, and told once."""
        counts = {len(self.lateness), self.writes, self.notices, self.told_once}
        return counts == {self.bookings}

    @property
    def early(self) -> int:
        """How many were expired before their time."""
        return sum(late < 0 for late in self.lateness)

    def at(self, share: float) -> float:
        """The lateness that this share of the bookings did not exceed."""
        return self.lateness[max(0, round(share * len(self.lateness)) - 1)]


def prepare_parkmate(bookings: Sequence["Booking"]) -> None:
    """Arm the expiry of each, and set the alarms."""
    from parking import timers
    from parking.models import Timer

    Timer.objects.bulk_create(
        Timer(booking=booking, kind=Timer.Kind.EXPIRY, due_at=booking.ends_at) for booking in bookings
    )
    if timers.set_alarms() != len(bookings):
        raise SystemExit("Not every alarm could be set.")


def prepare_plain(bookings: Sequence["Booking"]) -> None:
    """One ETA task for each."""
    from bench.plain import expire

    for booking in bookings:
        expire.apply_async((booking.pk,), eta=booking.ends_at.astimezone(UTC))


PARKMATE = Way("ParkMate", PROCFILE["worker"], prepare_parkmate)
PLAIN = Way("plain", PROCFILE["worker"].replace("--app parkmate", "--app bench.plain"), prepare_plain)


def make_slots(count: int) -> list[int]:
    """An owner's lot with so many slots, and the drivers; return the slots' ids."""
    from parking.models import Lot, Slot, User

    User.objects.bulk_create(User(username=f"driver{number}", password="!") for number in range(DRIVERS))
    owner = User.objects.create(username="owner", password="!", role=User.Role.OWNER)
    lot = Lot.objects.create(owner=owner, name="Large", address="Everywhere")
    slots = Slot.objects.bulk_create(
        Slot(lot=lot, number=number, hourly_rate=60) for number in range(1, count + 1)
    )
    return [slot.pk for slot in slots]


def book(slots: Sequence[int], *, due_at: datetime, spread: float) -> list["Booking"]:
    """A booking of each slot, ending at `due_at` or evenly over `spread` seconds from then."""
    from parking.models import Booking, User

    drivers = User.objects.filter(role=User.Role.DRIVER).values_list("pk", flat=True)
    step = timedelta(seconds=spread) / len(slots)
    return Booking.objects.bulk_create(
        Booking(
            driver_id=drivers[number % len(drivers)],
            slot_id=slot,
            vehicle_number="KA01AB1234",
            starts_at=due_at - timedelta(hours=1),
            ends_at=due_at + number * step,
            status=Booking.Status.BOOKED,
            price=60,
        )
        for number, slot in enumerate(slots)
    )


def clear(here: Machine) -> None:
    """No bookings, no notices, no messages."""
    here.rows("TRUNCATE parking_booking, parking_notification, parking_inbox CASCADE")
    here.empty_queues()


def booking_writes(here: Machine) -> int:
    """How many updates of booking rows PostgreSQL has counted so far, in all."""
    return int(here.value("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'parking_booking'"))


def measure(here: Machine, way: Way, slots: Sequence[int], options: argparse.Namespace) -> Outcome:
    """Let one way expire a booking of each slot, with a worker started for it."""
    clear(here)
    before = booking_writes(here)
    try:
        here.start_worker(way.name, way.worker)
        if way is PARKMATE and options.sweeper:
            here.start("sweeper", PROCFILE["sweeper"])
        due_at = datetime.now(UTC) + timedelta(seconds=options.lead)
        way.prepare(book(slots, due_at=due_at, spread=float(options.spread)))
        here.rows("ANALYZE")
        await_held(here, len(slots), due_at=due_at)
        busy = others_until(due_at)
        drained = await_done(here, due_at=due_at)
    finally:
        # Only a backend that has ended has surely reported all that it counted.
        here.end_processes()
    return outcome(here, len(slots), writes=booking_writes(here) - before, drained=drained, busy=busy)


def await_held(here: Machine, count: int, *, due_at: datetime) -> None:
    """Wait until the worker holds every message: a quiet second before the first is due."""
    left = (due_at - datetime.now(UTC)).total_seconds() - 1
    if left < 0 or not until(lambda: here.messages() == (0, count), seconds=left):
        raise SystemExit(f"The worker was not ready in time ({here.messages()}): try a longer --lead.")


def others_until(due_at: datetime) -> float:
    """Wait for the moment, idle; return how much of the CPU was taken meanwhile, in per cent."""
    psutil.cpu_percent()
    time.sleep(max(0, (due_at - datetime.now(UTC)).total_seconds()))
    return float(psutil.cpu_percent())


def await_done(here: Machine, *, due_at: datetime) -> float | None:
    """Wait until every booking has expired and every message is done; return how long after `due_at`."""
    waiting = "SELECT id FROM parking_booking WHERE status = 'BOOKED' LIMIT 1"
    done = until(lambda: not here.rows(waiting), seconds=PATIENCE, every=0.25)
    if not (done and until(lambda: here.messages() == (0, 0), seconds=PATIENCE)):
        return None
    return (datetime.now(UTC) - due_at).total_seconds()


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


def outcome(here: Machine, bookings: int, *, writes: int, drained: float | None, busy: float) -> Outcome:
    """What the rows say."""
    return Outcome(
        bookings=bookings,
        lateness=[late for (late,) in here.rows(LATENESS)],
        writes=writes,
        notices=here.value("SELECT count(*) FROM parking_notification"),
        told_once=here.value(TOLD_ONCE),
        drained=drained,
        busy=busy,
    )


COLUMNS = "{:>5}  {:<8}  {:>8}  {:>8}  {:>8}  {:>8}  {:>6}  {:>8}  {:>7}  {:>8}  {:>7}  {:>6}"
HEADS = (
    "round",
    "way",
    "first",
    "p50",
    "p99",
    "last",
    "early",
    "expired",
    "writes",
    "notices",
    "drained",
    "others",
)


def line(number: int, name: str, found: Outcome) -> str:
    """One line of the table."""
    seconds = [f"{found.at(share):.3f}" for share in (0, 0.5, 0.99, 1)] if found.lateness else ["-"] * 4
    drained = "never" if found.drained is None else f"{found.drained:.1f}"
    counts = (found.early, len(found.lateness), found.writes, found.notices)
    return COLUMNS.format(number, name, *seconds, *counts, drained, f"{found.busy:.0f} %")


def verdict(rounds: Sequence[dict[str, Outcome]]) -> str:
    """What follows from the rounds, in sentences."""
    sentences = []
    for way in (PARKMATE, PLAIN):
        exact = all(found[way.name].exact for found in rounds)
        early = sum(found[way.name].early for found in rounds)
        words = "each booking expired once, with one notice" if exact else "NOT each once with one notice"
        sentences.append(f"{way.name}: {words}; {early or 'none'} early.")
    lasts = {
        way.name: statistics.median(found[way.name].at(1) for found in rounds) for way in (PARKMATE, PLAIN)
    }
    ratio = statistics.median(found[PLAIN.name].at(1) / found[PARKMATE.name].at(1) for found in rounds)
    sentences.append(
        f"The last one: {lasts['ParkMate']:.2f} s with ParkMate, {lasts['plain']:.1f} s plain:"
        f" {ratio:.0f} times sooner (medians of {len(rounds)})."
    )
    if (busy := max(found[way.name].busy for found in rounds for way in (PARKMATE, PLAIN))) > QUIET:
        sentences.append(f"Not a quiet machine: others took up to {busy:.0f} % of the CPU.")
    return "\n".join(sentences)


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.burst",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--bookings", type=int, default=5000, help="how many (default: 5000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is measured (default: 3)")
    parser.add_argument("--spread", action="store_true", help="due evenly over a second, not all at once")
    parser.add_argument("--sweeper", action="store_true", help="run a sweeper beside ParkMate's worker")
    parser.add_argument("--lead", type=float, help="seconds to prepare a round (default: by --bookings)")
    parser.add_argument(
        "--plain-reconnects",
        action="store_true",
        help="the plain worker opens a database connection for every task, as Celery does by default",
    )
    parser.add_argument("--keep", action="store_true", help="keep the directory with the processes' logs")
    options = parser.parse_args()
    options.lead = options.lead or 10 + options.bookings / 250
    if options.bookings < 1 or options.rounds < 1 or not 0 < options.lead < 115:
        # Alarms are set at most 120 s ahead: ALARM_HORIZON_SECONDS.
        parser.error("at least one booking and one round, and a lead below 115 s (26,000 bookings)")
    return options


def main() -> int:
    """Measure and print; return 1 if ParkMate was early, or not exact."""
    options = read_options()
    rounds: list[dict[str, Outcome]] = []
    if options.plain_reconnects:
        os.environ["BENCH_PLAIN_RECONNECTS"] = "1"
    with machine(keep=options.keep) as here:
        print(f"$ python -m bench.burst {shlex.join(sys.argv[1:])}\n{here.facts()}")
        for way in (PARKMATE, PLAIN):
            print(f"{way.name}: {way.worker.removeprefix('exec ')}")
        due = "evenly over one second" if options.spread else "at the same instant"
        print(f"{options.bookings} bookings due {due}; seconds from due to committed:\n")
        print(COLUMNS.format(*HEADS), flush=True)
        slots = make_slots(options.bookings)
        for number in range(1, options.rounds + 1):
            rounds.append({})
            for way in (PARKMATE, PLAIN):
                rounds[-1][way.name] = found = measure(here, way, slots, options)
                print(line(number, way.name, found), flush=True)
    print(f"\n{verdict(rounds)}")
    ours = [found[PARKMATE.name] for found in rounds]
    return 0 if all(found.exact and not found.early for found in ours) else 1


if __name__ == "__main__":
    sys.exit(main())
