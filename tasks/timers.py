"""The clock's door: what Celery calls when an alarm rings. Ids in, one verb called."""

import logging

from celery import shared_task

from parking import timers
from parking.actions import bookings
from parking.connections import AWAY

from .scheduled import Scheduled

logger = logging.getLogger(__name__)


@shared_task(name="tasks.timers.fire")
def fire(timer_id: int) -> None:
    """An alarm rang. While the database is away it is one line of the log each, not a traceback each:

    what it was for, the sweeper fires.
    """
    try:
        bookings.ring(timer_id)
    except AWAY as error:
        logger.warning(
            "An alarm found the database away", extra={"timer": timer_id, "error": str(error).strip()}
        )


@shared_task(name="tasks.timers.set_alarms", base=Scheduled)
def set_alarms() -> None:
    """Give the timers that are due soon their alarms; to be run well within the alarm horizon."""
    timers.set_alarms()
