"""What any way of doing it owes the people of a box, and what of it was done, by the same rows and screens.

A booking owes three things: a warning, its end, and its close. Owed is what its row asked for when the time
came. Whether it was done is in the table `witness`; whether it was told, its driver's screen has shown.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.faults.box import LEAD, WINDOW
from tests.faults.evidence import Outage, possible
from tests.faults.judge.found import CANCELLED

# Also of the ends of bookings there is a history here.
WITNESS = """
CREATE CONSTRAINT TRIGGER witness_end AFTER UPDATE ON parking_booking
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.ends_at IS DISTINCT FROM NEW.ends_at)
    EXECUTE FUNCTION witness_state('end', 'ends_at');
"""

# A change this close to a warning's moment, in seconds, may come before it or after it.
SAME_MOMENT = 0.5
# After an outage it may take this long, in seconds, until all is as before; what was due right before it may
# have been on its way.
RECOVERY = 5.0

# By user, what their screen has shown: when, of which booking, which event.
Screens = Mapping[int, Sequence[tuple[float, int, str]]]


@dataclass(frozen=True)
class Owed:
    """One thing that a booking owed: when, whether and when it was done and told, and told too often.

    A warning changes nothing: it is done when it is told. Nobody saw what a driver without a screen was told.
    """

    what: str
    due: float
    done: float | None
    told: Sequence[float]
    seen: bool
    changes: bool = True
    most: int = 1

    def __str__(self) -> str:
        told = ", ".join(f"{at - self.due:.2f}" for at in self.told)
        done = "never" if self.done is None else f"{self.done - self.due:.2f}"
        return f"{self.what}: done at {done}, told at {told or 'no time'}, in seconds from when it was due"

    @property
    def not_done(self) -> bool:
        return self.changes and self.done is None

    @property
    def not_told(self) -> bool:
        return self.seen and not self.told

    @property
    def too_often(self) -> int:
        return max(0, len(self.told) - self.most)


@dataclass(frozen=True)
class Tally:
    """The sums of a run; `worst` in seconds, of those that were done."""

    owed: int
    not_done: int
    not_told: int
    doubled: int
    worst: float
    wrong: Sequence[Owed]

    def __str__(self) -> str:
        return f"{self.owed:,}: {self.not_done} / {self.not_told} / {self.doubled} / {self.worst:.1f}"


def tally(
    *, bookings: Sequence[Any], history: Sequence[Any], screens: Screens, outages: Sequence[Outage]
) -> Tally:
    """The sums of a run that has come to rest."""
    told = defaultdict(list)
    for frames in screens.values():
        for at, booking, event in frames:
            told[booking, event].append(at)
    lives = defaultdict(list)
    for row in history:
        lives[row.subject, row.row_id].append(row)
    renewed = {booking.renewed_from_id for booking in bookings}
    owed: list[Owed] = []
    for booking in bookings:
        life = Life(
            booking,
            moves={row.became: row.at.timestamp() for row in lives["booking", booking.id]},
            ends=_ends(booking, lives["booking", booking.id][0], lives["end", booking.id]),
            told={event: told[booking.id, event] for event in EVENTS},
            seen=booking.driver_id in screens,
        )
        owed += life.warned(outages)
        owed += life.ended(renewed=booking.id in renewed)
    return Tally(
        len(owed),
        not_done=sum(one.not_done for one in owed),
        not_told=sum(one.not_told for one in owed),
        doubled=sum(one.too_often for one in owed),
        worst=max(
            (one.done - possible(one.due, outages, bound=RECOVERY) for one in owed if one.done), default=0.0
        ),
        wrong=[one for one in owed if one.not_done or one.not_told or one.too_often],
    )


EVENTS = WARNING, EXPIRED, CLOSED = "BOOKING_WARNING", "BOOKING_EXPIRED", "SLOT_AUTO_EXPIRED"


@dataclass(frozen=True)
class Life:
    """A booking: when it came to each state, its ends and when they were said, what its driver was told."""

    booking: Any
    moves: Mapping[str, float]
    ends: Sequence[tuple[float, float]]
    told: Mapping[str, Sequence[float]]
    seen: bool

    def warned(self, outages: Sequence[Outage]) -> Iterator[Owed]:
        """One warning, of the last end. Of an earlier one it may have been told, until it was moved."""
        said, ends_at = self.ends[-1]
        due = ends_at - LEAD
        told = self.told[WARNING]
        owed = self.seen and self.booking.status not in CANCELLED and due > said + SAME_MOMENT
        # What is not owed may not be told too often, all the same: once of each end.
        if (owed and not _was_out(due, ends_at, outages)) or len(told) > len(self.ends):
            yield Owed(
                self._name(WARNING),
                due,
                min(told, default=None),
                told,
                seen=True,
                changes=False,
                most=len(self.ends),
            )

    def ended(self, *, renewed: bool) -> Iterator[Owed]:
        """Its end, and its close unless it was renewed."""
        ends_at = self.ends[-1][1]
        moments = {EXPIRED: ("EXPIRED", ends_at), CLOSED: ("COMPLETED", ends_at + WINDOW)}
        for event, (state, due) in moments.items():
            if self.booking.status not in CANCELLED and not (renewed and event == CLOSED):
                yield Owed(self._name(event), due, self.moves.get(state), self.told[event], self.seen)

    def _name(self, event: str) -> str:
        return f"{event} of booking {self.booking.id}"


def _ends(booking: Any, made: Any, moved: Sequence[Any]) -> list[tuple[float, float]]:
    """When each end of a booking was said, and which it was."""
    moved = sorted(moved, key=lambda row: row.at)
    first = datetime.fromisoformat(moved[0].was) if moved else booking.ends_at
    later = [(row.at.timestamp(), datetime.fromisoformat(row.became).timestamp()) for row in moved]
    return [(made.at.timestamp(), first.timestamp()), *later]


def _was_out(due: float, ends_at: float, outages: Sequence[Outage]) -> bool:
    """Whether an outage left too little of a warning's time."""
    return any(outage.since <= ends_at and due <= outage.until + RECOVERY for outage in outages)
