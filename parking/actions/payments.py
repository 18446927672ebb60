"""Taking money. Amounts are computed here, never sent by a client."""

import math
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from parking.gateways import gateway
from parking.models import Booking, Payment

CENT = Decimal("0.01")


def price_of(*, hourly_rate: Decimal, starts_at: datetime, ends_at: datetime) -> Decimal:
    """The hourly rate per started minute, to two decimals, halves up."""
    minutes = math.ceil((ends_at - starts_at).total_seconds() / 60)
    return (hourly_rate * minutes / 60).quantize(CENT, ROUND_HALF_UP)


def pay(booking: Booking, *, amount: Decimal, method: Payment.Method, token: str) -> Payment:
    """Take `amount` for a booking: cash stays PENDING until verified, the rest goes through the gateway.

    Returns the payment's row. Raises PaymentDeclined; the caller's transaction then stores nothing.
    """
    if method == Payment.Method.CASH:
        return Payment.objects.create(
            booking=booking, amount=amount, method=method, status=Payment.Status.PENDING
        )
    reference = gateway().charge(amount=amount, method=method, token=token)
    return Payment.objects.create(
        booking=booking, amount=amount, method=method, status=Payment.Status.PAID, reference=reference
    )
