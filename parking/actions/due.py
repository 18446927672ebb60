"""What happens to bookings when their time comes, in bulk: `run_due`, and `ring`, the alarm's way to it.

Whoever comes first does the work, for every timer that is due; the others find nothing. A row that
raises is set apart, so that no other row waits for it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import connection, transaction

from parking import canary, claims, timers
from parking.changes import changed
from parking.claims import Claim
from parking.connections import is_away
from parking.events import BOOKING_EXPIRED, BOOKING_WARNING, SLOT_AUTO_EXPIRED, Event
from parking.models import HOLDING, Booking, Timer
from parking.notifications import Notice, notify_many, once_for, told_together

# Timers in one transaction: few enough to hold locks only briefly, many enough to be cheap.
BATCH = 500

# A batch that is not full has all that was due; a second one has what waited for it: a close for its end.
ROUNDS = 2

# So much longer than it seems, in seconds: were it not due yet, it would be left to the next sweep.
BREATH = 0.0002

# An alarm this early, in seconds, waits for its moment; one earlier still is set again.
PATIENCE = 2.0


@dataclass(frozen=True)
class Effect:
    """What a timer does to a booking in one of the states `of`; `to` None: it only tells."""

    event: Event
    of: tuple[Booking.Status, ...]
    to: Booking.Status | None = None

    def applies(self, booking: Booking, *, now: datetime) -> bool:
        """Whether it is still true: a warning after the end would not be, nor an end before the end."""
        ended = booking.ends_at <= now
        return booking.status in self.of and ended == (self.to is not None)


EFFECTS = {
    Timer.Kind.WARNING: Effect(BOOKING_WARNING, HOLDING),
    Timer.Kind.EXPIRY: Effect(BOOKING_EXPIRED, HOLDING, Booking.Status.EXPIRED),
    Timer.Kind.AUTO_EXPIRY: Effect(SLOT_AUTO_EXPIRED, (Booking.Status.EXPIRED,), Booking.Status.COMPLETED),
}


def ring(timer_id: int) -> int:
    """An alarm rang: wait out the last moments of its timer, if it is armed, and fire all that is due.

    An alarm whose timer is done looks all the same whether anything is due: after many bookings
    ended together, its own successor may be waiting in the queue behind thousands like it.
    Returns how many timers were handled; 0 if there was nothing to do, which is no error.
    """
    wait, anything_due = claims.look(timer_id)
    if wait is not None and 0 < wait <= PATIENCE:
        time.sleep(wait + BREATH)
        return run_due(looked=True)
    if wait is not None and wait > PATIENCE:
        timers.set_alarm_again(timer_id, after=wait)
    return run_due(looked=True) if anything_due else 0


@told_together()
def run_due(*, looked: bool = False) -> int:
    """Fire every timer that is due, a batch a transaction; return how many were handled.

    Any number of callers may do this at once. What becomes due meanwhile is left to its alarm: with dozens of
    bookings a second there is always more, and this would never end. `looked`: the caller knows that there
    is something due. Raises only when the database is away.
    """
    done, rounds = 0, ROUNDS
    while rounds and (looked or claims.any_due()):
        looked = False
        handled = _fire(partial(claims.claim_due, limit=BATCH))
        done += handled
        if handled < BATCH:
            rounds -= 1
        if not (handled and rounds):
            # Nothing else is due that is not somebody's already; or it is these ones' turn.
            done += _try_again()
            canary.fire()
    return done


def _try_again() -> int:
    """Fire what failed before, one by one; return how many were handled."""
    done = 0
    while claims.any_due(claims.due_again) and (handled := _fire(claims.claim_retry)):
        done += handled
    return done


def _fire(claim: Callable[[], Claim]) -> int:
    """Claim timers and fire them in one transaction; if that fails, find out which one is to blame."""
    claimed: list[Timer] = []
    try:
        with transaction.atomic(durable=True):
            claimed, at = claim()
            if at:
                _take_effect(claimed, now=at)
    except Exception as error:
        if is_away(error) or not claimed:
            raise
        _set_apart(claimed, error=error)
    return len(claimed)


def _set_apart(failed: Sequence[Timer], *, error: Exception) -> None:
    """Halve a failed batch until the row that raises is alone; postpone that one, fire the others."""
    if len(failed) == 1:
        claims.postpone(failed[0], error=error)
        return
    middle = len(failed) // 2
    for half in (failed[:middle], failed[middle:]):
        _fire(partial(claims.claim, half))


def _take_effect(claimed: Sequence[Timer], *, now: datetime) -> None:
    """Move the bookings of these locked timers, settle the timers, and write the notices."""
    bookings = {timer.booking_id: timer.booking for timer in claimed if timer.booking}
    for kind, effect in EFFECTS.items():
        true: list[Timer] = []
        late: list[Timer] = []
        for timer in claimed:
            if timer.kind == kind:
                (true if effect.applies(bookings[timer.booking_id], now=now) else late).append(timer)
        _move([bookings[timer.booking_id] for timer in true], effect)
        claims.settle(true, Timer.State.FIRED)
        claims.settle(late, Timer.State.SUPERSEDED)
        _keep_moved([bookings[timer.booking_id] for timer in late], now=now)
        notify_many([_notice(timer, bookings[timer.booking_id], effect) for timer in true])


def _keep_moved(bookings: Sequence[Booking], *, now: datetime) -> None:
    """Arm anew those that end later than their timers knew: they were given another end by an UPDATE."""
    for booking in bookings:
        if booking.ends_at > now:
            timers.keep(booking)


_MOVE = "UPDATE parking_booking SET status = %s WHERE id = ANY(%s) AND status = ANY(%s)"


def _move(bookings: Sequence[Booking], effect: Effect) -> None:
    """One conditional UPDATE; the rows are locked, so a count that differs is a defect."""
    if effect.to is None or not bookings:
        return
    ids, of = [booking.pk for booking in bookings], [status.value for status in effect.of]
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [effect.to.value, ids, of])
        if cursor.rowcount != len(bookings):
            raise RuntimeError("A locked booking changed its state")
    for booking in bookings:
        booking.status = effect.to
    changed(*bookings)


def _notice(timer: Timer, booking: Booking, effect: Effect) -> Notice:
    warning = timer.kind == Timer.Kind.WARNING
    return Notice(
        effect.event,
        to=booking.driver_id,
        # An extended booking is warned again; but it ends once, and `signals.py` says so by the same key.
        dedupe_key=f"timer:{timer.pk}" if warning else once_for(effect.event, booking),
        relevant_until=booking.ends_at if warning else None,
        facts={**booking.facts(), "timer": timer.pk},
    )
