"""The clock's door: what Celery calls when an alarm rings. Ids in, one verb called."""

from celery import shared_task

from parking import timers
from parking.actions import bookings

from .scheduled import Scheduled


@shared_task(name="tasks.timers.fire")
def fire(timer_id: int) -> None:
    """An alarm rang."""
    bookings.ring(timer_id)


@shared_task(name="tasks.timers.set_alarms", base=Scheduled)
def set_alarms() -> None:
    """Give the timers that are due soon their alarms; to be run well within the alarm horizon."""
    timers.set_alarms()
