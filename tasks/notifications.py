"""Notices' door for Celery."""

from celery import shared_task

from parking import relay as relaying

from .scheduled import Scheduled


@shared_task(name="tasks.notifications.relay", base=Scheduled)
def relay() -> None:
    """Send notices that a crash left behind, also where no sweeper runs."""
    relaying.relay_left_behind()
