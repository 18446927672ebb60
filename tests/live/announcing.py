"""A task of one's own that calls the public doorway, for a worker that includes this module."""

from celery import shared_task

from parking.notification_utils import send_ws_notification


@shared_task(name="tests.say")
def say(user_id: int, level: str, message: str) -> None:
    send_ws_notification(user_id, level, message)
