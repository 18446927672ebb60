"""Beat's scheduler: the operators' rows, none of which can end it, and a stop that comes at any moment."""

import atexit
import logging
import os
import signal
import threading
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from celery.beat import SchedulingError
from celery.exceptions import ImproperlyConfigured
from celery.schedules import ParseException
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry
from kombu.exceptions import KombuError

from parking.connections import keep_one

logger = logging.getLogger(__name__)

# What hangs (a broker or a database that is away) is abandoned so long after the stop.
GRACE_SECONDS = 1.5

BEGINNING = datetime.min.replace(tzinfo=UTC)

# What a row raises whose headers, arguments or times are nonsense, or need a library that is not here.
UNREADABLE = (
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    ParseException,
    ImproperlyConfigured,
)


class Entry(ModelEntry):
    """A row that cannot be read, written past the admin say, is left out: beat goes on without it."""

    def __init__(self, model: PeriodicTask, app: Celery | None = None) -> None:
        try:
            super().__init__(model, app=app)
        except UNREADABLE as error:
            logger.error("A row of the schedule is not usable", extra={"row": model.name, "error": error})
            raise ValueError(model.name) from error


class Scheduler(DatabaseScheduler):
    """A stop interrupts beat only in its sleep; else it waits for the end of what beat is doing.

    Celery's handler saves the schedule at once, within whatever it interrupted: with a half-made
    scheduler, or on a connection that is in the middle of a query.
    """

    Entry = Entry
    _asleep = False
    _stopping = False

    def __init__(self, *args: Any, lazy: bool = False, **options: Any) -> None:
        if not lazy:
            # Before the first query: beat does one thing at a time.
            keep_one()
            if threading.current_thread() is threading.main_thread():
                self._heed_stops()
        super().__init__(*args, lazy=lazy, **options)

    def setup_schedule(self) -> None:
        # From before the reading on: the base class takes what it finds at its first look, a while
        # after the reading, for the beginning, and would miss what changed in between.
        self._last_timestamp = self.Changes.last_change() or BEGINNING
        super().setup_schedule()
        logger.warning("The schedule is read")

    def schedule_changed(self) -> bool:
        """Whether an operator changed something since the last look; also if it is the first change ever."""
        changed: bool = super().schedule_changed()
        self._last_timestamp = self._last_timestamp or BEGINNING
        return changed

    def tick(self, *args: Any, **options: Any) -> float:
        """Send what is due; return for how many seconds to sleep. Raises SystemExit after a stop."""
        self._asleep = False
        self._leave_if_stopping()
        pause: float = super().tick(*args, **options)
        self._asleep = True
        self._leave_if_stopping()
        return pause

    def apply_async(self, entry: ModelEntry, *args: Any, **options: Any) -> Any:
        """Send a row's task; one line of the log, not two tracebacks, if the broker does not take it."""
        try:
            return super().apply_async(entry, *args, **options)
        except SchedulingError as error:
            if not isinstance(error.__context__, (KombuError, OSError)):
                raise
            logger.warning("A row of the schedule was not sent", extra={"row": entry.name, "error": error})
            return None

    def sync(self) -> None:
        """Save when each row was last sent."""
        self._asleep = False
        super().sync()

    def _heed_stops(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        # At once: what hangs may hang again in the cleaning up.
        signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
        # The alarm must not come while Python takes itself down.
        atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)

    def _stop(self, *_: Any) -> None:
        if self._stopping:
            return
        self._stopping = True
        signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)
        if self._asleep:
            raise SystemExit(0)

    def _leave_if_stopping(self) -> None:
        if self._stopping:
            raise SystemExit(0)
