"""A one-off schedule of django-celery-beat per booking: beat sends the task when it is due."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.ways.celery_eta import app as app
from bench.ways.celery_eta import expire

if TYPE_CHECKING:
    from parking.models import Booking


def arm(bookings: Sequence["Booking"]) -> None:
    """A clocked schedule and a one-off task for each; ParkMate's own schedule is set aside."""
    from django_celery_beat.models import ClockedSchedule, PeriodicTask, PeriodicTasks

    PeriodicTask.objects.update(enabled=False)
    clocks = ClockedSchedule.objects.bulk_create(
        ClockedSchedule(clocked_time=booking.ends_at) for booking in bookings
    )
    PeriodicTask.objects.bulk_create(
        PeriodicTask(
            name=f"expire {booking.pk}",
            task=expire.name,
            clocked=clock,
            one_off=True,
            args=json.dumps([booking.pk]),
        )
        for booking, clock in zip(bookings, clocks, strict=True)
    )
    PeriodicTasks.update_changed()


def clear() -> None:
    """ParkMate's own schedule again."""
    from django_celery_beat.models import ClockedSchedule, PeriodicTask

    PeriodicTask.objects.filter(task=expire.name).delete()
    ClockedSchedule.objects.all().delete()
    PeriodicTask.objects.update(enabled=True)
