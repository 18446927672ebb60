"""To be run once after the database was restored from an earlier copy, before the processes start."""

from typing import Any

from django.core.management.base import BaseCommand

from parking.actions.restoration import begin_anew


class Command(BaseCommand):
    """Tells clients, at their return, to read their inboxes anew, and gives all timers new alarms."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        inboxes, timers = begin_anew()
        self.stdout.write(f"{inboxes} inboxes begin anew; {timers} timers wait for their alarms.")
