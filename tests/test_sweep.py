"""The sweeper: needs only PostgreSQL, stops at once, and outlives an outage of the database."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from django.db import OperationalError

from parking.management.commands import sweep
from parking.models import Notification
from tests.conftest import time_passes, timer_states


def test_one_sweep_fires_what_is_due_and_relays_what_was_left_behind(book, cast):
    booking = book()
    time_passes(booking, minutes=61)
    Notification.objects.create(recipient=cast.eve, event="X", level="info", message="left behind")
    assert sweep._sweep(away=False) is False
    assert timer_states(booking)["EXPIRY"] == "fired"
    assert not Notification.objects.filter(seq=None).exists()


def test_an_outage_is_said_once_when_it_begins_and_once_when_it_ends(db, monkeypatch, caplog):
    def away():
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(sweep, "run_due", away)
        state = False
        for _ in range(3):
            state = sweep._sweep(away=state)
    assert sweep._sweep(away=state) is False
    said = [record.message for record in caplog.records]
    assert said == ["The database is away; waiting for it", "The database is back"]


def test_after_a_broken_connection_the_next_sweep_comes_at_once_and_while_the_database_is_away_in_time(
    monkeypatch,
):
    stop, happened = threading.Event(), []
    states = iter([False, True, True, False, True, False])

    def swept(*, away):
        state = next(states, None)
        happened.append({True: "away", False: "swept", None: "the end"}[state])
        if state is None:
            stop.set()
        return bool(state)

    monkeypatch.setattr(sweep, "_sweep", swept)
    monkeypatch.setattr(stop, "wait", lambda seconds: happened.append("pause"))
    sweep._sweep_until(stop)
    assert happened == [
        *("swept", "pause"),
        *("away", "away", "pause", "swept", "pause"),
        *("away", "swept", "pause"),
        *("the end", "pause"),
    ]


@pytest.mark.parametrize(("lasts", "pause"), [(0.25, 0.75), (1.5, 0)])
def test_sweeps_come_once_a_second_however_long_one_takes(monkeypatch, lasts, pause):
    stop, pauses, clock = threading.Event(), [], [100.0]

    def swept(*, away):
        clock[0] += lasts
        return False

    def wait(seconds):
        pauses.append(seconds)
        stop.set()

    monkeypatch.setattr(sweep, "_sweep", swept)
    monkeypatch.setattr(sweep, "monotonic", lambda: clock[0])
    monkeypatch.setattr(stop, "wait", wait)
    sweep._sweep_until(stop)
    assert pauses == [pause]


def test_a_defect_in_one_sweep_does_not_stop_the_next(db, monkeypatch, caplog):
    def defect():
        raise ValueError

    monkeypatch.setattr(sweep, "run_due", defect)
    assert sweep._sweep(away=False) is False
    assert "A sweep failed" in caplog.text


@pytest.fixture
def sweeper():
    """`manage.py sweep` as a process, against a database address of one's choice."""
    started = []

    def start(**environment):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "sweep"],
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def test_the_sweeper_ends_within_a_second_even_while_the_database_does_not_answer(sweeper, free_port):
    process = sweeper(DATABASE_URL=f"postgresql://nobody@127.0.0.1:{free_port}/none")
    assert any("The database is away" in line for line in process.stderr)
    process.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    assert process.wait(10) == 0
    assert time.monotonic() - asked < 1
