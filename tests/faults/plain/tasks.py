"""One ETA task per moment of a booking: it looks at the row, moves it, and tells whoever is connected.

Kinder than most tutorials: the message is sent after the commit, the row is locked while it is moved, and
a task that comes again, or for an end that has been moved, finds nothing to do.
"""

from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import async_to_sync
from celery import shared_task
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from parking.models import HOLDING, Booking

Status = Booking.Status
LEAD = timedelta(seconds=settings.WARNING_LEAD_SECONDS)
WINDOW = timedelta(seconds=settings.RENEWAL_WINDOW_SECONDS)
# Clocks differ: a task that comes a little early is as good as on time.
EARLY = timedelta(seconds=0.5)


def schedule(instance: Booking, created: bool, update_fields: frozenset[str] | None = None, **_: Any) -> None:
    """A booking was made, or has another end. The tasks of the old end will find that it is not theirs."""
    if not created and "ends_at" not in (update_fields or ()):
        return
    pk, ends_at = instance.pk, instance.ends_at
    if ends_at - LEAD > timezone.now():
        transaction.on_commit(lambda: warn.apply_async((pk,), eta=ends_at - LEAD))
    transaction.on_commit(lambda: expire.apply_async((pk,), eta=ends_at))


@shared_task
def warn(booking_id: int) -> None:
    """Five minutes before the end."""
    booking = Booking.objects.get(pk=booking_id)
    left = booking.ends_at - timezone.now()
    if booking.status in HOLDING and timedelta() < left <= LEAD + EARLY:
        tell(booking, "BOOKING_WARNING")


@shared_task
def expire(booking_id: int) -> None:
    """The end. Only then is it known when to close: that task is sent from here."""
    if booking := move(booking_id, of=HOLDING, to=Status.EXPIRED, after=timedelta()):
        close.apply_async((booking_id,), eta=booking.ends_at + WINDOW)
        tell(booking, "BOOKING_EXPIRED")


@shared_task
def close(booking_id: int) -> None:
    """Nobody has renewed it."""
    if booking := move(booking_id, of=(Status.EXPIRED,), to=Status.COMPLETED, after=WINDOW):
        tell(booking, "SLOT_AUTO_EXPIRED")


def move(booking_id: int, *, of: tuple[Status, ...], to: Status, after: timedelta) -> Booking | None:
    """Move the booking if it is time; None if somebody was first, or its end is another by now."""
    with transaction.atomic():
        booking = Booking.objects.select_for_update().get(pk=booking_id)
        if booking.status not in of or _moment(booking, after) > timezone.now():
            return None
        booking.status = to
        booking.save(update_fields=["status"])
        return booking


def _moment(booking: Booking, after: timedelta) -> datetime:
    return booking.ends_at + after - EARLY


def tell(booking: Booking, event: str) -> None:
    """To the sockets that are open now."""
    notice = {"event": event, "booking": {"id": booking.pk, "status": booking.status}}
    async_to_sync(get_channel_layer().group_send)(
        f"user.{booking.driver_id}", {"type": "notice", "notice": notice}
    )
