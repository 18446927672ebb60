"""Nobody holds up the clock: not a process that stands still, not a row that somebody holds, not a database
that takes no writes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, connections
from django.db.utils import InternalError, OperationalError

from parking import canary, claims, notifications, relay, timers
from parking.actions import bookings, due, locks
from parking.connections import is_away
from parking.delivery import acknowledge
from parking.events import BOOKING_EXPIRED
from parking.management.commands import sweep
from parking.models import Inbox, Notification, Slot, Timer
from parking.notifications import Notice, notify, notify_many
from parking.readiness import note_sweep
from tasks.timers import fire
from tests.conftest import time_passes, timer_states
from tests.services import POSTGRES

SILENCE = 500  # milliseconds


@pytest.fixture
def fall_asleep(monkeypatch, elsewhere):
    """Let this call, in another thread, stand still in its transaction; only its silence is counted."""

    def asleep(call, frozen):
        with monkeypatch.context() as patch:
            patch.setattr("parking.connections.SILENCE", SILENCE)
            sleeper = elsewhere(call)
            assert frozen.stands.wait(20)
        return sleeper

    return asleep


@pytest.fixture
def elsewhere():
    """Run something in another thread, with a connection of its own."""
    with ThreadPoolExecutor(1) as pool:

        def run(call):
            def closing():
                try:
                    return call()
                finally:
                    connections.close_all()

            return pool.submit(closing)

        yield run


@pytest.fixture
def shell(cast):
    """Somebody in psql, in the middle of a transaction."""
    name = connection.settings_dict["NAME"]
    address = f"postgresql://postgres@/{name}?host={POSTGRES.socket_directory}&port=5432"
    with psycopg.connect(address) as opened:
        yield opened
        opened.rollback()


class Frozen:
    """A function that stands still, the first time, before it returns."""

    def __init__(self, original):
        self.original, self.stands, self.go = original, threading.Event(), threading.Event()
        self.first = True

    def __call__(self, *given, **named):
        first, self.first = self.first, False
        result = self.original(*given, **named)
        if first:
            self.stands.set()
            assert self.go.wait(20)
        return result


@contextmanager
def waiting_for_nobody():
    """Whoever waits for a lock in this block fails."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '2s'")
        try:
            yield
        finally:
            cursor.execute("RESET lock_timeout")


def until_free(call):
    """Repeat until somebody's locks are gone, as the sweeper does; what it returned then."""
    for _ in range(200):
        if done := call():
            return done
        threading.Event().wait(0.02)
    raise AssertionError("the locks were never given back")


def test_a_process_that_stands_still_in_a_batch_gives_its_timers_back(book, fall_asleep, monkeypatch):
    booking = book()
    time_passes(booking, minutes=61)
    frozen = Frozen(due._take_effect)
    monkeypatch.setattr(due, "_take_effect", frozen)
    asleep = fall_asleep(bookings.run_due, frozen)
    until_free(bookings.run_due)
    frozen.go.set()
    with pytest.raises(InternalError, match="idle-in-transaction"):
        asleep.result(20)
    assert timer_states(booking)["EXPIRY"] == "fired"
    assert Timer.objects.filter(attempts__gt=0).count() == 0
    assert Notification.objects.filter(event="BOOKING_EXPIRED").count() == 1


def test_a_process_that_stands_still_while_it_numbers_gives_the_inbox_back(cast, fall_asleep, monkeypatch):
    frozen = Frozen(relay._lock_free_inboxes)
    monkeypatch.setattr(relay, "_lock_free_inboxes", frozen)
    Notification.objects.create(recipient=cast.dina, event="X", level="info", message="waits")
    asleep = fall_asleep(lambda: relay.relay([cast.dina.pk]), frozen)
    notify(BOOKING_EXPIRED, to=cast.dina.pk)
    numbers = Notification.objects.filter(recipient=cast.dina).order_by("id").values_list("seq", flat=True)
    assert list(numbers) == [1, 2]
    frozen.go.set()
    with pytest.raises(InternalError, match="idle-in-transaction"):
        asleep.result(20)


