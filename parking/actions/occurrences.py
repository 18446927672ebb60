"""Whether a row of the operators' schedule is to be carried out now, when a beat's message has come.

Two beats send every occurrence twice, and one that was restarted sends old ones again. So the message
is only a hint: the row that records the last run decides, by the database's clock.
"""

import logging
from datetime import UTC, datetime, timedelta

from django_celery_beat.models import PeriodicTask

from parking import timers
from parking.models import ScheduledRun

logger = logging.getLogger(__name__)

# How far the clock of a beat's machine may be ahead of the database's, at most.
TOLERANCE = timedelta(seconds=5)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def take(name: str) -> bool:
    """Take the present occurrence of the row with this name, if the present transaction commits.

    False if it is not due, if somebody else took it, or if the row is gone or switched off.
    """
    rows = PeriodicTask.objects.select_related("interval", "crontab", "solar", "clocked")
    row = rows.filter(name=name).first()
    # Beat switches a one-off row off after sending it: that is no operator's change of mind.
    if row is None or not (row.enabled or row.one_off):
        logger.info("A row of the schedule is gone or switched off", extra={"row": name})
        return False
    runs = ScheduledRun.objects.select_for_update()
    run, _ = runs.get_or_create(periodic_task=row, defaults={"ran_at": NEVER})
    # The clock is asked after the lock: whoever waited for it looks at a later moment.
    moment = occurrence(row, last=run.ran_at, at=timers.now())
    if moment is None:
        logger.info("A row of the schedule is not due", extra={"row": name, "last": run.ran_at.isoformat()})
        return False
    run.ran_at = moment
    run.save(update_fields=["ran_at"])
    return True


def occurrence(row: PeriodicTask, *, last: datetime, at: datetime) -> datetime | None:
    """The moment to record if the row, last run for the moment `last`, is due at `at`; None if it is not."""
    schedule = row.schedule
    tolerance = min(TOLERANCE, schedule.run_every / 10) if row.interval else TOLERANCE
    schedule.nowfun = lambda: at + tolerance
    if row.clocked and last >= row.clocked.clocked_time:
        return None
    if not schedule.is_due(last).is_due:
        return None
    if row.interval:
        # An early one stands for its own moment, so that many early ones do not add up to one more.
        nominal: datetime = last + schedule.run_every
        return max(at, nominal)
    # With the tolerance: a beat that is on time must not find the occurrence of one that is ahead.
    return at + tolerance
