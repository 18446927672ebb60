"""Ready or not: each thing that makes notices late is found and said, and nothing else raises the alarm."""

import re
import time
from datetime import timedelta

import pytest
from django.db import OperationalError

from parking import canary, readiness, timers
from parking.actions.bookings import run_due
from parking.canary import Ear
from parking.management.commands import sweep
from parking.models import Pulse, Timer
from parking.readiness import Readiness, look
from tests.conftest import soon, time_passes

pytestmark = pytest.mark.usefixtures("db", "swept", "alarms")


def codes():
    return [problem.code for problem in look()]


def last_swept(**ago):
    Pulse.objects.update(at=timers.now() - timedelta(**ago))


@pytest.fixture
def ear(monkeypatch):
    """This process's, which has listened for an hour."""
    made = Ear()
    made._since = time.monotonic() - 3600
    monkeypatch.setattr(canary, "ear", made)
    return made


def fire_canary(**ago):
    """One has fired, so long ago; its id."""
    at = timers.now() - timedelta(**ago)
    return Timer.objects.create(kind="CANARY", state="fired", due_at=at, fired_at=at).pk


# --- what is wrong -----------------------------------------------------------------------------


def test_sweeps_that_stay_away_are_said():
    last_swept(hours=1)
    (problem,) = look()
    assert problem.code == "not_swept"
    assert re.search(r"for 36\d\d s", problem.message)
    assert "manage.py sweep" in problem.message


def test_a_database_that_was_never_swept_says_so():
    Pulse.objects.all().delete()
    assert codes() == ["not_swept"]


def test_a_timer_that_is_overdue_is_said(book):
    book().timers.filter(kind="EXPIRY").update(due_at=soon(hours=-1))
    (problem,) = look()
    assert problem.code == "clock_overdue"
    assert re.search(r"for 36\d\d s", problem.message)


def test_an_overdue_canary_tells_of_a_clock_that_stands_while_nobody_has_booked():
    canary.revive()
    Timer.objects.update(due_at=soon(seconds=-8))
    assert codes() == ["clock_overdue"]


def test_a_canary_that_this_process_did_not_hear_is_said(ear):
    fire_canary(seconds=5)
    assert codes() == ["layer_deaf"]


def away():
    raise OperationalError("gone")


def frozen():
    time.sleep(readiness.PATIENCE + 1)
    away()


@pytest.mark.parametrize("database", [away, frozen])
def test_a_database_that_is_away_or_silent_is_said_within_two_seconds(monkeypatch, database):
    monkeypatch.setattr(readiness, "now", database)
    asked = time.monotonic()
    assert Readiness().problems() == [readiness.DATABASE_AWAY]
    assert time.monotonic() - asked < 2


def test_all_that_is_wrong_is_said_at_once(ear):
    canary.revive()
    Timer.objects.update(due_at=soon(seconds=-8))
    fire_canary(seconds=5)
    last_swept(minutes=2)
    assert codes() == ["not_swept", "clock_overdue", "layer_deaf"]


# --- what is no reason for alarm ---------------------------------------------------------------


def test_a_quiet_hour_raises_no_alarm(ear):
    sweep._sweep(away=False)
    ear.heard(fire_canary(seconds=9))
    assert codes() == []


def test_a_fresh_and_empty_installation_raises_no_alarm():
    assert codes() == []


def test_what_is_overdue_for_a_moment_raises_no_alarm(book):
    book().timers.filter(kind="EXPIRY").update(due_at=soon(seconds=-3))
    last_swept(seconds=3)
    assert codes() == []


def test_sweeps_that_are_meant_to_be_rare_raise_no_alarm(settings):
    settings.SWEEP_SECONDS = 10
    last_swept(seconds=25)
    assert codes() == []


def test_a_canary_on_its_way_raises_no_alarm(ear):
    fire_canary(seconds=1)
    assert codes() == []


def test_where_nobody_listens_no_canary_is_missed():
    fire_canary(seconds=5)
    assert codes() == []


@pytest.fixture
def poisoned(book, monkeypatch):
    """Dina's booking ended an hour ago, and its timers raise."""
    booking = book()
    time_passes(booking, hours=2)

    def defect(*args, **options):
        raise ValueError

    with monkeypatch.context() as patch:
        patch.setattr("parking.actions.due._notice", defect)
        yield booking


def test_a_timer_that_failed_raises_no_alarm_while_it_waits_nor_when_its_next_try_comes(poisoned):
    run_due()
    assert Timer.objects.filter(attempts=1, state="armed").exists()
    assert codes() == []
    Timer.objects.filter(attempts=1).update(retry_at=soon())
    assert codes() == []


def test_a_parked_timer_raises_no_alarm_nor_when_it_is_tried_again(poisoned):
    for _ in range(3):
        run_due()
        Timer.objects.filter(state="armed", attempts__gt=0).update(retry_at=soon())
    parked = Timer.objects.get(state="parked", kind="EXPIRY")
    assert codes() == []
    timers.retry(parked.pk)
    assert codes() == []


def test_in_the_first_seconds_of_a_process_the_others_may_still_be_starting(monkeypatch):
    last_swept(hours=9)
    fresh = Readiness()
    assert fresh.problems() == []
    monkeypatch.setattr(fresh, "_began", time.monotonic() - readiness.GRACE - 1)
    assert [problem.code for problem in fresh.problems()] == ["not_swept"]


# --- how it is asked ---------------------------------------------------------------------------


def test_many_who_ask_in_the_same_second_cost_one_look(monkeypatch):
    monkeypatch.setattr(readiness, "GOOD_FOR", 60)
    looks = []
    monkeypatch.setattr(readiness, "look", lambda: looks.append(1) or [])
    asked = Readiness()
    for _ in range(5):
        asked.problems()
    assert len(looks) == 1


def test_a_completed_sweep_is_noted():
    last_swept(minutes=5)
    sweep._sweep(away=False)
    assert codes() == []


def test_a_sweep_that_failed_is_not_noted(monkeypatch):
    last_swept(minutes=5)
    monkeypatch.setattr(sweep, "run_due", away)
    sweep._sweep(away=False)
    assert codes() == ["not_swept"]


def test_ready_answers_503_in_the_errors_shape_with_each_problem(client, monkeypatch):
    monkeypatch.setattr(readiness.readiness, "_began", 0.0)
    assert client.get("/api/health/ready/").json() == {"status": "ready"}
    last_swept(seconds=12)
    answer = client.get("/api/health/ready/")
    assert answer.status_code == 503
    assert answer["Retry-After"]
    body = answer.json()
    assert (body["status"], body["code"]) == ("not_ready", "unavailable")
    assert [problem["code"] for problem in body["problems"]] == ["not_swept"]
    assert body["message"] == body["problems"][0]["message"]
