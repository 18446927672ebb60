"""What follows when the database was restored from an earlier copy: clients and alarms know a later one."""

from django.contrib.postgres.functions import RandomUUID
from django.db import transaction

from parking.models import Inbox, Timer


def begin_anew() -> tuple[int, int]:
    """Let all clients read their inboxes anew, and all timers get new alarms; how many those are.

    Numbers that were shown are given again to other notices: by its epoch a client knows. Doing it
    again is safe.
    """
    with transaction.atomic():
        inboxes = Inbox.objects.update(epoch=RandomUUID())
        timers = Timer.objects.filter(state=Timer.State.ARMED).update(alarm_set_at=None)
    return inboxes, timers
