"""The clock: what is due by the database's time, what an alarm may do, and what a failing row may not."""

import contextlib
import logging
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from kombu.exceptions import OperationalError

from parking import canary, claims, punctuality, timers
from parking.actions import bookings, due
from parking.connections import AWAY
from parking.errors import IllegalMove, NotFound, Replaced
from parking.models import Booking, Notification, Slot, Timer
from parking.relay import relay
from tests.conftest import soon, time_passes, timer_states, told

State = Timer.State


def timer_of(booking, kind):
    return booking.timers.get(kind=kind, state__in=("armed", "parked"))


# --- alarms -----------------------------------------------------------------------------------


def test_only_timers_inside_the_horizon_get_an_alarm_at_once(book, alarms):
    booking = book(minutes=1.5)
    assert [message["args"] for _, message in alarms] == [[timer_of(booking, "EXPIRY").pk]]
    name, message = alarms[0]
    assert name == "tasks.timers.fire"
    assert message["eta"] == booking.ends_at.astimezone(UTC) - timers.RINGS_EARLY


def test_set_alarms_gives_later_timers_theirs_when_they_come_near_and_only_once(book, alarms):
    booking = book(minutes=60)
    assert timers.set_alarms() == 0
    time_passes(booking, minutes=54)
    assert timers.set_alarms() == 1
    assert timers.set_alarms() == 0
    assert [message["args"] for _, message in alarms] == [[timer_of(booking, "WARNING").pk]]


def test_of_timers_due_at_the_same_instant_two_alarms_ring_on_time_and_the_others_are_spare(db, alarms):
    """Each fires all of them; thousands that ring at once would take the machine from that."""
    moment = timers.now()
    later = moment + timedelta(seconds=1)
    due_ats = [moment, moment, moment, later, moment]
    assert timers.send_alarms([Timer(pk=pk, due_at=due_at) for pk, due_at in enumerate(due_ats)]) == 5
    on_time, spare = -timers.RINGS_EARLY, timers.SPARE_RINGS_LATE
    rings = [message["eta"] - due_at for (_, message), due_at in zip(alarms, due_ats, strict=True)]
    assert rings == [on_time, on_time, spare, on_time, spare]


def test_an_alarm_that_cannot_be_set_does_not_fail_the_booking_and_is_set_later(book, monkeypatch, caplog):
    def no_broker(*_, **__):
        raise OperationalError("no broker")

    monkeypatch.setattr(timers.current_app, "send_task", no_broker)
    booking = book(minutes=1)
    assert booking.status == Booking.Status.BOOKED
    assert "Alarms could not be set" in caplog.text
    monkeypatch.setattr(timers.current_app, "send_task", lambda *_, **__: None)
    assert timers.set_alarms() == 1


def test_after_the_broker_failed_bookings_do_not_wait_for_it_for_a_while(book, cast, monkeypatch):
    asked = []

    def frozen(*_, **__):
        asked.append(1)
        raise OperationalError("no answer")

    monkeypatch.setattr(timers.current_app, "send_task", frozen)
    first, *others, last = (
        Slot.objects.create(lot=cast.lot, number=number, hourly_rate=6).pk for number in range(8, 12)
    )
    book(slot_id=first, minutes=1)
    for slot in others:
        book(slot_id=slot, minutes=1)
    assert len(asked) == 1
    assert timers.set_alarms() == 0
    assert len(asked) == 2, "the schedule asks all the same"
    monkeypatch.setattr(timers, "monotonic", lambda: time.monotonic() + timers.PAUSE_AFTER_FAILURE)
    book(slot_id=last, minutes=1)
    assert len(asked) == 3


def test_an_early_alarm_that_cannot_be_set_again_fires_what_is_due_and_is_set_later(
    book, cast, alarms, monkeypatch
):
    def no_broker(*_, **__):
        raise OperationalError("no broker")

    early = timer_of(book(minutes=1.5), "EXPIRY")
    over = book(slot_id=Slot.objects.create(lot=cast.lot, number=8, hourly_rate=6).pk)
    time_passes(over, minutes=61)
    with monkeypatch.context() as patch:
        patch.setattr(timers.current_app, "send_task", no_broker)
        assert bookings.ring(early.pk) == 2
    alarms.clear()
    timers.set_alarms()
    assert [message["args"] for _, message in alarms] == [[early.pk]]


