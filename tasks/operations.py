"""Housekeeping that operators schedule."""

from celery import shared_task
from django.core.management import call_command


@shared_task(name="tasks.operations.clear_sessions")
def clear_sessions() -> None:
    """Delete sessions that have expired."""
    call_command("clearsessions")