def test_a_booking_whose_row_somebody_holds_keeps_nobody_elses_timers_waiting(book, cast, shell):
    held = book()
    another = Slot.objects.create(lot=cast.lot, number=8, hourly_rate=1)
    other = book(slot_id=another.pk)
    for booking in (held, other):
        time_passes(booking, minutes=61)
    shell.execute("SELECT FROM parking_booking WHERE id = %s FOR UPDATE", [held.pk])
    with waiting_for_nobody():
        bookings.run_due()
    assert timer_states(other)["EXPIRY"] == "fired"
    assert timer_states(held)["EXPIRY"] == "armed"
    shell.rollback()
    bookings.run_due()
    assert timer_states(held)["EXPIRY"] == "fired"


def test_a_timer_whose_row_somebody_holds_keeps_nobody_elses_alarm_waiting(book, cast, shell):
    held = book()
    another = Slot.objects.create(lot=cast.lot, number=8, hourly_rate=1)
    other = book(slot_id=another.pk)
    for booking in (held, other):
        time_passes(booking, minutes=59)
    row = held.timers.get(kind="EXPIRY").pk
    shell.execute("SELECT FROM parking_timer WHERE id = %s FOR UPDATE", [row])
    with waiting_for_nobody():
        timers.send_alarms(timers.upcoming(limit=10))
    assert other.timers.get(kind="EXPIRY").alarm_set_at
    assert not held.timers.get(kind="EXPIRY").alarm_set_at
    shell.rollback()
    assert timers.set_alarms() == 1


def numbers_of(person):
    return list(Notification.objects.filter(recipient=person).order_by("id").values_list("seq", flat=True))


def test_an_inbox_that_somebody_holds_keeps_nobody_elses_notices_waiting(cast, shell):
    for person in (cast.dina, cast.eve):
        notify(BOOKING_EXPIRED, to=person.pk)
    shell.execute("SELECT FROM parking_inbox WHERE user_id = %s FOR UPDATE", [cast.dina.pk])
    with waiting_for_nobody():
        notify_many([Notice(BOOKING_EXPIRED, to=person.pk) for person in (cast.dina, cast.eve)])
        assert numbers_of(cast.eve) == [1, 2]
        assert numbers_of(cast.dina) == [1, None]
        assert relay.relay_left_behind() == 0
    shell.rollback()
    assert relay.relay_left_behind() == 1
    assert numbers_of(cast.dina) == [1, 2]


def test_an_inbox_that_is_held_for_a_moment_is_waited_for(cast, elsewhere, shell, monkeypatch):
    notify(BOOKING_EXPIRED, to=cast.dina.pk)
    shell.execute("SELECT FROM parking_inbox WHERE user_id = %s FOR UPDATE", [cast.dina.pk])
    monkeypatch.setattr(relay, "HELD_FOR", 20_000)
    waiting = elsewhere(lambda: notify(BOOKING_EXPIRED, to=cast.dina.pk))
    until_free(lambda: Notification.objects.filter(recipient=cast.dina).count() == 2)
    shell.rollback()
    waiting.result(20)
    assert numbers_of(cast.dina) == [1, 2]


def test_an_inbox_that_somebody_holds_is_acknowledged_later_and_the_others_now(cast, shell):
    for person in (cast.dina, cast.eve):
        notify(BOOKING_EXPIRED, to=person.pk)
    shell.execute("SELECT FROM parking_inbox WHERE user_id = %s FOR UPDATE", [cast.dina.pk])
    seen = {cast.dina.pk: 1, cast.eve.pk: 1, 999_999: 1}
    with waiting_for_nobody():
        assert acknowledge(seen) == {cast.dina.pk: 1}
    shell.rollback()
    assert acknowledge(seen) == {}
    assert set(Inbox.objects.values_list("acked", flat=True)) == {1}