def test_an_alarm_for_a_timer_that_is_not_armed_costs_one_query(book, cast):
    booking = book()
    alarm = timer_of(booking, "EXPIRY").pk
    bookings.cancel(booking.pk, by=cast.dina)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert bookings.ring(alarm) == 0
    assert len([q for q in queries if "parking_timer" in q["sql"]]) == len(queries) == 1


def test_an_alarm_whose_own_timer_is_done_fires_what_else_is_due(book, cast):
    spent, late = book(), book(starts_at=soon(hours=2))
    alarm = timer_of(spent, "EXPIRY").pk
    bookings.cancel(spent.pk, by=cast.dina)
    time_passes(late, hours=3)
    assert bookings.ring(alarm) > 0
    assert timer_states(late)["EXPIRY"] == "fired"


def test_an_alarm_that_rings_a_little_early_waits_for_the_moment(book):
    booking = book(minutes=0.3 / 60)
    assert bookings.ring(timer_of(booking, "EXPIRY").pk) == 1
    fired = booking.timers.get(kind="EXPIRY")
    assert fired.state == State.FIRED
    assert fired.fired_at >= fired.due_at


def test_an_alarm_that_rings_much_too_early_is_set_again_and_changes_nothing(book, alarms):
    booking = book(minutes=1)
    alarms.clear()
    assert bookings.ring(timer_of(booking, "EXPIRY").pk) == 0
    ((_, message),) = alarms
    assert 50 < message["countdown"] <= 60
    assert timer_states(booking)["EXPIRY"] == "armed"


# --- what fires -------------------------------------------------------------------------------


def test_nothing_fires_before_its_time(book):
    booking = book()
    assert bookings.run_due() == 0
    assert set(timer_states(booking).values()) == {"armed"}


def test_a_booking_is_warned_expires_and_closes_each_at_its_time(book, cast):
    booking = book()
    for minutes, status, events in [
        (56, "BOOKED", ["BOOKING_WARNING"]),
        (5, "EXPIRED", ["BOOKING_EXPIRED"]),
        (10, "COMPLETED", ["SLOT_AUTO_EXPIRED"]),
    ]:
        before = told(cast.dina)
        time_passes(booking, minutes=minutes)
        assert bookings.run_due() == 1
        booking.refresh_from_db()
        assert booking.status == status
        assert told(cast.dina) == before + events


def test_a_slot_can_be_booked_again_at_the_moment_of_the_end_even_before_the_expiry_fires(book, cast):
    time_passes(book(), minutes=61)
    assert book(driver=cast.eve)


def test_a_pending_cash_booking_expires_too(book):
    booking = book(method="cash")
    time_passes(booking, minutes=61)
    bookings.run_due()
    booking.refresh_from_db()
    assert booking.status == "EXPIRED"


def test_a_warning_that_comes_after_the_end_is_superseded_and_not_told(book, cast):
    booking = book()
    time_passes(booking, minutes=61)
    bookings.run_due()
    assert timer_states(booking)["WARNING"] == "superseded"
    assert told(cast.dina) == ["BOOKING_EXPIRED"]


def test_after_a_long_outage_a_booking_expires_and_closes_in_that_order(book, cast):
    booking = book()
    time_passes(booking, hours=3)
    assert bookings.run_due() == 3
    booking.refresh_from_db()
    assert booking.status == "COMPLETED"
    assert told(cast.dina) == ["BOOKING_EXPIRED", "SLOT_AUTO_EXPIRED"]


def test_extending_makes_the_old_alarm_find_nothing(book, cast):
    booking = book(minutes=1)
    alarm = timer_of(booking, "EXPIRY").pk
    card = {"method": "card", "token": "tok_visa"}
    bookings.extend(booking.pk, by=cast.dina, ends_at=soon(hours=1), **card)
    Timer.objects.filter(pk=alarm).update(due_at=soon(seconds=-1))
    assert bookings.ring(alarm) == 0
    booking.refresh_from_db()
    assert booking.status == "BOOKED"


def test_many_bookings_are_fired_in_a_few_statements_not_one_by_one(book, monkeypatch):
    for hour in range(30):
        later = book(starts_at=soon(days=1, hours=hour * 2))
        time_passes(later, days=40 + hour)
    monkeypatch.setattr(due, "BATCH", 1000)
    with CaptureQueriesContext(connection) as queries:
        assert bookings.run_due() == 90
    assert len(queries) < 60


