"""What people usually do: one Celery ETA task per booking.

Same Celery settings, same database connections, same channel layer: only the way is another.
"""

import os
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from celery import Celery

from bench.ways import REDELIVER, work

if TYPE_CHECKING:
    from parking.models import Booking

# Not the current app: in the process that measures, that is ParkMate's.
app = Celery("bench.ways.celery_eta", set_as_current=False)
app.config_from_object("celeryconfig")
if os.environ.get("BENCH_PLAIN_RECONNECTS"):
    # Celery's default: the database connection ends with every task.
    app.conf.CELERY_DB_REUSE_MAX = 0
if seconds := os.environ.get(REDELIVER):
    app.conf.broker_transport_options |= {
        "visibility_timeout": float(seconds),
        # By default it looks for them once in a hundred seconds.
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }

expire = app.task(name="bench.expire")(work.expire)


def arm(bookings: Sequence["Booking"]) -> None:
    """One ETA task for each."""
    for booking in bookings:
        expire.apply_async((booking.pk,), eta=booking.ends_at.astimezone(UTC))
