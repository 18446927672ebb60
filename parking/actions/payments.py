"""Taking money and giving it back. Amounts are computed here, never sent by a client.

What is asked of the provider is first written down, in the transaction of its cause, and done after
the commit; `finish_left_behind` repeats what a crash or an absent provider left undone.
"""

import logging
import math
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from parking.actions.locks import lock_booking
from parking.actions.permissions import only_owner
from parking.changes import changed
from parking.connections import after_commit
from parking.errors import GatewayAway, NotCash, NotFound, NothingToHandBack, PaymentDeclined
from parking.gateways import gateway
from parking.models import Booking, CarWash, Payment, User

logger = logging.getLogger(__name__)

CENT = Decimal("0.01")
Method, Status = Payment.Method, Payment.Status

# In these nobody gets what the money was for.
UNDONE = (Booking.Status.CANCELLED, Booking.Status.CANCELLED_BY_ADMIN, CarWash.Status.CANCELLED)

# What a payment is for, up to the lot: whoever is told of it needs all of it.
WHAT_FOR = ("booking__slot__lot", "car_wash__wash_type__lot")

# What is not done so long after it was begun was left behind.
PATIENCE = timedelta(seconds=30)


def price_of(*, hourly_rate: Decimal, starts_at: datetime, ends_at: datetime) -> Decimal:
    """The hourly rate per started minute, to two decimals, halves up."""
    minutes = math.ceil((ends_at - starts_at).total_seconds() / 60)
    return (hourly_rate * minutes / 60).quantize(CENT, ROUND_HALF_UP)


def pay(thing: Booking | CarWash, *, amount: Decimal, method: Payment.Method, token: str) -> Payment:
    """Take `amount`: cash stays PENDING until verified, the rest is authorised, and captured on commit.

    Returns the payment's row. Raises PaymentDeclined or GatewayAway; the caller's transaction then
    stores nothing.
    """
    reference = ""
    if method != Method.CASH:
        reference = gateway().authorise(amount=amount, method=method, token=token)
    payment = Payment.objects.create(
        booking=thing if isinstance(thing, Booking) else None,
        car_wash=thing if isinstance(thing, CarWash) else None,
        amount=amount,
        method=method,
        status=Status.PENDING,
        reference=reference,
    )
    _finish_on_commit(payment)
    return payment


def give_back(thing: Booking | CarWash) -> None:
    """Refund what was paid for this, in the caller's transaction; cash that had not come yet, fails.

    Cash goes back by hand: its refund is due until the owner has recorded it. What was not captured
    yet stays PENDING until the provider has let go of it: see `finish`.
    """
    for payment in thing.payments.select_for_update(no_key=True).order_by("pk"):
        if payment.status == Status.PENDING and payment.method == Method.CASH:
            payment.move(Status.FAILED)
        elif payment.status == Status.PENDING:
            _finish_on_commit(payment)
        elif payment.status in (Status.PAID, Status.VERIFIED) and payment.refund_due_at is None:
            Payment.objects.filter(pk=payment.pk).update(refund_due_at=Now())
            _finish_on_commit(payment)


def verify(payment_id: int, *, by: User) -> Payment:
    """The cash came: as the lot's owner, or as staff. What follows from it, `signals.py` says.

    Doing it again changes nothing. Raises NotFound, Forbidden, NotCash or IllegalMove.
    """
    with transaction.atomic():
        payment = _lock_cash(payment_id, by=by, what="verifies cash")
        if payment.status != Status.VERIFIED:
            payment.move(Status.VERIFIED, verified_by=by, verified_at=Now())
        return payment


def confirm(payment: Payment) -> None:
    """A booking whose cash has all come is BOOKED. Called for every payment that becomes VERIFIED."""
    booking = payment.booking
    if booking and booking.status == Booking.Status.PENDING and not _cash_due(booking).exists():
        booking.move(Booking.Status.BOOKED)


def hand_back(payment_id: int, *, by: User) -> Payment:
    """The cash of a cancelled booking or wash went back to the driver.

    Doing it again changes nothing. Raises NotFound, Forbidden, NotCash or NothingToHandBack.
    """
    with transaction.atomic():
        payment = _lock_cash(payment_id, by=by, what="hands cash back")
        if payment.refund_due_at is None:
            raise NothingToHandBack
        Payment.objects.filter(pk=payment.pk, refunded_at=None).update(refunded_at=Now())
        payment.refresh_from_db(fields=["refunded_at"])
        changed(payment)
        return payment


def finish(payment_id: int) -> None:
    """Capture or refund what was begun with the provider. Raises GatewayAway; doing it again is safe.

    What is PENDING may have been captured, and the answer or our commit was lost. So if it is not wanted
    any more, the provider is told so before it FAILED.
    """
    with transaction.atomic():
        rows = unfinished().select_related(*WHAT_FOR).select_for_update(of=("self",), no_key=True)
        payment = rows.filter(pk=payment_id).first()
        if payment is None:
            return
        if payment.status == Status.PENDING and payment.thing.status not in UNDONE:
            _capture(payment)
            return
        gateway().refund(reference=payment.reference, amount=payment.amount)
        if payment.status == Status.PENDING:
            payment.move(Status.FAILED)
        else:
            Payment.objects.filter(pk=payment.pk).update(refunded_at=Now())
            changed(payment)


def finish_left_behind() -> int:
    """Finish what a crash or an absent provider left undone; return how many payments that were."""
    done = 0
    for payment_id in unfinished().filter(created_at__lt=Now() - PATIENCE).values_list("pk", flat=True):
        done += _try_to_finish(payment_id)
    return done


def unfinished() -> QuerySet[Payment]:
    """The payments of which the provider still has something to do."""
    refund = Q(refund_due_at__isnull=False, refunded_at__isnull=True)
    return Payment.objects.exclude(method=Method.CASH).filter(Q(status=Status.PENDING) | refund)


def _finish_on_commit(payment: Payment) -> None:
    after_commit(lambda: _try_to_finish(payment.pk))


def _try_to_finish(payment_id: int) -> bool:
    try:
        finish(payment_id)
    except GatewayAway:
        logger.warning("The payment provider is away", extra={"payment": payment_id})
        return False
    return True


def _capture(payment: Payment) -> None:
    try:
        gateway().capture(reference=payment.reference, amount=payment.amount)
    except PaymentDeclined as error:
        # An authorised payment that the provider then refuses: rare, and for people to sort out.
        logger.critical(
            "An authorised payment could not be captured",
            extra={"payment": payment.pk, "reason": error.message},
        )
        payment.move(Status.FAILED)
    else:
        payment.move(Status.PAID)


def _lock_cash(payment_id: int, *, by: User, what: str) -> Payment:
    """Lock a cash payment and, before it, its booking."""
    found = Payment.objects.visible_to(by).filter(pk=payment_id).first()
    if found is None:
        raise NotFound("payment")
    if found.booking_id:
        lock_booking(found.booking_id, seen_by=by)
    rows = Payment.objects.select_for_update(of=("self",), no_key=True).select_related(*WHAT_FOR)
    payment = rows.get(pk=payment_id)
    only_owner(by, payment.owner_id, what)
    if payment.method != Method.CASH:
        raise NotCash
    return payment


def _cash_due(booking: Booking) -> QuerySet[Payment]:
    return booking.payments.filter(method=Method.CASH, status=Status.PENDING)
