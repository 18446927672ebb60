"""Promise 6: what the rules say of slots, of a booking's life, and of money."""

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from typing import Any

from parking.models.bookings import MOVES
from tests.faults.evidence import Evidence
from tests.faults.judge.found import CANCELLED, Found


def slots_histories_and_money_are_right(evidence: Evidence) -> Found:
    """(6) No overlap on any slot, every booking's history a legal path, and the money sums match."""
    yield from _overlaps(evidence)
    yield from _illegal_paths(evidence)
    yield from _wrong_sums(evidence)


def _overlaps(evidence: Evidence) -> Found:
    slots = defaultdict(list)
    for booking in evidence.bookings:
        if booking.status not in CANCELLED:
            slots[booking.slot_id].append(booking)
    for bookings in slots.values():
        bookings.sort(key=lambda booking: booking.starts_at)
        for first, second in pairwise(bookings):
            if second.starts_at < first.ends_at:
                yield f"bookings {first.id} and {second.id} hold slot {first.slot_id} together", "doubled"


def _illegal_paths(evidence: Evidence) -> Found:
    at: dict[int, str] = {}
    for row in evidence.history:
        if row.subject != "booking":
            continue
        if row.was != at.get(row.row_id) or (row.was and row.became not in MOVES[row.was]):
            yield f"booking {row.row_id} went from {at.get(row.row_id)} to {row.became}", "path"
        at[row.row_id] = row.became
    for booking in evidence.bookings:
        if at.get(booking.id, booking.status) != booking.status:
            yield (
                f"booking {booking.id} is {booking.status}, and its history ends at {at[booking.id]}",
                "path",
            )


def _wrong_sums(evidence: Evidence) -> Found:
    payments = defaultdict(list)
    for payment in evidence.payments:
        payments[payment.booking_id].append(payment)
    for booking in evidence.bookings:
        mine = payments[booking.id]
        asked = sum((payment.amount for payment in mine), Decimal())
        if asked != booking.price:
            yield f"booking {booking.id} costs {booking.price}, and {asked} was asked for", "money"
        for payment in mine:
            if wrong := _wrong_payment(payment, booking, patient=evidence.may_wait_for_money):
                yield f"payment {payment.id} of {booking.status} booking {booking.id}: {wrong}", "money"


def _wrong_payment(payment: Any, booking: Any, *, patient: bool) -> str:
    """What is wrong with a payment that has come to rest."""
    if payment.method == "cash":
        return _wrong_cash(payment, booking)
    if payment.status == "PENDING" or (payment.refund_due_at and not payment.refunded_at):
        return "" if patient else "not finished"
    if booking.status in CANCELLED:
        return "" if payment.status == "FAILED" or payment.refunded_at else "not given back"
    return "" if payment.status == "PAID" and not payment.refund_due_at else "not paid"


def _wrong_cash(payment: Any, booking: Any) -> str:
    """Cash waits for people: what nobody has verified may stay so, and goes back by hand."""
    if booking.status in CANCELLED:
        kept = payment.status == "PENDING" or (payment.status == "VERIFIED" and not payment.refund_due_at)
        return "not given back" if kept else ""
    if payment.status not in ("PENDING", "VERIFIED") or payment.refund_due_at:
        return "not paid"
    return (
        "its booking is not confirmed" if payment.status == "VERIFIED" and booking.status == "PENDING" else ""
    )
