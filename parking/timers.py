"""The clock. A timer is a row; a Celery ETA task is only its alarm, and may come early, late, twice or never.

What is due is decided by the database's clock alone, so that no machine's own clock can break a promise.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import (
    Exists,
    OuterRef,
    Q,
    QuerySet,
)
from django.db.models.functions import Coalesce, Now
from kombu.exceptions import KombuError

from parking.connections import after_commit
from parking.errors import IllegalMove, NotFound, Replaced
from parking.models import HOLDING, Booking, Timer

logger = logging.getLogger(__name__)

# Set by name: the task is a door to the rules, and rules do not import doors.
FIRE_TASK = "tasks.timers.fire"

# A row that raises is tried again after these pauses, in seconds; after the last try it is parked.
RETRY_PAUSES = (5, 30)

# How many alarms one run of `set_alarms` sets before it commits what it has done.
ALARMS_PER_BATCH = 1000


def now() -> datetime:
    """The database's clock at this moment (not at the start of the transaction)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def due_times(*, starts_at: datetime, ends_at: datetime, at: datetime) -> dict[Timer.Kind, datetime]:
    """When each timer of a booking is due. No warning if it would come before the booking or `at`."""
    warning = ends_at - timedelta(seconds=settings.WARNING_LEAD_SECONDS)
    times = {
        Timer.Kind.EXPIRY: ends_at,
        Timer.Kind.AUTO_EXPIRY: ends_at + timedelta(seconds=settings.RENEWAL_WINDOW_SECONDS),
    }
    return {Timer.Kind.WARNING: warning, **times} if warning > max(starts_at, at) else times


def begin(booking: Booking) -> None:
    """Arm the timers of a booking that was just made, if it holds its slot: it has none to look for."""
    if booking.status in HOLDING:
        arm(booking)


def keep(booking: Booking) -> None:
    """Make the booking's armed timers what its row now asks for, in the present transaction.

    One that does not hold its slot any more has none; one that has expired keeps what closes it.
    """
    if booking.status == Booking.Status.EXPIRED:
        return
    armed = Timer.objects.filter(booking=booking, state=Timer.State.ARMED)
    if booking.status not in HOLDING:
        cancel(booking)
    elif not armed.filter(kind=Timer.Kind.EXPIRY, due_at=booking.ends_at).exists():
        cancel(booking)
        arm(booking)


def arm(booking: Booking) -> list[Timer]:
    """Arm the booking's timers in the present transaction; return them. Alarms follow the commit."""
    at = now()
    times = due_times(starts_at=booking.starts_at, ends_at=booking.ends_at, at=at)
    armed = Timer.objects.bulk_create(
        Timer(booking=booking, kind=kind, due_at=due_at) for kind, due_at in times.items()
    )
    horizon = at + timedelta(seconds=settings.ALARM_HORIZON_SECONDS)
    soon = [timer for timer in armed if timer.due_at <= horizon]
    if soon:
        after_commit(lambda: send_alarms(soon))
    return armed


def cancel(booking: Booking) -> int:
    """Cancel the booking's timers that have not fired; return how many. Their alarms will find nothing.

    The parked ones too: what they were to do is not wanted any more, so no operator needs to look.
    """
    waiting = Timer.objects.filter(booking=booking, state__in=(Timer.State.ARMED, Timer.State.PARKED))
    return waiting.update(state=Timer.State.CANCELLED)


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


def any_due(question: Callable[..., QuerySet[Timer]]) -> bool:
    """Whether there is a timer of which this question asks."""
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
    Timer.objects.filter(pk__in=[timer.pk for timer in timers], state=Timer.State.ARMED).update(
        state=state, fired_at=Now()
    )


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


def retry(timer_id: int) -> Timer:
    """Arm a parked timer again: it fires at the next sweep, or is superseded. Returns it.

    Its last error stays, until another takes its place. Raises NotFound, IllegalMove if it is not
    parked, or Replaced if its booking has armed a newer one of its kind.
    """
    booking_id = Timer.objects.filter(pk=timer_id).values_list("booking_id", flat=True).first()
    if booking_id is None:
        raise NotFound("timer")
    try:
        with transaction.atomic():
            # Verbs arm timers under this lock: none of them runs into the one that is armed here.
            Booking.objects.select_for_update(no_key=True).get(pk=booking_id)
            # Due from this moment on: while it was parked it was not overdue.
            moved = Timer.objects.filter(pk=timer_id, state=Timer.State.PARKED).update(
                state=Timer.State.ARMED,
                attempts=0,
                retry_at=Now(),
                alarm_set_at=None,
            )
            timer = Timer.objects.get(pk=timer_id)
            if not moved:
                raise IllegalMove(what="timer", status=timer.state)
            after_commit(lambda: send_alarms([timer]))
    except IntegrityError as error:
        if "timer_armed_once" not in str(error):
            raise
        raise Replaced from error
    return timer


