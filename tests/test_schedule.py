"""The operators' schedule: when a row is due, what two beats make of it, and what its admin refuses."""

import json
import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import pairwise
from typing import Any

import pytest
from celery import current_app
from django.apps import apps
from django.db import OperationalError as DatabaseAway
from django.db import connection, transaction
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
    SolarSchedule,
)
from kombu.exceptions import OperationalError as BrokerAway

from parking import timers
from parking.actions import operations
from parking.actions.occurrences import NEVER, TOLERANCE, occurrence
from parking.models import Notification, ScheduledRun
from parkmate.scheduler import Entry, Scheduler
from tasks.operations import announce
from tests.conftest import told

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HELLO = {"level": "info", "words": "Hello", "to": "owners"}
ADMIN = "/admin/django_celery_beat/periodictask/"


def at(**delta: float) -> datetime:
    return NOON + timedelta(**delta)


def every(seconds: int) -> PeriodicTask:
    return PeriodicTask(name="row", interval=IntervalSchedule(every=seconds, period="seconds"))


def daily(hour: str) -> PeriodicTask:
    return PeriodicTask(name="row", crontab=CrontabSchedule(hour=hour, minute="0", timezone="UTC"))


def once(moment: datetime) -> PeriodicTask:
    return PeriodicTask(name="row", clocked=ClockedSchedule(clocked_time=moment), one_off=True)


def said(row: PeriodicTask, *moments: datetime, last: datetime = NEVER) -> list[datetime]:
    """At which of these moments, one message coming at each, the row is carried out."""
    carried_out = []
    for moment in moments:
        if recorded := occurrence(row, last=last, at=moment):
            carried_out.append(moment)
            last = recorded
    return carried_out


# --- When a row is due ------------------------------------------------------------------------


@pytest.mark.parametrize("row", [every(60), daily("12"), once(NOON)], ids=["interval", "crontab", "clocked"])
def test_the_first_message_of_a_row_is_carried_out_and_its_copies_are_not(row):
    assert said(row, NOON, NOON, at(seconds=2)) == [NOON]


def test_of_the_messages_of_two_beats_one_per_period_is_carried_out():
    beats = [at(seconds=60 * period + phase) for period in range(5) for phase in (0, 25)]
    assert said(every(60), *beats) == [at(minutes=period) for period in range(5)]


def test_a_late_message_does_not_make_the_next_one_early():
    moments = [NOON, at(seconds=63), at(seconds=120), at(seconds=180)]
    assert said(every(60), *moments) == moments


def test_early_messages_do_not_add_up_to_one_more():
    moments = [at(seconds=0.95 * number) for number in range(101)]
    carried_out = said(every(1), *moments)
    assert len(carried_out) <= 1 + (95 + 0.1)
    assert all(later - earlier >= timedelta(seconds=0.9) for earlier, later in pairwise(carried_out))


def test_the_tolerance_of_an_interval_is_a_tenth_and_at_most_five_seconds():
    assert said(every(10), at(seconds=9.1), last=NOON)
    assert not said(every(10), at(seconds=8.9), last=NOON)
    assert not said(every(3600), at(seconds=3594), last=NOON)


def test_three_copies_that_waited_for_a_worker_are_carried_out_once():
    late = at(minutes=3, seconds=10)
    row = PeriodicTask(name="row", crontab=CrontabSchedule(timezone="UTC"))
    assert said(row, late, late, late, last=NOON) == [late]


def test_a_beat_that_restarted_with_an_old_memory_does_not_repeat_a_crontab():
    assert said(daily("12"), NOON, at(minutes=2), at(minutes=40), at(days=1)) == [NOON, at(days=1)]


def test_what_a_crontab_missed_is_made_up_for_within_the_hour_or_let_pass():
    assert said(daily("12"), at(minutes=59), last=at(days=-1))
    assert not said(daily("12"), at(minutes=61), at(hours=22), last=at(days=-1))
    assert said(daily("12"), at(days=1), last=at(days=-1))


def test_a_beat_that_is_a_little_ahead_is_believed_and_the_one_on_time_then_finds_it_done():
    ahead = NOON - TOLERANCE + timedelta(seconds=1)
    for row in (daily("12"), once(NOON)):
        assert said(row, ahead, NOON, at(seconds=1)) == [ahead]


def test_a_message_long_before_its_time_is_not_believed():
    early = NOON - TOLERANCE - timedelta(seconds=1)
    assert not said(daily("12"), early, last=at(days=-1))
    assert not said(once(NOON), early)