def test_a_timer_of_a_kind_that_only_a_newer_release_knows_waits_for_that_release(book, monkeypatch):
    booking = book()
    time_passes(booking, minutes=61)
    monkeypatch.setattr(claims, "KINDS", ["WARNING", "AUTO_EXPIRY"])
    newer = booking.timers.get(kind="EXPIRY").pk
    bookings.run_due()
    bookings.ring(newer)
    assert timer_states(booking)["EXPIRY"] == "armed"
    monkeypatch.undo()
    bookings.run_due()
    assert timer_states(booking)["EXPIRY"] == "fired"


@pytest.mark.parametrize("row", ["slot", "booking"])
def test_a_verb_does_not_wait_for_ever_for_a_row_that_somebody_holds(
    row, book, cast, shell, as_user, monkeypatch
):
    monkeypatch.setattr(locks, "PATIENCE", 100)
    booking = book()
    held = {"slot": cast.slot, "booking": booking}[row]
    shell.execute(f"SELECT FROM parking_{row} WHERE id = %s FOR UPDATE", [held.pk])
    end = (booking.ends_at + timedelta(hours=1)).isoformat()
    wish = {"ends_at": end, "payment_method": "card", "payment_token": "tok_visa"}
    answer = as_user(cast.dina).post(
        f"/api/bookings/{booking.pk}/extend/", wish, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_the_sweeper_waits_for_nobody_who_holds_the_row_that_notes_its_sweeps_or_the_canary(shell, swept):
    canary.revive()
    Timer.objects.filter(kind="CANARY").update(due_at=timers.now())
    shell.execute("SELECT FROM parking_pulse FOR UPDATE")
    shell.execute("SELECT FROM parking_timer FOR UPDATE")
    with waiting_for_nobody():
        note_sweep()
        canary.fire()
    assert canary.last() is None


@contextmanager
def read_only():
    """A database that takes no writes."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        try:
            yield
        finally:
            cursor.execute("SET default_transaction_read_only = off")


def test_a_database_that_takes_no_writes_is_waited_for_and_no_timer_has_failed(book, caplog, monkeypatch):
    monkeypatch.setattr(sweep, "close_old_connections", lambda: None)  # the setting is this connection's
    booking = book()
    time_passes(booking, minutes=61)
    expiry = booking.timers.get(kind="EXPIRY")
    with read_only():
        assert sweep._sweep(away=False) is True
        fire(expiry.pk)
    assert [record.message for record in caplog.records] == [
        "The database is away; waiting for it",
        "An alarm found the database away",
    ]
    assert sweep._sweep(away=True) is False
    expiry.refresh_from_db()
    assert (expiry.state, expiry.attempts) == ("fired", 0)


def test_a_database_that_takes_no_writes_is_answered_503(book, cast, as_user):
    booking, dina = book(), as_user(cast.dina)
    with read_only():
        answer = dina.post(f"/api/bookings/{booking.pk}/cancel/", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert (
        dina.post(f"/api/bookings/{booking.pk}/cancel/", content_type="application/json").status_code == 200
    )


def test_an_error_of_postgresql_itself_is_no_outage(db):
    """A row that it cannot read must be set apart, and not be waited for."""
    with pytest.raises(InternalError) as caught, connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'corrupted' USING ERRCODE = 'XX001'; END $$")
    assert not is_away(caught.value)


@pytest.mark.asyncio
async def test_a_connection_to_redis_that_broke_while_it_was_written_to_is_one_that_did_not_answer(layer):
    async def write():
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    assert await layer._soon(write()) is False


def test_what_follows_a_commit_is_left_for_later_by_a_database_that_went_away(cast, monkeypatch, caplog):
    def gone(recipients):
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(notifications, "relay", gone)
        notify(BOOKING_EXPIRED, to=cast.dina.pk)
    assert [record.message for record in caplog.records] == ["What follows a commit was left for later"]
    assert caplog.records[0].exc_info is None
    assert relay.relay_left_behind() == 1


def test_a_defect_in_what_follows_a_commit_is_logged_as_one_and_fails_nothing(cast, monkeypatch, caplog):
    def defect(recipients):
        raise ValueError

    monkeypatch.setattr(notifications, "relay", defect)
    notify(BOOKING_EXPIRED, to=cast.dina.pk)
    assert caplog.records[0].exc_info