def test_all_that_is_due_happens_before_anybody_is_told_of_it(book, cast, monkeypatch):
    """Else the last of thousands would wait until those before it are numbered and pushed."""
    for number in (8, 9, 10):
        slot = Slot.objects.create(lot=cast.lot, number=number, hourly_rate=6)
        time_passes(book(slot_id=slot.pk), minutes=61)
    monkeypatch.setattr(due, "BATCH", 1)
    expired_by_then = []

    def relay_and_look(recipients):
        expired_by_then.append(Booking.objects.filter(status="EXPIRED").count())
        return relay(recipients)

    monkeypatch.setattr("parking.notifications.relay", relay_and_look)
    assert bookings.run_due() == 2 * 3, "three warnings that come too late, three ends"
    assert expired_by_then == [3]
    assert told(cast.dina) == ["BOOKING_EXPIRED"] * 3


def test_what_happened_before_the_database_went_away_is_told_all_the_same(book, cast, monkeypatch):
    booking = book()
    time_passes(booking, minutes=61)

    def away():
        raise AWAY[0]("the database is away")

    monkeypatch.setattr(due, "ROUNDS", 1)
    monkeypatch.setattr(due.canary, "fire", away)
    with pytest.raises(AWAY):
        bookings.run_due()
    assert told(cast.dina) == ["BOOKING_EXPIRED"]
    assert Notification.objects.get(recipient=cast.dina).seq == 1


# --- several at once --------------------------------------------------------------------------


def test_a_timer_that_another_process_holds_is_skipped_not_waited_for(book):
    time_passes(book(), minutes=61)
    held, release = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            assert len(claims.claim_due(limit=10).timers) == 2
            held.set()
            release.wait(10)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(10)
        assert bookings.run_due() == 0
    finally:
        release.set()
        holder.join()


# --- rows that fail ---------------------------------------------------------------------------


def test_a_run_ends_and_fires_the_canary_although_there_is_always_more_to_do(book, monkeypatch):
    waiting = [book(starts_at=soon(days=1, hours=hour * 2)) for hour in range(6)]
    take_effect = due._take_effect

    def while_the_next_comes_due(claimed):
        take_effect(claimed)
        if waiting:
            end(waiting.pop())

    def end(booking):
        time_passes(booking, days=40 + len(waiting))

    monkeypatch.setattr(due, "_take_effect", while_the_next_comes_due)
    end(waiting.pop())
    canary.revive()
    Timer.objects.filter(kind=Timer.Kind.CANARY).update(due_at=Now())
    bookings.run_due()
    assert waiting
    assert canary.last() is not None


@pytest.fixture
def poison(monkeypatch):
    """Make the notice of some bookings raise, as a defect would."""
    sick: set[int] = set()
    real = due._notice

    def notice(timer, booking, effect):
        if booking.pk in sick:
            raise ValueError("a defect")
        return real(timer, booking, effect)

    monkeypatch.setattr(due, "_notice", notice)
    return sick


def park(booking, kind):
    """Park this timer of a booking, its moment just past; return it."""
    if kind == "EXPIRY":
        just_over(booking)
    timer = booking.timers.get(kind=kind)
    Timer.objects.filter(pk=timer.pk).update(
        state="parked", attempts=3, due_at=soon(seconds=-1), last_error="ValueError: a defect"
    )
    return timer


def just_over(booking):
    """The booking's end was a second ago; of its timers only the EXPIRY is left to fire."""
    booking.timers.filter(kind="WARNING").delete()
    time_passes(booking, minutes=60, seconds=1)


def retry_now():
    Timer.objects.filter(retry_at__isnull=False).update(retry_at=soon(seconds=-1))


def test_a_row_that_raises_is_set_apart_and_the_others_fire_in_the_same_run(book, cast, poison):
    slots = [Slot.objects.create(lot=cast.lot, number=n, hourly_rate="6.00") for n in range(20, 25)]
    made = [book(slot_id=slot.pk) for slot in slots]
    for booking in made:
        just_over(booking)
    poison.add(made[2].pk)
    bookings.run_due()
    states = [booking.timers.get(kind="EXPIRY").state for booking in made]
    assert states == ["fired", "fired", "armed", "fired", "fired"]
    assert list(Booking.objects.order_by("pk").values_list("status", flat=True)) == [
        "EXPIRED",
        "EXPIRED",
        "BOOKED",
        "EXPIRED",
        "EXPIRED",
    ]


