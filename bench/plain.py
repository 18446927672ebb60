"""What people usually do: one Celery ETA task per booking. ParkMate's peer in `bench.burst`.

Same Celery settings, same database connections, same channel layer: only the way is another.
"""

import json
import os

import django
from asgiref.sync import async_to_sync
from celery import Celery
from channels.layers import get_channel_layer
from django.db import transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "parkmate.settings")
django.setup()

from parking.events import BOOKING_EXPIRED  # noqa: E402
from parking.models import Booking, Notification  # noqa: E402

# Not the current app: in the process that measures, that is ParkMate's.
app = Celery("bench.plain", set_as_current=False)
app.config_from_object("celeryconfig")
if os.environ.get("BENCH_PLAIN_RECONNECTS"):
    # Celery's default: the database connection ends with every task.
    app.conf.CELERY_DB_REUSE_MAX = 0


@app.task(name="bench.plain.expire")
def expire(booking_id: int) -> None:
    """Expire the booking, and tell its driver."""
    with transaction.atomic():
        booking = Booking.objects.select_for_update().get(pk=booking_id)
        if booking.status != Booking.Status.BOOKED:
            return
        booking.status = Booking.Status.EXPIRED
        booking.save(update_fields=["status"])
        notice = Notification.objects.create(
            recipient_id=booking.driver_id,
            event=BOOKING_EXPIRED.code,
            level=BOOKING_EXPIRED.level,
            message=BOOKING_EXPIRED.words,
            facts={"booking": {"id": booking.pk, "status": booking.status}},
        )
    text = json.dumps({**notice.facts, "type": notice.level, "message": notice.message, "id": notice.pk})
    async_to_sync(get_channel_layer().group_send)(
        f"user.{booking.driver_id}", {"type": "notice", "text": text}
    )
