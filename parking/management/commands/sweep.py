"""The spare alarm clock: needs only PostgreSQL. Run one per machine or ten; they share the work."""

import logging
import signal
import threading
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from parking import canary
from parking.actions.bookings import run_due
from parking.connections import AWAY, keep_one
from parking.readiness import note_sweep
from parking.relay import relay_left_behind

logger = logging.getLogger(__name__)

# A sweep that hangs (in a connect, say) is abandoned this long after SIGTERM; its rows roll back.
GRACE_SECONDS = 0.5


class Command(BaseCommand):
    """Fires what is due and relays what was left behind, every second, until told to stop."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: _begin_to_stop(stop))
        signal.signal(signal.SIGALRM, _abandon)
        keep_one()
        _sweep_until(stop)
        # In time: the alarm must not come while Python takes itself down.
        signal.setitimer(signal.ITIMER_REAL, 0)


def _sweep_until(stop: threading.Event) -> None:
    """Sweep once a second, however long a sweep takes: one that has to wait for Redis makes none later."""
    away = False
    while not stop.is_set():
        began, before = monotonic(), away
        away = _sweep(away=before)
        # Often only a connection broke: a new one is tried at once, a database that is away every second.
        if before or not away:
            stop.wait(max(0.0, began + settings.SWEEP_SECONDS - monotonic()))


def _begin_to_stop(stop: threading.Event) -> None:
    stop.set()
    signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)


def _abandon(*_: Any) -> None:
    raise SystemExit(0)


def _sweep(*, away: bool) -> bool:
    """Sweep once; return whether the database is away. Said once when it goes and once when it returns."""
    try:
        # Drops a connection that broke, so that the next query opens a new one.
        close_old_connections()
        run_due()
        relay_left_behind()
        canary.revive()
        note_sweep()
    except AWAY as error:
        if not away:
            logger.warning("The database is away; waiting for it", extra={"error": str(error).strip()})
        return True
    except Exception:
        # Broad, as in no other place but the sockets' own sweep: whatever one hits, the next must come.
        logger.exception("A sweep failed")
        return away
    if away:
        logger.warning("The database is back")
    return False
