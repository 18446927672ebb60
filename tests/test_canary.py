"""The canary: armed, rung and fired like any timer, and heard by every web process."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from parking import canary, claims, punctuality, timers
from parking.actions.bookings import run_due
from parking.canary import Ear
from parking.management.commands import sweep
from parking.models import Timer
from parking.timers import FIRE_TASK
from tests.conftest import soon, time_passes, timer_states

CANARIES = Timer.objects.filter(kind=Timer.Kind.CANARY)


@pytest.fixture
def sung(monkeypatch):
    """The canaries that were sent through the channel layer, instead of sending them."""
    heard = []
    monkeypatch.setattr(canary, "_sing", heard.append)
    return heard


def make_due(late=0.0):
    CANARIES.filter(state="armed").update(due_at=soon(seconds=-late))


def test_the_first_sweep_arms_a_canary_with_an_alarm_like_the_others(db, alarms):
    sweep._sweep(away=False)
    (armed,) = CANARIES.all()
    assert armed.state == "armed"
    assert timedelta(seconds=9) < armed.due_at - timers.now() <= canary.PERIOD
    assert [(name, message["args"]) for name, message in alarms] == [(FIRE_TASK, [armed.pk])]


def test_a_canary_that_is_due_fires_with_the_others_and_arms_the_next(db, alarms, sung):
    canary.revive()
    (first,) = CANARIES.all()
    run_due()
    assert sung == []
    make_due()
    run_due()
    assert sung == [first.pk]
    following = CANARIES.get(state="armed")
    assert following.pk > first.pk
    assert alarms[-1][1]["args"] == [following.pk]


def test_an_alarm_that_rings_for_an_older_canary_finds_nothing(db, alarms, sung):
    canary.revive()
    (first,) = CANARIES.all()
    make_due()
    run_due()
    assert claims.look(first.pk) == (None, False)


def test_canaries_do_not_pile_up(db, alarms, sung):
    canary.revive()
    for _ in range(5):
        make_due()
        run_due()
    assert sorted(CANARIES.values_list("state", flat=True)) == ["armed", "fired"]


@pytest.mark.parametrize("state", ["cancelled", "parked", None])
def test_a_canary_that_somebody_ended_is_armed_anew_by_the_next_sweep(db, alarms, state):
    canary.revive()
    if state:
        CANARIES.update(state=state)
    else:
        CANARIES.all().delete()
    sweep._sweep(away=False)
    assert CANARIES.filter(state="armed").count() == 1


def test_sweepers_that_start_together_arm_one_canary(db, alarms):
    def revive():
        try:
            canary.revive()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(revive) for _ in range(8)]:
            done.result()
    assert CANARIES.count() == 1


def test_whoever_comes_second_finds_the_canary_fired(db, alarms, sung):
    def fire():
        try:
            canary.fire()
        finally:
            connections.close_all()

    canary.revive()
    make_due()
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(fire) for _ in range(4)]:
            done.result()
    assert len(sung) == 1
    assert CANARIES.filter(state="armed").count() == 1


def test_every_other_timer_has_a_booking_and_a_canary_has_none(book):
    timer = book().timers.first()
    for kind, booking in (("CANARY", timer.booking), ("WARNING", None)):
        with pytest.raises(IntegrityError, match="timer_of_a_booking"), transaction.atomic():
            Timer.objects.create(kind=kind, booking=booking, due_at=timer.due_at)


def test_a_due_canary_does_not_hold_up_what_people_wait_for(book, alarms, sung):
    booking = book()
    time_passes(booking, minutes=61)
    canary.revive()
    make_due(late=3600)
    assert run_due() == 2
    assert timer_states(booking)["EXPIRY"] == "fired"
    assert len(sung) == 1


def test_while_no_canary_is_due_it_costs_a_look_one_query(db, alarms):
    canary.revive()
    with CaptureQueriesContext(connection) as asked:
        canary.fire()
    assert len(asked) == 1


def test_the_figures_of_the_clock_are_of_bookings_and_tell_of_the_canary_apart(db, alarms, sung):
    canary.revive()
    make_due(late=2)
    health = punctuality.health()
    assert (health.armed, health.overdue, health.canary) == (0, 0, None)
    run_due()
    health = punctuality.health()
    assert (health.fired, health.armed, health.next_due) == (0, 0, None)
    assert health.canary.fired_at - health.canary.due_at > timedelta(seconds=2)


# --- heard -------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_every_process_hears_the_canary_through_the_channel_layer(db, alarms, layer):
    ears = [Ear(), Ear()]
    listening = [asyncio.create_task(ear.listen()) for ear in ears]
    while any(ear._since is None for ear in ears):
        await asyncio.sleep(0)
    await database_sync_to_async(canary.revive)()
    await database_sync_to_async(make_due)()
    await database_sync_to_async(run_due)()
    fired = await database_sync_to_async(canary.last)()
    async with asyncio.timeout(10):
        while not all(fired.pk in ear._heard for ear in ears):
            await asyncio.sleep(0.01)
    for task in listening:
        task.cancel()
    await asyncio.wait(listening)


def test_a_canary_is_missed_when_it_was_not_heard_for_longer_than_it_may_take(monkeypatch):
    ear, clock = Ear(), 1000.0
    monkeypatch.setattr(canary, "monotonic", lambda: clock)
    assert not ear.missed(1, ago=timedelta(seconds=5)), "nobody listens here"
    ear._since = clock - 60
    ear.heard(1)
    assert not ear.missed(1, ago=timedelta(seconds=5))
    assert not ear.missed(2, ago=timedelta(seconds=2)), "it may be on its way"
    assert ear.missed(2, ago=timedelta(seconds=4))
    assert not ear.missed(2, ago=timedelta(seconds=61)), "it was over before anybody listened"