def test_a_clocked_row_is_carried_out_again_only_for_another_time():
    last = occurrence(once(NOON), last=NEVER, at=NOON)
    assert not said(once(NOON), at(hours=1), last=last)
    assert said(once(at(hours=2)), at(hours=2), last=last)


def test_a_change_of_the_schedule_counts_from_the_last_run():
    assert not said(daily("20"), at(hours=1), last=NOON)
    assert said(daily("20"), at(hours=8), last=NOON)
    assert said(every(60), at(minutes=1), last=NOON)
    assert not said(every(86_400), at(hours=8), last=NOON)


def test_a_crontab_is_due_by_the_clock_of_its_own_place():
    row = PeriodicTask(name="row", crontab=CrontabSchedule(hour="8", minute="0", timezone="Asia/Kolkata"))
    eight = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
    yesterday = eight - timedelta(days=1)
    assert not said(row, eight - timedelta(minutes=1), last=yesterday)
    assert said(row, eight, last=yesterday)


# --- Messages as they come --------------------------------------------------------------------


@pytest.fixture
def row(cast) -> PeriodicTask:
    """An announcement to the owners every hour."""
    interval = IntervalSchedule.objects.create(every=1, period="hours")
    return PeriodicTask.objects.create(
        name="Hello", task="tasks.operations.announce", interval=interval, kwargs=json.dumps(HELLO)
    )


def deliver(message_id: str, *, row_name: str | None = None) -> None:
    """A worker gets this message, from a beat if it names a row."""
    headers = {"periodic_task_name": row_name} if row_name else None
    announce.apply(kwargs=HELLO, task_id=message_id, headers=headers).get()


def let_an_hour_pass(row: PeriodicTask) -> None:
    run = ScheduledRun.objects.get(periodic_task=row)
    ScheduledRun.objects.update(ran_at=run.ran_at - timedelta(hours=1))


def test_the_messages_of_two_beats_make_one_announcement_a_period(cast, row):
    for period in range(2):
        for beat in range(2):
            deliver(f"{period}-{beat}", row_name="Hello")
        assert told(cast.omar) == ["ANNOUNCEMENT"] * (period + 1)
        let_an_hour_pass(row)


