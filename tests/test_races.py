"""Many at once, in threads with connections of their own: one winner each, every loser answered."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from parking.actions import bookings
from parking.errors import ParkingError
from parking.models import Booking, Notification, Timer
from tests.conftest import soon, time_passes, timer_states
from tests.services import POSTGRES

CARD = {"method": "card", "token": "tok_visa"}
ROUNDS = 100


@pytest.fixture
def together():
    """Run callables at the same moment in threads; return what each returned, or the refusal it raised."""
    with ThreadPoolExecutor(50) as pool:

        def run(*calls):
            barrier = threading.Barrier(len(calls))

            def one(call):
                try:
                    barrier.wait(20)
                    return call()
                except ParkingError as refusal:
                    return refusal
                finally:
                    connection.close()

            return list(pool.map(one, calls))

        yield run


@pytest.fixture
def no_deadlock(services):
    """PostgreSQL must not have found a deadlock during the test."""
    before = POSTGRES.log.read_text().count("deadlock detected")
    yield
    assert POSTGRES.log.read_text().count("deadlock detected") == before


def test_the_same_alarm_delivered_fifty_times_at_once_has_one_effect_and_one_notice(
    book, cast, together, no_deadlock
):
    booking = book()
    time_passes(booking, minutes=61)
    Timer.objects.exclude(kind="EXPIRY").delete()
    alarm = booking.timers.get().pk
    handled = together(*[lambda: bookings.ring(alarm)] * 50)
    assert sum(handled) == 1
    booking.refresh_from_db()
    assert booking.status == "EXPIRED"
    assert Notification.objects.filter(recipient=cast.dina, event="BOOKING_EXPIRED").count() == 1


def end_soon(booking):
    """Let a booking end in a moment; return when."""
    end = soon(milliseconds=50)
    Booking.objects.filter(pk=booking.pk).update(ends_at=end)
    booking.timers.filter(kind="WARNING").delete()
    booking.timers.filter(kind="EXPIRY").update(due_at=end)
    return end


def fire_until(booking, kind):
    while booking.timers.filter(kind=kind, state="armed").exists():
        bookings.run_due()


def at(moment, call):
    time.sleep(max((moment - soon()).total_seconds(), 0))
    return call()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_extending_and_expiry_have_one_winner(book, cast, together, no_deadlock):
    chance, outcomes = random.Random(1), Counter()
    for _ in range(ROUNDS):
        booking = book()
        end = end_soon(booking)
        when = end + timedelta(milliseconds=chance.uniform(-25, 5))
        extended, _ = together(
            partial(
                at, when, partial(bookings.extend, booking.pk, by=cast.dina, ends_at=soon(hours=1), **CARD)
            ),
            partial(at, end, bookings.run_due),
        )
        old = Timer.objects.filter(booking=booking, kind="EXPIRY").earliest("pk")
        if isinstance(extended, ParkingError):
            fire_until(booking, "EXPIRY")
            old.refresh_from_db()
            booking.refresh_from_db()
            assert (extended.code, old.state, booking.status) == ("already_ended", "fired", "EXPIRED")
            outcomes["expired"] += 1
        else:
            booking.refresh_from_db()
            assert (old.state, booking.status) == ("cancelled", "BOOKED")
            assert booking.timers.filter(state="armed").count() == 3
            bookings.cancel(booking.pk, by=cast.dina)
            outcomes["extended"] += 1
    assert min(outcomes["expired"], outcomes["extended"]) > 0, outcomes
    assert Notification.objects.filter(event="BOOKING_EXPIRED").count() == outcomes["expired"]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_renewing_and_auto_expiry_have_one_winner(book, cast, together, no_deadlock):
    outcomes = Counter()
    for _ in range(ROUNDS):
        booking = book()
        time_passes(booking, minutes=61)
        bookings.run_due()
        Timer.objects.filter(booking=booking, kind="AUTO_EXPIRY").update(due_at=soon(seconds=-1))
        renewed, _ = together(
            partial(bookings.renew, booking.pk, by=cast.dina, ends_at=soon(hours=1), **CARD),
            bookings.run_due,
        )
        booking.refresh_from_db()
        assert booking.status == "COMPLETED"
        if isinstance(renewed, ParkingError):
            assert renewed.code == "illegal_move"
            assert timer_states(booking)["AUTO_EXPIRY"] == "fired"
            outcomes["closed"] += 1
        else:
            assert timer_states(booking)["AUTO_EXPIRY"] == "cancelled"
            bookings.cancel(renewed.pk, by=cast.dina)
            outcomes["renewed"] += 1
    assert min(outcomes["closed"], outcomes["renewed"]) > 0, outcomes
    assert Notification.objects.filter(event="SLOT_AUTO_EXPIRED").count() == outcomes["closed"]
    assert Notification.objects.filter(event="RENEW_SUCCESS").count() == outcomes["renewed"]


@pytest.mark.timeout(120)
def test_cancelling_and_expiry_have_one_winner(book, cast, together, no_deadlock):
    chance, outcomes = random.Random(1), Counter()
    for _ in range(ROUNDS):
        booking = book()
        end = end_soon(booking)
        when = end + timedelta(milliseconds=chance.uniform(-25, 5))
        cancelled, _ = together(
            partial(at, when, partial(bookings.cancel, booking.pk, by=cast.dina)),
            partial(at, end, bookings.run_due),
        )
        if isinstance(cancelled, ParkingError):
            fire_until(booking, "EXPIRY")
            booking.refresh_from_db()
            assert (cancelled.code, booking.status) == ("illegal_move", "EXPIRED")
            assert timer_states(booking)["EXPIRY"] == "fired"
            outcomes["expired"] += 1
        else:
            booking.refresh_from_db()
            assert booking.status == "CANCELLED"
            assert set(timer_states(booking).values()) == {"cancelled"}
            outcomes["cancelled"] += 1
    assert min(outcomes["expired"], outcomes["cancelled"]) > 0, outcomes
    assert Notification.objects.filter(event="BOOKING_EXPIRED").count() == outcomes["expired"]


def test_overlapping_bookings_at_once_have_one_winner(book, cast, together, no_deadlock):
    end = soon(hours=1)
    answers = together(*[lambda: book(ends_at=end)] * 50)
    refused = [answer for answer in answers if isinstance(answer, ParkingError)]
    assert [refusal.code for refusal in refused] == ["slot_taken"] * 49
    assert Booking.objects.count() == 1
