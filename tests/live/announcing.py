"""Tasks of one's own, for a worker that includes this module: one calls the public doorway."""

from celery import shared_task

from parking.changes import changed
from parking.models import Booking
from parking.notification_utils import send_ws_notification


@shared_task(name="tests.say")
def say(user_id: int, level: str, message: str) -> None:
    send_ws_notification(user_id, level, message)


@shared_task(name="tests.moved")
def moved(booking_id: int) -> None:
    """The rows of a booking were moved behind the back of Django, which would have told of it."""
    changed(Booking.objects.get(pk=booking_id))
