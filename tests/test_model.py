"""Whatever people do, while time passes and commits fail, in any order: the promises of `tests/model`."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from channels.layers import get_channel_layer
from django.db import OperationalError, connection, transaction
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test
from kombu.exceptions import OperationalError as BrokerAway

from parking import connections, relay, timers
from parking.actions import due, locks
from parking.models import Lot, Slot, User
from tests.model.clock import StillClock, still_clock
from tests.model.commits import Way, failing
from tests.model.draws import RATES
from tests.model.hands import Ground
from tests.model.machine import Machine

LEAP_DAY = datetime(2028, 2, 29, 12, 0, 0, 1, tzinfo=UTC)

# Whose lines are many here, and meant: nothing is well for long.
QUIET = ("parking", "django.request")


class Defects(logging.Handler):
    """What Django logs as an error of a database's: something that follows a commit raised."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def clock(db: None) -> Iterator[StillClock]:
    with still_clock() as clock:
        yield clock


@pytest.fixture
def defects() -> Iterator[list[logging.LogRecord]]:
    levels = {name: logging.getLogger(name).level for name in QUIET}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    handler = Defects()
    logging.getLogger("django.db.backends.base").addHandler(handler)
    yield handler.records
    logging.getLogger("django.db.backends.base").removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def ground(cast, clock, defects, settings, monkeypatch) -> Ground:
    settings.PAYMENT_GATEWAY = "tests.model.provider.Provider"
    slots = [
        Slot.objects.create(lot=cast.lot, number=n, hourly_rate=rate).pk for n, rate in enumerate(RATES, 1)
    ]
    people = {name: getattr(cast, name) for name in ("dina", "eve", "omar", "ada")}
    clients = {name: signed_in(user) for name, user in people.items()}
    ground = Ground(people, clients, slots, clock, away=set(), sick=set(), defects=defects)
    fail_as_told(monkeypatch, ground)
    be_patient(monkeypatch)
    return ground


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody holds anything here; and whoever is silent is this process, on a machine that is busy."""
    minute = 60_000
    monkeypatch.setattr(connections, "SILENCE", minute)
    monkeypatch.setattr(relay, "HELD_FOR", minute)
    monkeypatch.setattr(locks, "PATIENCE", minute)


def fail_as_told(monkeypatch: pytest.MonkeyPatch, ground: Ground) -> None:
    """Redis and the broker while they are away, and the timers of bookings while they are sick."""
    notice = due._notice

    def push(sends: Any) -> None:
        if "redis" in ground.away:
            raise OSError("no redis")

    def send_task(name: str, **message: Any) -> None:
        if "broker" in ground.away:
            raise BrokerAway("no broker")

    def notice_unless_sick(timer, booking, effect):
        if booking.pk in ground.sick:
            raise ValueError("a defect")
        return notice(timer, booking, effect)

    monkeypatch.setattr(get_channel_layer(), "group_send_many", push)
    monkeypatch.setattr(current_app, "send_task", send_task)
    monkeypatch.setattr(due, "_notice", notice_unless_sick)
    monkeypatch.setattr(due, "time", SimpleNamespace(sleep=ground.clock.sleep))


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def run(ground: Ground, *, examples: int) -> None:
    run_state_machine_as_test(
        type("OnThisGround", (Machine,), {"ground": ground}),
        settings=hypothesis_settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(300)
def test_whatever_people_do_while_time_passes_and_commits_fail_the_promises_hold(ground):
    run(ground, examples=15)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_in_many_more_runs_the_promises_hold_as_well(ground):
    run(ground, examples=600)


# --- What the model stands on -----------------------------------------------------------------


def test_a_clock_that_stands_still_is_what_every_question_for_the_time_is_answered_by(clock, cast):
    clock.set(LEAP_DAY)
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SELECT now(), statement_timestamp(), clock_timestamp()")
        assert set(cursor.fetchone()) == {LEAP_DAY}
    clock.sleep(86_400)
    assert timers.now() == LEAP_DAY + timedelta(days=1)


def test_no_rollback_turns_the_clock_back(clock):
    clock.set(LEAP_DAY)
    with transaction.atomic():
        clock.sleep(1)
        transaction.set_rollback(True)
    assert timers.now() == LEAP_DAY + timedelta(seconds=1)


def test_the_clock_goes_on_when_it_is_let_go(db):
    with still_clock() as clock:
        clock.set(LEAP_DAY)
    assert timers.now() < LEAP_DAY


@pytest.mark.parametrize("way", Way)
def test_a_commit_that_fails_was_rolled_back_or_was_made_and_its_caller_cannot_tell(cast, way):
    followed = []

    def verb():
        with transaction.atomic():
            Lot.objects.create(owner=cast.omar, name="North", address="9 Hill")
            transaction.on_commit(lambda: followed.append(way))

    with failing((0, way)) as commits, pytest.raises(OperationalError):
        verb()
    assert commits.struck == (0, way)
    assert Lot.objects.filter(name="North").exists() is (way is Way.DONE)
    assert followed == []


@pytest.mark.parametrize("way", Way)
def test_a_statement_outside_a_transaction_is_a_commit_of_its_own(cast, way):
    with failing((1, way)):
        Lot.objects.filter(pk=cast.lot.pk).update(name="North")
        with pytest.raises(OperationalError):
            Lot.objects.filter(pk=cast.lot.pk).update(name="South")
    assert Lot.objects.get().name == ("South" if way is Way.DONE else "North")
