"""The clock: a timer is a row; a Celery ETA task is only its alarm, and may come early, twice or never."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic

from celery import current_app
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from kombu.exceptions import KombuError

from parking.connections import after_commit
from parking.errors import IllegalMove, NotFound, Replaced
from parking.models import HOLDING, Booking, Timer

logger = logging.getLogger(__name__)

# Set by name: the task is a door to the rules, and rules do not import doors.
FIRE_TASK = "tasks.timers.fire"

# After the broker failed, bookings do not ask it for this long, in seconds: a frozen one would hold each of
# them for a second, and with dozens of bookings a second they would heap up.
PAUSE_AFTER_FAILURE = 1.0
_quiet_until = 0.0

# How much sooner than its timer an alarm rings: its task then waits for the moment, and what Celery takes to
# bring it to a worker's child makes no timer late.
RINGS_EARLY = timedelta(milliseconds=20)

# Of timers due at the same instant so many alarms ring on time: each fires all of them, and thousands
# would take the machine from it. The others come later, should the first ones have been lost.
RING_ON_TIME = 2
SPARE_RINGS_LATE = timedelta(seconds=2)

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
        after_commit(lambda: _send_alarms_if_heard(soon))
    return armed


def cancel(booking: Booking) -> int:
    """Cancel the booking's timers that have not fired; return how many. Their alarms will find nothing.

    The parked ones too: what they were to do is not wanted any more, so no operator needs to look.
    """
    waiting = Timer.objects.filter(booking=booking, state__in=(Timer.State.ARMED, Timer.State.PARKED))
    return waiting.update(state=Timer.State.CANCELLED)


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


def _send_alarms_if_heard(timers: Sequence[Timer]) -> None:
    """Set alarms, unless the broker failed a moment ago: `set_alarms` does it then, or the sweeper fires."""
    if monotonic() >= _quiet_until:
        send_alarms(timers)


def send_alarms(timers: Sequence[Timer]) -> int:
    """Set alarms until the broker fails; return how many were set. What is left, the sweeper does."""
    global _quiet_until
    sent: list[int] = []
    at: Counter[datetime] = Counter()
    try:
        for timer in timers:
            at[timer.due_at] += 1
            on_time = at[timer.due_at] <= RING_ON_TIME
            eta = timer.due_at.astimezone(UTC) + (-RINGS_EARLY if on_time else SPARE_RINGS_LATE)
            current_app.send_task(FIRE_TASK, args=[timer.pk], eta=eta)
            sent.append(timer.pk)
    except (KombuError, OSError) as error:
        _quiet_until = monotonic() + PAUSE_AFTER_FAILURE
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
