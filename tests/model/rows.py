"""What the database says, in the model's words; and what must be true of rows whatever the model says."""

from collections import Counter
from itertools import pairwise
from typing import Any

from django.db import connection

from parking.models import User
from tests.model.promises import HOLDING, LEGAL, Model

_FORGET = "; ".join(
    f"DELETE FROM parking_{table}"
    for table in ("storedanswer", "notification", "inbox", "timer", "payment", "booking")
)

# In one go: this is asked after every step.
_READ = """
SELECT id, driver_id, slot_id, starts_at, ends_at, status, price, renewed_from_id
    FROM parking_booking ORDER BY id;
SELECT booking_id, kind, due_at, state, fired_at, attempts, retry_at FROM parking_timer;
SELECT id, reference, booking_id, method, amount, created_at, status,
    refund_due_at IS NOT NULL, refunded_at IS NOT NULL FROM parking_payment ORDER BY id;
SELECT recipient_id, event, (facts -> 'booking' ->> 'id')::bigint, seq FROM parking_notification ORDER BY id;
SELECT user_id, head FROM parking_inbox;
"""


def forget() -> None:
    """Delete all bookings and what belongs to them; people, lots and slots stay."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)


def _read() -> list[list[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        found = [cursor.fetchall()]
        while cursor.nextset():
            found.append(cursor.fetchall())
    return found


class Rows:
    """The rows as they are now. A booking or payment is known by its place in the order of making."""

    def __init__(self, people: dict[str, User], slots: list[int]) -> None:
        bookings, timers, payments, notices, inboxes = _read()
        names = {user.pk: name for name, user in people.items()}
        self.booking_ids = [pk for pk, *_ in bookings]
        self.payment_ids = [pk for pk, *_ in payments]
        place = {pk: place for place, pk in enumerate(self.booking_ids)}
        self.bookings = [
            (names[driver], slots.index(slot), *rest, place.get(renewed))
            for _, driver, slot, *rest, renewed in bookings
        ]
        self.timers = Counter((place[booking], *rest) for booking, *rest in timers)
        self.payments = [(place[booking], *rest) for _, _, booking, *rest in payments]
        paid = [(reference, row) for (_, reference, *_), row in zip(payments, self.payments, strict=True)]
        self.kept = {
            reference: row[2] for reference, row in paid if reference and row[4:6] == ("PAID", False)
        }
        self.notices = [
            (names[person], event, place[booking] if booking else None, seq)
            for person, event, booking, seq in notices
        ]
        self.told = Counter(notice[:3] for notice in self.notices)
        self.heads = {names[user]: head for user, head in inboxes}

    def check(self, before: "Rows | None") -> None:
        """What is so of any rows: no slot held twice, legal moves only, inboxes without a gap or a change."""
        held = sorted(row[1:4] for row in self.bookings if row[4] in HOLDING)
        for (slot, _, end), (other, start, _) in pairwise(held):
            assert slot != other or end <= start, "a slot is held twice"
        for name in {notice[0] for notice in self.notices}:
            numbers = [seq for person, *_, seq in self.notices if person == name and seq is not None]
            assert numbers == list(range(1, self.heads.get(name, 0) + 1)), f"{name}'s inbox: {numbers}"
        if before:
            assert self.notices[: len(before.notices)] == [
                (*was[:3], was[3] or now[3]) for was, now in zip(before.notices, self.notices, strict=False)
            ], "a notice went, or its number changed"
            for was, now in zip(before.bookings, self.bookings, strict=False):
                moved = was[4] != now[4] and (was[4] not in LEGAL or now[4] not in _reachable(was[4]))
                assert not moved, f"{was[4]} became {now[4]}"

    def unnumbered(self) -> set[str]:
        """Who was told something that has no number yet."""
        return {person for person, *_, seq in self.notices if seq is None}


def _reachable(status: str) -> set[str]:
    """What a booking may have become since: several moves may have been made at once."""
    found, new = set(), {status}
    while new:
        found |= new
        new = {to for at in new for to in LEGAL.get(at, ())} - found
    return found


def as_rows(model: Model) -> dict[str, Any]:
    """The model, as `Rows` says it."""
    return {
        "bookings": [
            (b.driver, b.slot, b.starts_at, b.ends_at, b.status, b.price, b.renewed_from)
            for b in model.bookings
        ],
        "timers": Counter(
            (b.id, t.kind, t.due, t.state, t.fired_at, t.attempts, t.retry_at)
            for b in model.bookings
            for t in b.timers
        ),
        "payments": [
            (p.booking, p.method, p.amount, p.created_at, p.status, p.refund_due, p.refunded)
            for p in model.payments
        ],
        "told": model.told,
    }


def differences(model: Model, rows: Rows) -> dict[str, Any]:
    """Where the model and the rows differ: by name, what is promised and what is there."""
    return {
        name: {"promised": promised, "there": getattr(rows, name)}
        for name, promised in as_rows(model).items()
        if promised != getattr(rows, name)
    }