def test_two_workers_at_once_make_one_announcement(cast, row):
    together = threading.Barrier(2)

    def work(number: int) -> None:
        together.wait()
        deliver(str(number), row_name="Hello")
        connection.close()

    for turn in range(10):
        workers = [threading.Thread(target=work, args=[f"{turn}-{number}"]) for number in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert Notification.objects.count() == turn + 1
        let_an_hour_pass(row)


def test_a_message_that_comes_again_after_its_commit_is_silent_and_takes_no_turn(cast, row):
    deliver("a", row_name="Hello")
    let_an_hour_pass(row)
    deliver("a", row_name="Hello")
    assert told(cast.omar) == ["ANNOUNCEMENT"]
    deliver("b", row_name="Hello")
    assert told(cast.omar) == ["ANNOUNCEMENT"] * 2


def test_a_message_whose_worker_died_before_the_commit_is_carried_out_when_it_comes_again(cast, row):
    class Killed(BaseException):
        pass

    def work() -> None:
        with transaction.atomic():
            assert operations.announce(**HELLO, call="a", row="Hello") == 1
            raise Killed

    with pytest.raises(Killed):
        work()
    assert told(cast.omar) == []
    deliver("a", row_name="Hello")
    assert told(cast.omar) == ["ANNOUNCEMENT"]


def test_a_database_that_was_away_for_a_moment_costs_no_announcement(cast, row, monkeypatch):
    notify, tries = operations.notify_many, []

    def at_the_second_try(notices: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise DatabaseAway
        notify(notices)

    monkeypatch.setattr(operations, "notify_many", at_the_second_try)
    deliver("a", row_name="Hello")
    assert told(cast.omar) == ["ANNOUNCEMENT"]
    # It is still the row's message: the copy of another beat finds it done.
    deliver("b", row_name="Hello")
    assert told(cast.omar) == ["ANNOUNCEMENT"]


def test_a_row_that_was_renamed_keeps_its_turn(cast, row):
    deliver("a", row_name="Hello")
    PeriodicTask.objects.update(name="Good day")
    deliver("b", row_name="Good day")
    deliver("c", row_name="Hello")
    assert told(cast.omar) == ["ANNOUNCEMENT"]


@pytest.mark.parametrize("one_off", [False, True])
def test_a_row_that_was_switched_off_says_nothing_unless_beat_did_it_after_sending(cast, row, one_off):
    PeriodicTask.objects.update(enabled=False, one_off=one_off)
    deliver("a", row_name="Hello")
    assert told(cast.omar) == ["ANNOUNCEMENT"] * one_off


def test_a_row_that_was_deleted_says_nothing(cast, row):
    row.delete()
    deliver("a", row_name="Hello")
    assert told(cast.omar) == []


def test_without_a_row_every_message_is_carried_out_once(cast):
    for message in ("a", "a", "b"):
        deliver(message)
    assert told(cast.omar) == ["ANNOUNCEMENT"] * 2


# --- The first rows ---------------------------------------------------------------------------


def test_every_first_row_is_valid_and_says_what_it_is_for(db, as_user, cast):
    import_module("parking.migrations.0001_initial").add_schedules(apps, None)
    rows = PeriodicTask.objects.all()
    assert {row.task for row in rows} == {
        "tasks.timers.set_alarms",
        "tasks.notifications.relay",
        "tasks.operations.finish_payments",
        "tasks.operations.tidy",
        "tasks.operations.purge_inbox",
        "tasks.operations.owner_digest",
    }
    for row in rows:
        assert row.enabled
        assert row.description
        row.full_clean()
        page = as_user(cast.ada).get(f"{ADMIN}{row.pk}/change/")
        answer = as_user(cast.ada).post(f"{ADMIN}{row.pk}/change/", page_values(page))
        assert answer.status_code == 302, answer.context["adminform"].form.errors


# --- The admin --------------------------------------------------------------------------------


def page_values(page: Any) -> dict[str, Any]:
    """What a browser would send back from a form's page, unchanged."""
    form = page.context["adminform"].form
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    split = {name: "" for name in ("start_time", "expires") if name in values}
    for name in split:
        values.pop(name)
        values |= {f"{name}_0": "", f"{name}_1": ""}
    return {name: value for name, value in values.items() if value not in (None, False)}


@pytest.fixture
def save(cast, as_user):
    """Ada adds a row in the admin; the form's errors, or nothing."""
    hourly = IntervalSchedule.objects.create(every=1, period="hours")

    def save(**values: Any) -> dict[str, list[str]]:
        page = as_user(cast.ada).get(f"{ADMIN}add/")
        values = {"name": "New", "task": "tasks.operations.announce", "interval": hourly.pk, **values}
        answer = as_user(cast.ada).post(f"{ADMIN}add/", page_values(page) | values)
        return answer.context["adminform"].form.errors if answer.status_code == 200 else {}

    return save


def test_an_operator_schedules_an_announcement(save):
    assert save(kwargs=json.dumps(HELLO)) == {}
    assert PeriodicTask.objects.get().kwargs == json.dumps(HELLO)


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"task": "tasks.timers.fire"}, "task", "There is no such task to schedule. There are: "),
        ({"task": ""}, "task", "Need name of task"),
        ({"task": "x" * 201}, "task", "at most 200"),
        ({"task": "", "regtask": "os.system"}, "regtask", "not one of the available choices"),
        ({"kwargs": ""}, "kwargs", "This is not JSON"),
        ({"kwargs": "{"}, "kwargs", "This is not JSON"),
        ({"kwargs": "[" * 50_000}, "kwargs", "This is not JSON"),
        ({"kwargs": '"text"'}, "kwargs", "must be an object"),
        ({"kwargs": "{}"}, "kwargs", "Missing: level, words, to. The task takes: "),
        ({"kwargs": json.dumps({**HELLO, "when": 1})}, "kwargs", "There is no argument when."),
        ({"kwargs": json.dumps({**HELLO, "to": "me"})}, "kwargs", "to: Must be one of all, owners,"),
        (
            {"kwargs": '{"level": {"__type__": "datetime", "__value__": 1}, "words": "x", "to": "all"}'},
            "kwargs",
            "level: Must be one of info,",
        ),
        ({"args": "[1]"}, "args", "This must stay empty"),
        ({"args": "7"}, "args", "This must stay empty"),
        (
            {"queue": "fast"},
            "queue",
            "There is no such queue. Leave it empty, or use one of default, timers.",
        ),
    ],
)
def test_a_row_that_could_not_be_carried_out_is_refused_on_the_right_field(save, values, field, words):
    errors = save(**{"kwargs": json.dumps(HELLO), **values})
    assert words in errors[field][0]
    assert not PeriodicTask.objects.exists()


