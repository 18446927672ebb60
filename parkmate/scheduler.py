"""Beat's scheduler: the operators' rows, read without being interrupted."""

import logging

from django_celery_beat.schedulers import DatabaseScheduler

from parkmate.embedded import uninterrupted

logger = logging.getLogger(__name__)


class Scheduler(DatabaseScheduler):
    """A stop that comes while the schedule is first read waits for that.

    Celery's handler would use the half-made scheduler and its connection, and end in a traceback.
    """

    def setup_schedule(self) -> None:
        with uninterrupted():
            super().setup_schedule()
        logger.warning("The schedule is read")
