"""What may happen to a booking, one plain verb each. A verb is one transaction: lock, check, write, announce.

A booking's timers follow its row, whoever changes it: `signals.py` has that rule.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from parking import availability, timers
from parking.actions import carwashes
from parking.actions.due import ring, run_due
from parking.actions.locks import lock_booking, lock_own_booking, lock_slot
from parking.actions.payments import give_back, pay, price_of
from parking.actions.permissions import only_drivers, only_owner
from parking.errors import (
    AlreadyEnded,
    AlreadyRenewed,
    Forbidden,
    IllegalMove,
    Invalid,
    NotExpired,
    NotFound,
    ParkingError,
    SlotTaken,
)
from parking.events import RENEW_FAILURE, RENEW_SUCCESS, RENEW_TOO_EARLY
from parking.models import HOLDING, Booking, Payment, Slot, User
from parking.notifications import notify

__all__ = ["book", "cancel", "decline", "extend", "renew", "ring", "run_due"]

Status = Booking.Status

LONGEST = timedelta(days=31)
FURTHEST_AHEAD = timedelta(days=365)


def book(
    *,
    driver: User,
    slot_id: int,
    vehicle_number: str,
    ends_at: datetime,
    starts_at: datetime | None = None,
    method: Payment.Method,
    token: str = "",
) -> Booking:
    """Hold a slot from `starts_at` (None: now) to `ends_at`, pay, and arm the timers; return the booking.

    Raises Invalid, Forbidden, NotFound, SlotTaken, PaymentDeclined or GatewayAway; then nothing is
    stored.
    """
    only_drivers(driver, "book slots")
    with transaction.atomic():
        slot = lock_slot(slot_id)
        now = timers.now()
        starts_at = starts_at or now
        _check_start(starts_at, now=now)
        _check_period(starts_at=starts_at, ends_at=ends_at)
        return _hold(
            slot,
            starts_at=starts_at,
            ends_at=ends_at,
            method=method,
            token=token,
            driver=driver,
            vehicle_number=vehicle_number,
        )


def extend(
    booking_id: int, *, by: User, ends_at: datetime, method: Payment.Method, token: str = ""
) -> Booking:
    """Move the end of a booking that has not ended, pay for the time added, and arm its timers anew.

    Raises NotFound, Forbidden, Invalid, IllegalMove, AlreadyEnded, SlotTaken, PaymentDeclined or
    GatewayAway.
    """
    with transaction.atomic():
        booking = lock_own_booking(booking_id, driver=by)
        slot = lock_slot(booking.slot_id)
        now = timers.now()
        _check_extendable(booking, ends_at=ends_at, now=now)
        _check_free(slot, starts_at=booking.ends_at, ends_at=ends_at, but=booking)
        added = _price(slot, booking.starts_at, ends_at) - _price(slot, booking.starts_at, booking.ends_at)
        booking.ends_at = ends_at
        booking.price += added
        with _overlap_refused():
            booking.save(update_fields=["ends_at", "price"])
        pay(booking, amount=added, method=method, token=token)
        return booking


def renew(
    booking_id: int, *, by: User, ends_at: datetime, method: Payment.Method, token: str = ""
) -> Booking:
    """Book the slot of an expired booking again, from now to `ends_at`; return the new booking.

    Raises what `book` raises, IllegalMove, AlreadyRenewed, and NotExpired before the end. A failure
    is also told, in a transaction of its own, because the one that failed leaves nothing behind.
    """
    try:
        with transaction.atomic():
            old = lock_own_booking(booking_id, driver=by)
            return _renew(old, ends_at=ends_at, method=method, token=token)
    except (NotFound, Forbidden, AlreadyRenewed):
        raise
    except NotExpired:
        notify(RENEW_TOO_EARLY, to=by.pk, booking={"id": booking_id})
        raise
    except ParkingError as error:
        notify(RENEW_FAILURE, to=by.pk, reason=error.reason, booking={"id": booking_id})
        raise


def cancel(booking_id: int, *, by: User) -> Booking:
    """Give the slot back before the end, and refund it. Raises NotFound, Forbidden or IllegalMove."""
    with transaction.atomic():
        booking = lock_own_booking(booking_id, driver=by)
        _undo(booking, Status.CANCELLED)
        return booking


def decline(booking_id: int, *, by: User) -> Booking:
    """Refuse a booking before its end, as the lot's owner or as staff, and refund it.

    Raises NotFound, Forbidden or IllegalMove.
    """
    with transaction.atomic():
        booking = lock_booking(booking_id, seen_by=by)
        only_owner(by, booking.slot.lot.owner_id, "declines its bookings")
        _undo(booking, Status.CANCELLED_BY_ADMIN)
        return booking


def _undo(booking: Booking, to: Booking.Status) -> None:
    # While nobody sweeps, it still holds a slot that was used to the end: that is not refunded any more.
    if _has_ended(booking, now=timers.now()):
        raise IllegalMove(status=Status.EXPIRED)
    booking.move(to)
    give_back(booking)
    carwashes.cancel_with(booking)


def _renew(old: Booking, *, ends_at: datetime, method: Payment.Method, token: str) -> Booking:
    if old.status in HOLDING:
        raise NotExpired(status=old.status)
    if newer := Booking.objects.filter(renewed_from=old).first():
        raise AlreadyRenewed(renewed_by=newer.pk)
    if old.status != Status.EXPIRED:
        raise IllegalMove(status=old.status)
    slot = lock_slot(old.slot_id)
    now = timers.now()
    _check_period(starts_at=now, ends_at=ends_at)
    new = _hold(
        slot,
        method=method,
        token=token,
        driver=old.driver,
        vehicle_number=old.vehicle_number,
        starts_at=now,
        ends_at=ends_at,
        renewed_from=old,
    )
    # After the new one is there: that is how anyone can tell a renewal from a booking that closed.
    old.move(Status.COMPLETED)
    notify(RENEW_SUCCESS, to=new.driver_id, dedupe_key=f"renewed:{new.pk}", **new.facts())
    return new


def _hold(
    slot: Slot, *, starts_at: datetime, ends_at: datetime, method: Payment.Method, token: str, **fields: Any
) -> Booking:
    """Store the booking of a locked slot, then pay: money is asked for last."""
    _check_free(slot, starts_at=starts_at, ends_at=ends_at)
    # Who held the slot until a moment ago may have expired since the clock was asked: looked at again, it
    # is not before that end.
    starts_at = max(starts_at, timers.now())
    _check_period(starts_at=starts_at, ends_at=ends_at)
    with _overlap_refused():
        booking = Booking.objects.create(
            slot=slot,
            status=Status.PENDING if method == Payment.Method.CASH else Status.BOOKED,
            price=_price(slot, starts_at, ends_at),
            starts_at=starts_at,
            ends_at=ends_at,
            **fields,
        )
    pay(booking, amount=booking.price, method=method, token=token)
    return booking


def _price(slot: Slot, starts_at: datetime, ends_at: datetime) -> Decimal:
    return price_of(hourly_rate=slot.hourly_rate, starts_at=starts_at, ends_at=ends_at)


@contextmanager
def _overlap_refused() -> Iterator[None]:
    """Turn the database's own refusal of an overlap into SlotTaken, should one get past the lock.

    It ends the verb's atomic block, whose savepoint or transaction is rolled back: it needs no other.
    """
    try:
        yield
    except IntegrityError as error:
        if "booking_slot_held_once" not in str(error):
            raise
        raise SlotTaken from error


# --- Checks -----------------------------------------------------------------------------------


def _has_ended(booking: Booking, *, now: datetime) -> bool:
    """Whether it is to expire, but has not yet."""
    return booking.status in HOLDING and booking.ends_at <= now


def _check_start(starts_at: datetime, *, now: datetime) -> None:
    if timezone.is_naive(starts_at):
        raise Invalid(starts_at="A time needs its zone.")
    if starts_at < now:
        raise Invalid(starts_at="A booking cannot start in the past.")
    if starts_at > now + FURTHEST_AHEAD:
        raise Invalid(starts_at=f"At most {FURTHEST_AHEAD.days} days ahead.")


def _check_period(*, starts_at: datetime, ends_at: datetime) -> None:
    if timezone.is_naive(ends_at):
        raise Invalid(ends_at="A time needs its zone.")
    if ends_at <= starts_at:
        raise Invalid(ends_at="A booking must end after it starts.")
    if ends_at - starts_at > LONGEST:
        raise Invalid(ends_at=f"A booking lasts at most {LONGEST.days} days.")


def _check_extendable(booking: Booking, *, ends_at: datetime, now: datetime) -> None:
    if booking.status == Status.EXPIRED or _has_ended(booking, now=now):
        raise AlreadyEnded(status=booking.status)
    if booking.status not in HOLDING:
        raise IllegalMove(status=booking.status)
    _check_period(starts_at=booking.starts_at, ends_at=ends_at)
    if ends_at <= booking.ends_at:
        raise Invalid(ends_at="An extension must end later than the booking does now.")


def _check_free(slot: Slot, *, starts_at: datetime, ends_at: datetime, but: Booking | None = None) -> None:
    if not availability.is_free(slot, starts_at=starts_at, ends_at=ends_at, but=but):
        raise SlotTaken(next_free_at=availability.next_free_at(slot, starts_at=starts_at, ends_at=ends_at))