@pytest.mark.parametrize(("number", "period"), [(1, "microseconds"), (2_147_483_647, "days")])
def test_a_period_in_which_nothing_can_be_done_is_refused(save, cast, as_user, number, period):
    interval = IntervalSchedule.objects.create(every=number, period=period)
    words = "Must be from one second to ten years."
    assert save(kwargs=json.dumps(HELLO), interval=interval.pk)["interval"] == [words]
    page = "/admin/django_celery_beat/intervalschedule/add/"
    answer = as_user(cast.ada).post(page, {"every": number, "period": period})
    assert words in answer.content.decode()


def test_a_solar_schedule_that_lacks_its_library_is_refused(save):
    sunset = SolarSchedule.objects.create(event="sunset", latitude=1, longitude=1)
    assert "ephem" in save(kwargs=json.dumps(HELLO), interval="", solar=sunset.pk)["solar"][0]


def test_the_chooser_says_what_each_task_does(cast, as_user):
    page = as_user(cast.ada).get(f"{ADMIN}add/").content.decode()
    assert "tasks.operations.purge_inbox: Delete notices that are older than so many days." in page
    assert "tasks.timers.fire" not in page


def test_the_list_shows_what_rows_are_for_and_no_warning_of_a_wrong_scheduler(cast, as_user, row):
    PeriodicTask.objects.update(description="Says hello")
    page = as_user(cast.ada).get(ADMIN)
    assert page.context["wrong_scheduler"] is False
    assert "Says hello" in page.content.decode()


def run_now(client, row: PeriodicTask) -> str:
    """The admin's page after Ada ran this row."""
    answer = client.post(ADMIN, {"action": "run_tasks", "_selected_action": row.pk}, follow=True)
    return answer.content.decode()


def test_a_row_that_is_run_by_hand_is_carried_out_at_once_due_or_not(cast, as_user, row, monkeypatch):
    deliver("a", row_name="Hello")

    def work(name: str, **options: Any) -> None:
        current_app.tasks[name].apply(kwargs=options["kwargs"], headers=options.get("headers"))

    monkeypatch.setattr(current_app, "send_task", work)
    assert "Hello was sent to the workers." in run_now(as_user(cast.ada), row)
    assert told(cast.omar) == ["ANNOUNCEMENT"] * 2


def test_a_row_that_cannot_be_run_by_hand_says_why(cast, as_user, row, monkeypatch):
    def away(*_: Any, **__: Any) -> None:
        raise BrokerAway

    monkeypatch.setattr(current_app, "send_task", away)
    client = as_user(cast.ada)
    assert "Hello could not be sent: Redis does not answer." in run_now(client, row)
    PeriodicTask.objects.update(kwargs="{}")
    assert "Hello: Missing: level, words, to." in run_now(client, row)
    PeriodicTask.objects.update(kwargs="{")
    assert "its arguments are not JSON" in run_now(client, row)


# --- Rows written past the admin --------------------------------------------------------------


@pytest.mark.parametrize(
    "junk",
    [
        {"headers": "[1]"},
        {"interval": None},
        {"interval": IntervalSchedule(every=2_147_483_647, period="days")},
        {"interval": None, "crontab": CrontabSchedule(minute="soon", timezone="UTC")},
    ],
    ids=["headers", "no schedule", "endless", "crontab"],
)
def test_a_row_that_beat_cannot_read_is_left_out_and_named(caplog, junk):
    row = every(60)
    for field, value in junk.items():
        setattr(row, field, value)
    with pytest.raises(ValueError, match="row"):
        Entry(row)
    (record,) = caplog.records
    assert (record.message, record.row) == ("A row of the schedule is not usable", "row")


def test_a_beat_names_its_row_in_what_it_sends():
    row = every(60)
    row.last_run_at = timers.datetime.now(UTC)
    assert Entry(row).options["headers"]["periodic_task_name"] == "row"


@pytest.fixture
def beat(db):
    """A beat that has just read the schedule of a fresh installation, and runs nothing."""
    PeriodicTasks.objects.all().delete()
    beat = Scheduler(app=current_app, lazy=True)
    beat.setup_schedule()
    return beat


def test_the_first_change_ever_is_noticed_also_right_after_the_schedule_was_read(beat):
    PeriodicTask.objects.create(
        name="Closing early",
        task="tasks.operations.announce",
        interval=IntervalSchedule.objects.create(every=60, period="seconds"),
    )
    assert beat.schedule_changed()
    assert not beat.schedule_changed()


def test_where_nothing_changed_beat_notices_no_change(beat):
    assert not beat.schedule_changed()
