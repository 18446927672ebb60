"""Which timers are due, and who carries them out: whoever locks them. How they ended is recorded here.

What is due is decided by the database's clock alone, so that no machine's own clock can break a promise.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import (
    Exists,
    OuterRef,
    Q,
    QuerySet,
)
from django.db.models.functions import Coalesce, Now

from parking.models import Timer

logger = logging.getLogger(__name__)

# A row that raises is tried again after these pauses, in seconds; after the last try it is parked.
RETRY_PAUSES = (5, 30)

# What this code knows how to carry out. While a new release comes in, its timers wait for its processes.
KINDS: list[str] = list(Timer.Kind.values)


def due(timers: QuerySet[Timer]) -> QuerySet[Timer]:
    """The armed ones of these whose time has come, oldest first.

    A booking closes only after it has expired: AUTO_EXPIRY waits for an EXPIRY that is not done.
    """
    # `due_at` is compared so that PostgreSQL looks up the one booking's timers by their index: for a
    # bare equality it would rather read all armed timers into a hash table, at each claim.
    expiry = Timer.objects.filter(
        booking=OuterRef("booking"),
        due_at__lte=OuterRef("due_at"),
        kind=Timer.Kind.EXPIRY,
        state__in=(Timer.State.ARMED, Timer.State.PARKED),
    )
    return (
        timers.alias(ring_at=Coalesce("retry_at", "due_at"))
        .filter(state=Timer.State.ARMED, ring_at__lte=Now(), kind__in=KINDS)
        .filter(~Q(kind=Timer.Kind.AUTO_EXPIRY) | ~Exists(expiry))
        .order_by("ring_at")
    )


@cache
def _composed(
    question: Callable[..., QuerySet[Timer]], kinds: tuple[str, ...], **given: int
) -> tuple[str, tuple[Any, ...]]:
    return question(**given).query.sql_with_params()


def composed(question: Callable[..., QuerySet[Timer]], **given: int) -> tuple[str, tuple[Any, ...]]:
    """The statement of a question about due timers, and its values; composed once for each process.

    Every alarm and every sweep asks, mostly to hear that there is nothing to do, and Django takes ten times
    as long for composing it as PostgreSQL for the answer.
    """
    return _composed(question, tuple(KINDS), **given)


def due_at_all() -> QuerySet[Timer]:
    """Every timer that is due, the canary too."""
    return due(Timer.objects.all())


def due_again() -> QuerySet[Timer]:
    """The timers that failed before and whose next try is due."""
    return due(Timer.objects.filter(attempts__gt=0))


def any_due(question: Callable[..., QuerySet[Timer]] = due_at_all) -> bool:
    """Whether there is a timer of which this question asks: one statement, which locks nothing."""
    statement, values = composed(question)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS ({statement})", values)
        found: bool = cursor.fetchone()[0]
    return found


# All of a timer, so that of its booking only the id is read.
_OF_TIMER = [field.name for field in Timer._meta.concrete_fields]


def _claimable() -> QuerySet[Timer]:
    """The due timers, locked for the caller with their bookings; what somebody else holds is skipped.

    A booking whose row is held keeps its timers waiting, and nobody else's.
    """
    locked = Timer.objects.select_for_update(skip_locked=True, of=("self", "booking"), no_key=True)
    # The canary, which has no booking, is excluded: the nullable side of an outer join cannot be locked.
    of_bookings = locked.exclude(booking=None).select_related("booking")
    return due(of_bookings.only("booking__id", *_OF_TIMER))


def claim_due(*, limit: int) -> list[Timer]:
    """At most `limit` due timers that never failed, locked until the present transaction ends."""
    return _claimed(_unfailed, limit=limit)


def claim_retry() -> list[Timer]:
    """The one timer that failed before and whose next try is due, locked; or nothing."""
    return _claimed(_failed)


def _claimed(question: Callable[..., QuerySet[Timer]], **given: int) -> list[Timer]:
    statement, values = composed(question, **given)
    return list(Timer.objects.raw(statement, values))


def _unfailed(*, limit: int) -> QuerySet[Timer]:
    return _claimable().filter(attempts=0)[:limit]


def _failed() -> QuerySet[Timer]:
    return _claimable().filter(attempts__gt=0)[:1]


def claim(timers: Iterable[Timer]) -> list[Timer]:
    """Those of these timers that are still due and nobody else's, locked."""
    return list(_claimable().filter(pk__in=[timer.pk for timer in timers]))


def settle(timers: Sequence[Timer], state: Timer.State) -> None:
    """Record how the caller's claimed timers ended, and when."""
    if timers:
        with connection.cursor() as cursor:
            cursor.execute(_SETTLE, [state.value, [timer.pk for timer in timers]])


_SETTLE = """
UPDATE parking_timer SET state = %s, fired_at = clock_timestamp() WHERE id = ANY(%s) AND state = 'armed'
"""


def postpone(timer: Timer, *, error: Exception) -> None:
    """Record a failed try: try again after a growing pause, or park the timer and tell the operators."""
    pauses = dict(enumerate(RETRY_PAUSES, start=1))
    tries = timer.attempts + 1
    parked = tries not in pauses
    Timer.objects.filter(pk=timer.pk, state=Timer.State.ARMED, attempts=timer.attempts).update(
        attempts=tries,
        last_error=f"{type(error).__name__}: {error}".replace("\0", "")[:1000],
        state=Timer.State.PARKED if parked else Timer.State.ARMED,
        retry_at=None if parked else Now() + timedelta(seconds=pauses[tries]),
    )
    facts = {"timer": timer.pk, "kind": timer.kind, "booking": timer.booking_id, "tries": tries}
    if parked:
        logger.critical("A timer was parked: it needs an operator", extra=facts, exc_info=error)
    else:
        logger.error("A timer failed and will be tried again", extra=facts, exc_info=error)


def look(timer_id: int) -> tuple[float | None, bool]:
    """An alarm's cheap look, one query: how long until its timer is due, and whether any timer is.

    The first is in seconds by the database's clock, negative if overdue, None if it is not armed.
    """
    statement, values = composed(due_at_all)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT state, due_at, clock_timestamp(), EXISTS ({statement})"  # noqa: S608 - no value is in it
            " FROM parking_timer WHERE id = %s",
            [*values, timer_id],
        )
        row = cursor.fetchone()
    if row is None:
        return None, False
    state, due_at, at, anything_due = row
    return (due_at - at).total_seconds() if state == Timer.State.ARMED else None, anything_due
