"""What operators schedule, besides the alarms. What each does, and may be given, `parking` says."""

from typing import Any

from celery import shared_task

from parking.actions import operations, payments
from parking.connections import AWAY

from .scheduled import Scheduled

# For what is not sent again soon: a database that is away for some seconds must not cost a day.
PATIENT: dict[str, Any] = {
    "base": Scheduled,
    "autoretry_for": AWAY,
    "retry_backoff": True,
    "max_retries": 5,
}


@shared_task(name="tasks.operations.announce", bind=True, **PATIENT)
def announce(self: Scheduled, level: str, words: str, to: str, lot: int | None = None) -> None:
    """Tell everyone, all owners, or the drivers of a lot something."""
    # Beat names its row in a header. A person who runs the task now wants it now, due or not.
    row = (self.request.headers or {}).get("periodic_task_name")
    operations.announce(level=level, words=words, to=to, lot=lot, call=self.request.id, row=row)


@shared_task(name="tasks.operations.owner_digest", **PATIENT)
def owner_digest() -> None:
    """Tell each owner what the day brought; once a day, however often it is run."""
    operations.owner_digest()


@shared_task(name="tasks.operations.purge_inbox", **PATIENT)
def purge_inbox(days: int) -> None:
    """Delete notices that are older than so many days."""
    operations.purge_inbox(days=days)


@shared_task(name="tasks.operations.tidy", **PATIENT)
def tidy() -> None:
    """Delete expired sign-ins, and answers kept for repeated requests."""
    operations.tidy()


@shared_task(name="tasks.operations.finish_payments", base=Scheduled)
def finish_payments() -> None:
    """Finish payments and refunds that a crash or an absent provider left undone."""
    payments.finish_left_behind()
