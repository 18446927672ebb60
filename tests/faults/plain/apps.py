"""Takes ParkMate's clock and notices out of its doors, and puts the plain way in."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_save


class PlainConfig(AppConfig):
    """Stands before `parking` among the apps, so that its `ready` comes first."""

    name = "tests.faults.plain"
    label = "plain"

    def ready(self) -> None:
        from parking import signals
        from parking.actions import bookings, payments
        from parking.models import Booking
        from tests.faults.plain.tasks import schedule

        signals.connect_all = nothing
        bookings.notify = payments.changed = nothing
        post_save.connect(schedule, sender=Booking, dispatch_uid="plain")


def nothing(*_: Any, **__: Any) -> None:
    """What is told and watched otherwise, is not here."""
