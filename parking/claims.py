"""Which timers are due, and who carries them out: whoever locks them. How they ended is recorded here.

What is due is decided by the database's clock alone, so that no machine's own clock can break a promise.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, TypeVar

from django.db import connection
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from parking.connections import letting_go_if_silent
from parking.models import Booking, Lot, Slot, Timer

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=Model)

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


class Claim(NamedTuple):
    """Due timers, locked until the present transaction ends with their bookings, which know their lots.

    `at`: when that was, by the database's clock; by then all of them were due. A process that stands still
    with them loses them: see `let_go_if_silent`.
    """

    timers: list[Timer]
    at: datetime | None


def _claimable() -> QuerySet[Timer]:
    """The due timers, locked for the caller with their bookings; what somebody else holds is skipped.

    A booking whose row is held keeps its timers waiting, and nobody else's.
    """
    locked = Timer.objects.select_for_update(skip_locked=True, of=("self", "booking"), no_key=True)
    # The canary, which has no booking, is excluded: the nullable side of an outer join cannot be locked.
    of_bookings = locked.exclude(booking=None).select_related("booking__slot__lot").only(*_NEEDED)
    return due(of_bookings.annotate(at=Now(), silence=letting_go_if_silent()))


def claim_due(*, limit: int) -> Claim:
    """At most `limit` due timers that never failed."""
    return _claimed(*composed(_unfailed, limit=limit))


def claim_retry() -> Claim:
    """The one timer that failed before and whose next try is due; or nothing."""
    return _claimed(*composed(_failed))


def _claimed(statement: str, values: Sequence[Any]) -> Claim:
    """Carry out the statement of a claim, and make of its rows what Django would make, but sooner:

    one object for each booking, and for each lot.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    timers: list[Timer] = []
    bookings: dict[int, Booking] = {}
    lots: dict[int, Lot] = {}
    for row in rows:
        timer, booking, slot, lot = row[:_AT], row[_BOOKING:_SLOT], row[_SLOT:_LOT], row[_LOT:]
        if lot[0] not in lots:
            lots[lot[0]] = _made(Lot, lot)
        if booking[0] not in bookings:
            bookings[booking[0]] = _made(Booking, booking, slot=_made(Slot, slot, lot=lots[lot[0]]))
        timers.append(_made(Timer, timer, booking=bookings[booking[0]]))
    return Claim(timers, rows[0][_AT] if rows else None)


def _made(model: type[M], row: Sequence[Any], **related: Model) -> M:
    made = model.from_db(connection.alias, _NAMES[model], row)
    # As `select_related` does it; to assign them asks first whether that is allowed.
    made._state.fields_cache.update(related)
    return made


# Of each row what firing needs; psycopg takes longer to read a moment than PostgreSQL to write one.
_ONLY: dict[type[Model], tuple[str, Collection[str]]] = {
    Timer: ("", ("booking", "kind", "attempts")),
    Booking: ("booking__", ("driver", "slot", "starts_at", "ends_at", "status")),
    Slot: ("booking__slot__", ("lot", "number")),
    Lot: ("booking__slot__lot__", ("owner",)),
}
_NEEDED = [f"{path}{name}" for path, names in _ONLY.values() for name in names]

# The columns of a claimed row, in this order, and where each model's begin: the two that are of no model come
# after the timer's.
_NAMES: dict[type[Model], list[str]] = {
    model: [field.attname for field in model._meta.concrete_fields if field.name in {"id", *names}]
    for model, (_, names) in _ONLY.items()
}
_AT = len(_NAMES[Timer])
_BOOKING = _AT + 2
_SLOT = _BOOKING + len(_NAMES[Booking])
_LOT = _SLOT + len(_NAMES[Slot])


def _unfailed(*, limit: int) -> QuerySet[Timer]:
    return _claimable().filter(attempts=0)[:limit]


def _failed() -> QuerySet[Timer]:
    return _claimable().filter(attempts__gt=0)[:1]


def claim(timers: Iterable[Timer]) -> Claim:
    """Those of these timers that are still due and nobody else's."""
    these = _claimable().filter(pk__in=[timer.pk for timer in timers])
    return _claimed(*these.query.sql_with_params())


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
