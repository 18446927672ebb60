"""A task that operators may schedule: its arguments are checked also when it is run."""

import logging
from typing import Any

from celery import Task

from parking.actions import operations
from parking.connections import AWAY
from parking.errors import Invalid

logger = logging.getLogger(__name__)


class Scheduled(Task):  # type: ignore[type-arg]
    """Wrong arguments, from a shell say, are one line in the log. The admin has refused them before.

    So is a database that is away: what is due then comes with the next period, or by the task's own retries.
    """

    # Celery's own check would raise in beat, with a traceback each time the row is due.
    typing = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            operations.check(self.name, args=args, kwargs=kwargs)
            return super().__call__(*args, **kwargs)
        except Invalid as error:
            logger.error(
                "A scheduled task was given wrong arguments",
                extra={"task": self.name, "wrong": ", ".join(error.facts["fields"]), "reason": error.reason},
            )
        except AWAY as error:
            logger.warning(
                "A scheduled task found the database away",
                extra={"task": self.name, "error": str(error).strip()},
            )
        return None
