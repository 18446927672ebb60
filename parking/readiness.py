"""Can every promise be kept at this moment? If not: what is wrong, and what to do about it.

Asked by machines (`/api/health/ready/`), by the operators' page, and by the sockets for whoever follows it.
"""

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock, Thread
from time import monotonic

from django.conf import settings
from django.db import connection
from django.db.models.functions import Coalesce

from parking import canary
from parking.claims import due
from parking.connections import AWAY
from parking.models import Pulse, Timer
from parking.timers import now

# A timer overdue for longer than this, and sweeps that are missing for longer, are a clock that stands.
STANDING = timedelta(seconds=5)
# How long the database may take to answer, in seconds.
PATIENCE = 1.5
# How long an answer is good for all who ask, in seconds: thousands of pages may ask together.
GOOD_FOR = 1.0
# How long after this process the others may start, in seconds; what was due while all were down, too.
GRACE = 10.0

SWEEP = "sweep"


@dataclass(frozen=True)
class Problem:
    """What is wrong: for programs, in a word, and in sentences that say what to do."""

    code: str
    word: str
    message: str


DATABASE_AWAY = Problem(
    "database_away",
    "Database away",
    "The database does not answer: nothing can be booked, and nothing fires until it is back. Look at"
    " PostgreSQL, and at the network on the way to it. ParkMate needs no restart.",
)


def note_sweep() -> None:
    """A sweep was completed at this moment. Waits for nobody: whoever holds the row notes it, or has."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, {"name": SWEEP})


_NOTE = """
WITH row AS (
    SELECT id FROM parking_pulse WHERE name = %(name)s FOR NO KEY UPDATE SKIP LOCKED
), noted AS (
    UPDATE parking_pulse SET at = clock_timestamp() WHERE id IN (SELECT id FROM row)
)
INSERT INTO parking_pulse (name, at) SELECT %(name)s, clock_timestamp()
WHERE NOT EXISTS (SELECT FROM parking_pulse WHERE name = %(name)s)
ON CONFLICT DO NOTHING
"""


class Readiness:
    """One process's answer to whether it is ready, asked of the database at most once a second."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._asking = Lock()
        self._found: list[Problem] = []
        self._found_at = float("-inf")

    def problems(self) -> list[Problem]:
        """What is wrong, nothing if all is well. Within two seconds, whatever is away or stands still."""
        with self._asking:
            if monotonic() - self._found_at > GOOD_FOR:
                self._found = self._ask()
                self._found_at = monotonic()
            return self._found

    def _ask(self) -> list[Problem]:
        """Ask in another thread: a database that has gone silent does not let go of whoever asks it."""
        answer: Future[list[Problem]] = Future()
        Thread(target=_fill, args=[answer], daemon=True).start()
        try:
            found = answer.result(PATIENCE)
        except (TimeoutError, *AWAY):
            return [DATABASE_AWAY]
        return found if monotonic() - self._began > GRACE else []


def _fill(answer: Future[list[Problem]]) -> None:
    try:
        answer.set_result(look())
    except Exception as error:
        answer.set_exception(error)
    finally:
        connection.close()


# This process's.
readiness = Readiness()


def look() -> list[Problem]:
    """What the rows say is wrong, four short queries. Raises when the database is away."""
    at = now()
    found = (_sweeps(at), _timers(at), _layer(at))
    return [problem for problem in found if problem]


def _sweeps(at: datetime) -> Problem | None:
    """Sweeps may be rarer by the settings."""
    allowed = max(STANDING, timedelta(seconds=3 * settings.SWEEP_SECONDS))
    swept_at = Pulse.objects.filter(name=SWEEP).values_list("at", flat=True).first()
    if swept_at and at - swept_at <= allowed:
        return None
    since = f"for {_seconds(at - swept_at)}" if swept_at else "yet"
    return Problem(
        "not_swept",
        "Not swept",
        f"No sweep has been completed {since}: one is due every {settings.SWEEP_SECONDS:g} s. Look whether a"
        " sweeper runs, and at its log; if none does, start one: `manage.py sweep`.",
    )


def _timers(at: datetime) -> Problem | None:
    """From when it could fire: one that failed waits for its next try, and is not late meanwhile."""
    ring_at = Coalesce("retry_at", "due_at")
    oldest = due(Timer.objects.all()).values_list(ring_at, flat=True).first()
    if oldest is None or at - oldest <= STANDING:
        return None
    return Problem(
        "clock_overdue",
        "Late",
        f"A timer that is due has not fired for {_seconds(at - oldest)}. Look whether a sweeper and a worker"
        " run, and at their logs; whether PostgreSQL is overloaded, or a booking's row is held.",
    )


def _layer(at: datetime) -> Problem | None:
    sung = canary.last()
    if sung is None or sung.fired_at is None or not canary.ear.missed(sung.pk, ago=at - sung.fired_at):
        return None
    return Problem(
        "layer_deaf",
        "Deaf",
        "This web process did not hear the last canary through the channel layer: open pages get their"
        f" notices only by the position check, {settings.POSITION_CHECK_SECONDS:g} s late at most. Look at"
        " Redis, and whether workers, sweepers and web processes have the same REDIS_URL.",
    )


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():.0f} s"
