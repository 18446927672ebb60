"""Notices' door for Celery."""

from celery import shared_task

from parking import notifications

from .scheduled import Scheduled


@shared_task(name="tasks.notifications.relay", base=Scheduled)
def relay() -> None:
    """Send notices that a crash left behind, also where no sweeper runs."""
    notifications.relay_left_behind()
