"""A date job of APScheduler per booking, in its database job store. Run as a process, it is the scheduler."""

import os
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.blocking import BlockingScheduler

from bench.ways import work as work

if TYPE_CHECKING:
    from parking.models import Booking


def _options() -> dict[str, Any]:
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    return {
        "jobstores": {"default": SQLAlchemyJobStore(url=url)},
        # In its favour: by default a job that is a second late is dropped.
        "job_defaults": {"misfire_grace_time": None},
    }


@cache
def _adding() -> BackgroundScheduler:
    """Adds jobs and runs none; it is kept, as a web process would keep it."""
    scheduler = BackgroundScheduler(**_options())
    scheduler.start(paused=True)
    return scheduler


def arm(bookings: Sequence["Booking"]) -> None:
    """One job for each."""
    for booking in bookings:
        _adding().add_job(
            "bench.ways.work:expire", "date", run_date=booking.ends_at, args=[booking.pk], id=str(booking.pk)
        )


def clear() -> None:
    """Forget all jobs."""
    _adding().remove_all_jobs()


if __name__ == "__main__":
    BlockingScheduler(**_options()).start()