@contextlib.contextmanager
def before_a_booking_is_written(body, when="true"):
    """PostgreSQL does this in the block, before it updates a booking of which `when` is true."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;"
            " CREATE TRIGGER meddle BEFORE UPDATE ON parking_booking FOR EACH ROW"
            f" WHEN ({when}) EXECUTE FUNCTION meddle()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION meddle CASCADE")


def test_a_row_that_postgresql_refuses_is_set_apart(book, cast):
    slots = [Slot.objects.create(lot=cast.lot, number=n, hourly_rate="6.00") for n in range(20, 23)]
    made = [book(slot_id=slot.pk) for slot in slots]
    for booking in made:
        just_over(booking)
    with before_a_booking_is_written("RAISE EXCEPTION 'a defect';", when=f"NEW.id = {made[1].pk}"):
        bookings.run_due()
    states = [booking.timers.get(kind="EXPIRY").state for booking in made]
    assert states == ["fired", "armed", "fired"]
    assert "a defect" in timer_of(made[1], "EXPIRY").last_error
    assert told(cast.dina).count("BOOKING_EXPIRED") == 2


def test_a_timer_whose_booking_does_not_move_tells_nobody_that_it_did(book, cast):
    booking = book()
    just_over(booking)
    with before_a_booking_is_written("RETURN NULL;"):
        bookings.run_due()
    assert timer_of(booking, "EXPIRY").state == "armed"
    assert "changed its state" in timer_of(booking, "EXPIRY").last_error
    assert "BOOKING_EXPIRED" not in told(cast.dina)


def test_a_timer_that_comes_due_right_before_the_claim_fires_and_is_not_too_late(book, monkeypatch):
    booking = book()
    booking.timers.filter(kind="WARNING").delete()
    time_passes(booking, minutes=59, seconds=59.7)
    claim_due = claims.claim_due

    def wait_for_the_end(**given):
        booking.refresh_from_db()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep_until(%s)", [booking.ends_at])
        return claim_due(**given)

    monkeypatch.setattr(claims, "claim_due", wait_for_the_end)
    bookings.run_due(looked=True)
    assert [timer.state for timer in booking.timers.filter(kind="EXPIRY")] == ["fired"]


def test_what_is_claimed_is_what_the_query_says_one_object_for_each_booking(book, cast):
    booking = book()
    time_passes(booking, minutes=61)
    expected = {timer.pk: timer for timer in Timer.objects.select_related("booking__slot__lot")}
    with transaction.atomic():
        claimed, at = claims.claim_due(limit=10)
        with CaptureQueriesContext(connection) as asked:
            assert [timer.kind for timer in claimed] == ["WARNING", "EXPIRY"]
            assert claimed[0].booking is claimed[1].booking
            for timer in claimed:
                assert (timer.attempts, timer.booking) == (0, expected[timer.pk].booking)
                assert timer.booking.facts() == expected[timer.pk].booking.facts()
                assert timer.booking.slot.lot.owner_id == cast.omar.pk
                assert booking.driver_id == timer.booking.driver_id
                assert timer.booking.ends_at <= at
        assert not asked.captured_queries


def test_a_failing_row_is_tried_again_after_growing_pauses_and_then_parked(book, poison, caplog):
    booking = book()
    poison.add(booking.pk)
    just_over(booking)
    pauses = []
    for _ in claims.RETRY_PAUSES:
        bookings.run_due()
        assert bookings.run_due() == 0, "it is not tried again before its pause is over"
        timer = booking.timers.get(kind="EXPIRY")
        pauses.append(round((timer.retry_at - soon()).total_seconds()))
        retry_now()
    assert pauses == list(claims.RETRY_PAUSES)
    bookings.run_due()
    timer.refresh_from_db()
    assert (timer.state, timer.attempts, timer.last_error) == ("parked", 3, "ValueError: a defect")
    assert [r.message for r in caplog.records if r.levelno == logging.CRITICAL] == [
        "A timer was parked: it needs an operator"
    ]


def test_a_failing_row_that_is_mended_fires_at_its_next_try(book, poison):
    booking = book()
    poison.add(booking.pk)
    just_over(booking)
    bookings.run_due()
    poison.clear()
    retry_now()
    assert bookings.run_due() == 1
    assert timer_states(booking)["EXPIRY"] == "fired"


def test_a_booking_does_not_close_before_its_expiry_has_been_done(book, poison):
    booking = book()
    poison.add(booking.pk)
    time_passes(booking, hours=3)
    bookings.run_due()
    assert timer_states(booking)["AUTO_EXPIRY"] == "armed"
    for _ in range(3):
        retry_now()
        bookings.run_due()
    assert timer_states(booking) == {"WARNING": "superseded", "EXPIRY": "parked", "AUTO_EXPIRY": "armed"}


def test_a_parked_timer_that_is_tried_again_fires_at_the_next_sweep_and_keeps_its_error(book, alarms):
    timer = park(book(), "EXPIRY")
    alarms.clear()
    armed = timers.retry(timer.pk)
    assert (armed.state, armed.attempts) == ("armed", 0)
    assert armed.retry_at <= timers.now()
    assert [message["args"] for _, message in alarms] == [[timer.pk]]
    assert bookings.run_due() == 1
    timer.refresh_from_db()
    assert (timer.state, timer.last_error) == ("fired", "ValueError: a defect")


def test_a_timer_tried_again_has_all_its_tries_anew(book, poison):
    booking = book()
    poison.add(booking.pk)
    timers.retry(park(booking, "EXPIRY").pk)
    bookings.run_due()
    timer = booking.timers.get(kind="EXPIRY")
    assert (timer.state, timer.attempts) == ("armed", 1)


def test_only_a_parked_timer_is_tried_again(book, cast):
    booking = book()
    timer = timer_of(booking, "EXPIRY")
    with pytest.raises(IllegalMove):
        timers.retry(timer.pk)
    bookings.cancel(booking.pk, by=cast.dina)
    with pytest.raises(IllegalMove):
        timers.retry(timer.pk)
    with pytest.raises(NotFound):
        timers.retry(timer.pk + 1000)
    timer.refresh_from_db()
    assert timer.state == "cancelled"


def test_a_parked_timer_that_has_a_newer_one_armed_is_not_tried_again(book, alarms):
    booking = book()
    timer = park(booking, "EXPIRY")
    Timer.objects.create(booking=booking, kind="EXPIRY", due_at=booking.ends_at)
    alarms.clear()
    with pytest.raises(Replaced):
        timers.retry(timer.pk)
    timer.refresh_from_db()
    assert (timer.state, alarms) == ("parked", [])


def test_trying_again_waits_for_a_verb_that_holds_the_booking(book):
    booking = book()
    timer = park(booking, "WARNING")
    done = threading.Event()

    def retry():
        with contextlib.suppress(IllegalMove):
            timers.retry(timer.pk)
        done.set()
        connection.close()

    other = threading.Thread(target=retry)
    with transaction.atomic():
        locked = Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
        other.start()
        assert not done.wait(0.3)
        timers.cancel(locked)
        timers.arm(locked)
    other.join()
    timer.refresh_from_db()
    assert timer.state == "cancelled"


def test_extending_a_booking_cancels_its_parked_warning_for_the_new_one(book, cast):
    booking = book()
    old = park(booking, "WARNING")
    card = {"method": "card", "token": "tok_visa"}
    bookings.extend(booking.pk, by=cast.dina, ends_at=soon(hours=2), **card)
    old.refresh_from_db()
    assert old.state == "cancelled"
    assert timer_of(booking, "WARNING").state == "armed"


# --- health -----------------------------------------------------------------------------------


def test_a_clock_with_nothing_to_do_has_nothing_to_measure(cast):
    health = punctuality.health()
    assert (health.armed, health.overdue, health.fired, health.parked) == (0, 0, 0, 0)
    assert (health.oldest_overdue, health.late_p50, health.late_p99, health.next_due) == (None,) * 4


def test_health_tells_the_overdue_and_how_long_the_oldest_of_them_has_waited(book):
    book().timers.filter(kind="WARNING").update(due_at=soon(minutes=-1))
    book(starts_at=soon(hours=2)).timers.filter(kind="EXPIRY").update(due_at=soon(minutes=-5))
    health = punctuality.health()
    assert (health.overdue, health.armed) == (2, 6)
    assert round(health.oldest_overdue / timedelta(minutes=1)) == 5
    assert health.next_due.due_at > health.at


def test_health_does_not_call_overdue_what_waits_for_a_parked_expiry_or_a_next_try(book):
    park(book(), "EXPIRY")
    Timer.objects.filter(kind="AUTO_EXPIRY").update(due_at=soon(seconds=-1))
    failed = timer_of(book(starts_at=soon(hours=2)), "WARNING")
    Timer.objects.filter(pk=failed.pk).update(attempts=1, due_at=soon(seconds=-5), retry_at=soon(seconds=20))
    health = punctuality.health()
    assert (health.overdue, health.retrying, health.parked) == (0, 1, 1)


def test_health_measures_how_late_the_timers_of_the_last_hour_came(book):
    at = soon()
    booking = book()
    for ms in range(1, 101):
        fired_at = at - timedelta(minutes=1)
        due_at = fired_at - timedelta(milliseconds=ms)
        Timer.objects.create(booking=booking, kind="WARNING", state="fired", due_at=due_at, fired_at=fired_at)
    Timer.objects.create(
        booking=booking, kind="WARNING", state="fired", due_at=soon(days=-1), fired_at=soon(hours=-2)
    )
    health = punctuality.health()
    assert health.fired == 100
    assert health.late_p50 == timedelta(milliseconds=50.5)
    assert health.late_p99 == timedelta(milliseconds=99.01)


def test_what_is_due_is_decided_by_the_databases_clock_alone(book, monkeypatch):
    booking = book()
    monkeypatch.setattr("django.utils.timezone.now", lambda: booking.ends_at + timedelta(days=1))
    monkeypatch.setattr("time.time", lambda: booking.ends_at.timestamp() + 86_400)
    assert bookings.run_due() == 0
    assert timers.now() < booking.ends_at
    assert claims.look(timer_of(booking, "EXPIRY").pk)[0] > 3000


# --- Rows that were changed past the signals ------------------------------------------------------


def test_a_booking_given_a_later_end_by_an_update_does_not_expire_early_and_gets_new_timers(book, cast):
    booking = book()
    just_over(booking)
    later = timers.now() + timedelta(minutes=30)
    Booking.objects.filter(pk=booking.pk).update(ends_at=later)
    bookings.run_due()
    booking.refresh_from_db()
    assert (booking.status, told(cast.dina)) == ("BOOKED", [])
    armed = booking.timers.filter(state=Timer.State.ARMED)
    assert armed.get(kind=Timer.Kind.EXPIRY).due_at == later


@pytest.mark.parametrize("way", ["bulk_create", "update"])
def test_a_booking_that_ends_soon_and_has_no_timer_for_it_gets_one(book, cast, alarms, way):
    soon_over = timers.now() + timedelta(seconds=60)
    booking = book(minutes=30)
    Booking.objects.filter(pk=booking.pk).update(ends_at=soon_over)
    if way == "bulk_create":
        Timer.objects.all().delete()
    timers.set_alarms()
    armed = booking.timers.filter(state=Timer.State.ARMED, kind=Timer.Kind.EXPIRY)
    assert [timer.due_at for timer in armed] == [soon_over]
    assert timers.keep_astray() == 0


def test_a_booking_whose_expiry_is_parked_is_left_to_the_operators(book):
    booking = book(minutes=1)
    booking.timers.filter(kind=Timer.Kind.EXPIRY).update(state=Timer.State.PARKED)
    assert timers.keep_astray() == 0


# --- instants that calendars make difficult -----------------------------------------------------

# A wish with the offsets of Berlin's clocks, and how many hours it really lasts.
ODD_HOURS = {
    "the hour that comes twice": ("2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00", 1),
    "the hour that does not come": ("2025-03-30T01:30:00+01:00", "2025-03-30T03:30:00+02:00", 1),
    "the 29th of February": ("2028-02-28T23:30:00+01:00", "2028-03-01T00:30:00+01:00", 25),
}


@pytest.mark.parametrize(("start", "end", "hours"), ODD_HOURS.values(), ids=ODD_HOURS)
def test_a_booking_over_an_odd_hour_costs_and_lasts_its_real_time(start, end, hours, book, cast, monkeypatch):
    starts_at, ends_at = datetime.fromisoformat(start), datetime.fromisoformat(end)
    with monkeypatch.context() as patch:
        patch.setattr(timers, "now", lambda: starts_at)
        booking = book(starts_at=starts_at, ends_at=ends_at)
    assert booking.price == hours * cast.slot.hourly_rate
    booking.refresh_from_db()
    assert booking.ends_at - booking.starts_at == timedelta(hours=hours)
    assert timer_of(booking, "WARNING").due_at == ends_at - timedelta(minutes=5)
    assert timer_of(booking, "EXPIRY").due_at == ends_at
    assert timer_of(booking, "AUTO_EXPIRY").due_at == ends_at + timedelta(minutes=10)
    to_its_end = (timers.now() - ends_at).total_seconds() / 60
    time_passes(booking, minutes=-to_its_end)
    bookings.run_due()
    assert timer_states(booking) == {"WARNING": "superseded", "EXPIRY": "fired", "AUTO_EXPIRY": "armed"}
