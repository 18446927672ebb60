"""Notices' door for Celery."""

from celery import shared_task

from parking import notifications


@shared_task(name="tasks.notifications.relay")
def relay() -> None:
    """Send what a crash left behind, also where no sweeper runs."""
    notifications.relay_left_behind()
