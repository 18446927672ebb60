"""`send_ws_notification`: the public doorway, from anywhere."""

import asyncio
import os
import threading

import psutil
import pytest
from django.db import connection, transaction

from parking.errors import Invalid, NotFound
from parking.models import Notification
from parking.notification_utils import asend_ws_notification, send_ws_notification
from tests.sockets import socket


def test_it_is_a_notice_with_the_next_number_and_the_level_that_was_given(cast):
    for level in ("info", "success", "warning", "error"):
        send_ws_notification(cast.dina.pk, level, "Gate 2 is closed.")
    rows = Notification.objects.filter(recipient=cast.dina).order_by("seq")
    assert [(row.seq, row.level, row.message) for row in rows] == [
        (1, "info", "Gate 2 is closed."),
        (2, "success", "Gate 2 is closed."),
        (3, "warning", "Gate 2 is closed."),
        (4, "error", "Gate 2 is closed."),
    ]


@pytest.mark.parametrize("level", ["loud", "", "INFO", None, 1, [], b"info"])
def test_another_level_is_a_clear_error(cast, level):
    with pytest.raises(Invalid, match=r"level is one of info, success, warning, error|not right") as refused:
        send_ws_notification(cast.dina.pk, level, "Hello")
    assert "level" in refused.value.reason


@pytest.mark.parametrize("message", ["", "  ", "\0", "a\0b", "\ud800", "x" * 1001, None, 5, b"x"])
def test_no_words_too_many_or_unprintable_ones_are_a_clear_error(cast, message):
    with pytest.raises(Invalid):
        send_ws_notification(cast.dina.pk, "info", message)
    assert not Notification.objects.exists()


@pytest.mark.parametrize("user_id", [0, -1, 10**9, 10**30, "abc", "1", None, True, 1.5, [], "\0"])
def test_an_unknown_person_is_a_clear_error(cast, user_id):
    with pytest.raises(NotFound):
        send_ws_notification(user_id, "info", "Hello")


def test_in_a_transaction_it_is_told_when_that_commits_and_not_if_it_does_not(cast):
    with transaction.atomic():
        send_ws_notification(cast.dina.pk, "info", "Never mind")
        transaction.set_rollback(True)
    assert not Notification.objects.exists()
    with transaction.atomic():
        send_ws_notification(cast.dina.pk, "info", "Hello")
        assert not Notification.objects.filter(seq__isnull=False).exists()
    assert Notification.objects.get().seq == 1


@pytest.mark.asyncio
async def test_it_reaches_the_socket_from_a_loop_a_coroutine_and_a_thread(cast, layer):
    async with socket(cast.dina) as opened:
        send_ws_notification(cast.dina.pk, "info", "one")
        await asend_ws_notification(cast.dina.pk, "info", "two")

        def from_thread():
            send_ws_notification(cast.dina.pk, "info", "three")
            connection.close()

        await asyncio.to_thread(from_thread)
        assert [frame["message"] for frame in await opened.frames(3)] == ["one", "two", "three"]


@pytest.mark.asyncio
async def test_errors_reach_the_caller_inside_a_loop_too(cast, layer):
    with pytest.raises(Invalid):
        send_ws_notification(cast.dina.pk, "loud", "Hello")
    with pytest.raises(NotFound):
        await asend_ws_notification(0, "info", "Hello")


def connections():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return cursor.fetchone()[0]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("inside", ["a program", "a loop"])
def test_ten_thousand_calls_leak_no_connection_thread_or_memory(cast, inside):
    call_many(cast.dina.pk, inside, 1000)
    process = psutil.Process(os.getpid())
    before = (connections(), threading.active_count(), process.num_fds())
    memory = process.memory_info().rss
    call_many(cast.dina.pk, inside, 10_000)
    after = (connections(), threading.active_count(), process.num_fds())
    assert all(now <= then for now, then in zip(after, before, strict=True)), (before, after)
    assert process.memory_info().rss - memory < 5_000_000
    assert database_says(cast.dina.pk) == 11_000


def call_many(user_id, inside, count):
    def call():
        for _ in range(count):
            send_ws_notification(user_id, "info", "Hello")

    async def within_a_loop():
        call()

    asyncio.run(within_a_loop()) if inside == "a loop" else call()


def database_says(user_id):
    return Notification.objects.filter(recipient=user_id, seq__isnull=False).count()
