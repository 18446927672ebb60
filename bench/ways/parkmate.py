"""ParkMate's own way: a timer is a row, an alarm fires all that is due."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parking.models import Booking


def arm(bookings: Sequence["Booking"]) -> None:
    """Arm the expiry of each, and set the alarms of those that are due soon."""
    from parking import timers
    from parking.models import Timer

    Timer.objects.bulk_create(
        [Timer(booking=booking, kind=Timer.Kind.EXPIRY, due_at=booking.ends_at) for booking in bookings],
        batch_size=10_000,
        # Beat arms bookings that have no timers, and may be quicker.
        ignore_conflicts=True,
    )
    timers.set_alarms()


def arm_one(booking: "Booking") -> None:
    """As a booking does in its own transaction: all timers of its row."""
    from django.db import transaction

    from parking import timers

    with transaction.atomic():
        timers.arm(booking)
