"""What the database says, in the model's words; and what must be true of rows whatever the model says."""

from collections import Counter
from itertools import pairwise
from typing import Any

from django.db import connection

from parking.models import Booking, Inbox, Notification, Payment, Timer, User
from tests.model.promises import HOLDING, LEGAL, Model

_FORGET = "; ".join(
    f"DELETE FROM parking_{table}"
    for table in ("storedanswer", "notification", "inbox", "timer", "payment", "booking")
)


def forget() -> None:
    """Delete all bookings and what belongs to them; people, lots and slots stay."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)


class Rows:
    """The rows as they are now. A booking or payment is known by its place in the order of making."""

    def __init__(self, people: dict[str, User], slots: list[int]) -> None:
        names = {user.pk: name for name, user in people.items()}
        self.booking_ids = list(Booking.objects.order_by("pk").values_list("pk", flat=True))
        self.payment_ids = list(Payment.objects.order_by("pk").values_list("pk", flat=True))
        self.place = {pk: place for place, pk in enumerate(self.booking_ids)}
        self.bookings = [
            (names[driver], slots.index(slot), start, end, status, price, self.place.get(renewed))
            for driver, slot, start, end, status, price, renewed in Booking.objects.order_by(
                "pk"
            ).values_list("driver", "slot", "starts_at", "ends_at", "status", "price", "renewed_from")
        ]
        self.timers = Counter(
            (self.place[booking], *rest)
            for booking, *rest in Timer.objects.values_list(
                "booking", "kind", "due_at", "state", "fired_at", "attempts", "retry_at"
            )
        )
        rows = Payment.objects.order_by("pk").values_list(
            "booking", "method", "amount", "created_at", "status", "refund_due_at", "refunded_at", "reference"
        )
        self.payments = [
            (self.place[booking], *rest, due is not None, refunded is not None)
            for booking, *rest, due, refunded, _ in rows
        ]
        self.references = {row[-1]: row[2] for row in rows if row[-1]}
        self.kept = {row[-1]: row[2] for row in rows if row[-1] and row[4] == "PAID" and row[6] is None}
        self.notices = [
            (names[person], event, self.place[facts["booking"]["id"]], seq)
            for person, event, facts, seq in Notification.objects.order_by("pk").values_list(
                "recipient", "event", "facts", "seq"
            )
        ]
        self.told = Counter(notice[:3] for notice in self.notices)
        self.heads = {names[user]: head for user, head in Inbox.objects.values_list("user", "head")}

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
