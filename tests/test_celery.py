"""What is sent by name exists and goes where it should; doors call one verb."""

from importlib import import_module

import pytest
from celery import current_app
from django.conf import settings

from parking import timers
from parking.actions.operations import SCHEDULABLE
from parkmate.celery import app
from tasks import notifications as notification_tasks
from tasks import timers as timer_tasks
from tests.conftest import time_passes, timer_states

SCHEDULES = import_module("parking.migrations.0001_initial").SCHEDULES


@pytest.mark.parametrize("name", [timers.FIRE_TASK, *(row["task"] for row in SCHEDULES), *SCHEDULABLE])
def test_every_task_that_is_named_somewhere_exists(name):
    app.loader.import_default_modules()
    assert name in app.tasks


def test_timers_have_a_queue_of_their_own():
    queue = app.amqp.router.route({}, timers.FIRE_TASK)["queue"]
    assert queue.name == "timers"
    assert app.amqp.router.route({}, "tasks.operations.tidy")["queue"].name == "default"


def test_alarms_are_renewed_well_within_the_horizon():
    periods = {row["task"]: row.get("every") for row in SCHEDULES}
    assert periods["tasks.timers.set_alarms"] * 2 <= settings.ALARM_HORIZON_SECONDS


def test_no_schedule_in_the_code_overwrites_an_operators_change():
    assert not current_app.conf.beat_schedule


def test_all_messages_of_a_channel_go_through_one_client_until_its_connections_are_given_up():
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        with channel.conn_or_acquire() as client, channel.conn_or_acquire() as again:
            assert client is again
            assert client.ping()
        channel._disconnect_pools()
        with channel.conn_or_acquire() as another:
            assert another is not client
            assert another.ping()


def test_of_messages_that_are_done_nothing_is_kept():
    with app.connection_for_write() as connection, connection.SimpleQueue("done") as queue:
        for number in range(4):
            queue.put(number)
        taken = [queue.get(timeout=10) for _ in range(4)]
        kept = queue.channel.qos._delivered
        assert len(kept) == 4
        for message in taken:
            message.ack()
        assert not kept


def test_the_alarms_task_fires_its_timer(book):
    booking = book()
    time_passes(booking, minutes=61)
    timer_tasks.fire(booking.timers.get(kind="EXPIRY").pk)
    assert timer_states(booking)["EXPIRY"] == "fired"


def test_an_alarm_for_a_timer_that_is_gone_is_no_error(db):
    timer_tasks.fire(999_999)


def test_the_scheduled_tasks_run(book, alarms):
    book(minutes=1)
    timer_tasks.set_alarms()
    notification_tasks.relay()
