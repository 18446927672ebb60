"""What every peer does when a booking's time is up: expire it, write the notice, push it."""

import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "parkmate.settings")
django.setup()

from asgiref.sync import async_to_sync  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402
from django.db import transaction  # noqa: E402

from parking.events import BOOKING_EXPIRED  # noqa: E402
from parking.models import Booking, Notification  # noqa: E402


def notice_of(booking: Booking) -> Notification:
    """What its driver is told, unsaved."""
    return Notification(
        recipient_id=booking.driver_id,
        event=BOOKING_EXPIRED.code,
        level=BOOKING_EXPIRED.level,
        message=BOOKING_EXPIRED.words,
        facts={"booking": {"id": booking.pk, "status": Booking.Status.EXPIRED}},
    )


def push_of(notice: Notification) -> tuple[str, dict[str, str]]:
    """A saved notice as the channel layer wants it: the group and the message."""
    text = json.dumps({**notice.facts, "type": notice.level, "message": notice.message, "id": notice.pk})
    return f"plain.{notice.recipient_id}", {"type": "notice", "text": text}


def expire(booking_id: int) -> None:
    """Expire the booking, and tell its driver. A second time it does nothing."""
    with transaction.atomic():
        booking = Booking.objects.select_for_update().get(pk=booking_id)
        if booking.status != Booking.Status.BOOKED:
            return
        # Not by `save`: ParkMate's own signals would tell of it a second time.
        Booking.objects.filter(pk=booking_id).update(status=Booking.Status.EXPIRED)
        notice = notice_of(booking)
        notice.save()
    async_to_sync(get_channel_layer().group_send)(*push_of(notice))
