"""What a run has left: the rows, what people were answered and shown, what the processes said and took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.rows import namedtuple_row

QUERIES = {
    "timers": "SELECT t.*, b.driver_id FROM parking_timer t JOIN parking_booking b ON b.id = t.booking_id",
    "bookings": "SELECT b.*, l.owner_id FROM parking_booking b"
    " JOIN parking_slot s ON s.id = b.slot_id JOIN parking_lot l ON l.id = s.lot_id",
    "notices": "SELECT * FROM parking_notification",
    "inboxes": "SELECT * FROM parking_inbox",
    "payments": "SELECT * FROM parking_payment",
    "history": "SELECT * FROM witness",
}


@dataclass
class Answer:
    """What became of one request that somebody made until it was answered.

    `booking`, `slot`: which it was about.
    """

    verb: str
    status: int | None
    code: str | None = None
    booking: int | None = None
    vehicle: str = ""
    slot: int | None = None
    seconds: float = 0.0


@dataclass
class Seen:
    """What one screen has shown, in the order in which it did, and how its connections ended."""

    user_id: int
    numbers: list[int]
    codes: list[int | None] = field(default_factory=list)


@dataclass
class Outage:
    """From when until when (seconds since the epoch) nothing could fire, of this booking or at all;

    or, if `people` are named, nobody of them could be told. What was due in that time is due at its end.
    """

    since: float
    until: float = float("inf")
    booking: int | None = None
    people: tuple[int, ...] = ()

    @property
    def of_everything(self) -> bool:
        """Whether nothing could be done at all."""
        return self.booking is None and not self.people

    def ends_for(self, due: float, *, bound: float) -> float:
        """When what was due then could be done: what was due right before may have been on its way."""
        return self.until if self.since - bound <= due <= self.until else due


def possible(due: float, outages: Sequence[Outage], *, bound: float) -> float:
    """From when on what was due then could be done, of no booking or person in particular."""
    for outage in outages:
        if outage.of_everything:
            due = outage.ends_for(due, bound=bound)
    return due


@dataclass
class Evidence:
    """All of it. `fallen`: who ended by itself, and how.

    `used`: figures that should be again what they were, by name, before and after.
    """

    timers: Sequence[Any] = ()
    bookings: Sequence[Any] = ()
    notices: Sequence[Any] = ()
    inboxes: Sequence[Any] = ()
    payments: Sequence[Any] = ()
    history: Sequence[Any] = ()
    answers: list[Answer] = field(default_factory=list)
    screens: list[Seen] = field(default_factory=list)
    logs: Mapping[str, str] = field(default_factory=dict)
    fallen: Sequence[str] = ()
    used: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    outages: list[Outage] = field(default_factory=list)
    bound: float = 3.0
    typical: float | None = None
    may_say: tuple[str, ...] = ()
    may_park: int = 0
    may_wait_for_money: bool = False


def rows(connection: Connection[Any]) -> dict[str, Sequence[Any]]:
    """The tables, each row with its columns' names, oldest first."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return {
            name: cursor.execute(f"{query} ORDER BY {'1' if name != 'inboxes' else 'user_id'}").fetchall()
            for name, query in QUERIES.items()
        }