def look(timer_id: int) -> tuple[float | None, bool]:
    """An alarm's cheap look, one query: how long until its timer is due, and whether any timer is.

    The first is in seconds by the database's clock, negative if overdue, None if it is not armed.
    """
    statement, values = composed(_due_at_all)
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


def _due_at_all() -> QuerySet[Timer]:
    return due(Timer.objects.all())


def upcoming(*, limit: int) -> list[Timer]:
    """Armed timers due inside the alarm horizon, or overdue, that have no alarm yet; soonest first."""
    horizon = Now() + timedelta(seconds=settings.ALARM_HORIZON_SECONDS)
    waiting = Timer.objects.filter(state=Timer.State.ARMED, alarm_set_at__isnull=True)
    return list(waiting.filter(due_at__lte=horizon).order_by("due_at")[:limit])


def keep_astray() -> int:
    """Keep the bookings that end soon and whose timers do not know it; return how many those were.

    Rows that were made or changed past the signals, by `bulk_create` or `update`, have none, or old ones.
    """
    expiry = Timer.objects.filter(
        booking=OuterRef("pk"),
        kind=Timer.Kind.EXPIRY,
        due_at=OuterRef("ends_at"),
        state__in=(Timer.State.ARMED, Timer.State.PARKED),
    )
    horizon = Now() + timedelta(seconds=settings.ALARM_HORIZON_SECONDS)
    astray = Booking.objects.holding().filter(~Exists(expiry), ends_at__lte=horizon).order_by("pk")
    done = 0
    for pk in list(astray.values_list("pk", flat=True)[:ALARMS_PER_BATCH]):
        with transaction.atomic():
            # Locked and asked again: somebody may be at it.
            for booking in astray.select_for_update(skip_locked=True, no_key=True).filter(pk=pk):
                keep(booking)
                done += 1
    return done


def set_alarms() -> int:
    """Give every timer that is due soon its Celery message; return how many got one."""
    keep_astray()
    done = 0
    while batch := upcoming(limit=ALARMS_PER_BATCH):
        sent = send_alarms(batch)
        done += sent
        if sent < len(batch):
            break
    return done


def set_alarm_again(timer_id: int, *, after: float) -> None:
    """Ring again in `after` seconds by the worker's own clock: it runs ahead of the database's.

    If the broker fails, the timer has no alarm any more, and `set_alarms` gives it one.
    """
    try:
        current_app.send_task(FIRE_TASK, args=[timer_id], countdown=after)
    except (KombuError, OSError) as error:
        Timer.objects.filter(pk=timer_id).update(alarm_set_at=None)
        logger.warning("Alarms could not be set", extra={"left": 1, "error": str(error)})


def send_alarms(timers: Sequence[Timer]) -> int:
    """Set alarms until the broker fails; return how many were set. What is left, the sweeper does."""
    sent: list[int] = []
    try:
        for timer in timers:
            current_app.send_task(FIRE_TASK, args=[timer.pk], eta=timer.due_at.astimezone(UTC))
            sent.append(timer.pk)
    except (KombuError, OSError) as error:
        left = len(timers) - len(sent)
        logger.warning("Alarms could not be set", extra={"left": left, "error": str(error)})
    if sent:
        with connection.cursor() as cursor:
            cursor.execute(_WRITE_ALARMS, [sent])
    return len(sent)


# A row that somebody holds is passed over, and its alarm is set once more: whoever waited for it would
# hold all the others meanwhile, and they could not fire.
_WRITE_ALARMS = """
UPDATE parking_timer SET alarm_set_at = now()
WHERE id IN (SELECT id FROM parking_timer WHERE id = ANY(%s) FOR NO KEY UPDATE SKIP LOCKED)
"""
