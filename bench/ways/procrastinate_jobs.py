"""A scheduled job of procrastinate per booking: a queue in PostgreSQL."""

import atexit
import os
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import procrastinate
from django.db import connection

from bench.ways import work

if TYPE_CHECKING:
    from parking.models import Booking

app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=os.environ["DATABASE_URL"], max_size=12)
)
expire = app.task(name="expire")(work.expire)


def prepare() -> None:
    """Make its tables."""
    _open()
    app.schema_manager.apply_schema()


@cache
def _open() -> None:
    """Its connections are kept, as a web process would keep them."""
    app.open()
    atexit.register(app.close)


def arm(bookings: Sequence["Booking"]) -> None:
    """One job for each."""
    _open()
    for booking in bookings:
        expire.configure(schedule_at=booking.ends_at).defer(booking_id=booking.pk)


def clear() -> None:
    """Forget all jobs."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")
