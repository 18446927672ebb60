"""What things cost the database: how many statements, so that none is added unseen."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from parking import claims
from parking.actions import bookings, payments
from parking.connections import after_commit_once
from parking.events import ANNOUNCEMENT
from parking.models import Inbox
from parking.notifications import notify
from tests.conftest import soon, time_passes, told
from tests.sockets import say, socket

CARD = {"method": "card", "token": "tok_visa"}


@pytest.fixture
def inboxes(cast):
    """Everybody has been told something before: an inbox is made only once."""
    Inbox.objects.bulk_create(Inbox(user=user) for user in (cast.dina, cast.omar))


@contextmanager
def statements(count: int) -> Iterator[None]:
    """So many, with the transactions' own and all that follows the commits."""
    with CaptureQueriesContext(connection) as asked:
        yield
    said = [query["sql"] for query in asked.captured_queries]
    assert len(said) == count, "\n".join([f"{len(said)} statements:", *said])


def test_booking_by_card_takes_a_few_statements(inboxes, book: Callable):
    with statements(23):
        book()


def test_booking_over_http_adds_the_sign_in_and_the_key(inboxes, cast, alarms, as_user):
    dina = as_user(cast.dina)
    wish = {"slot": cast.slot.pk, "vehicle_number": "KA01AB1234", "ends_at": soon(hours=1).isoformat()}
    pay = {"payment_method": "card", "payment_token": "tok_visa"}
    with statements(29):
        answer = dina.post(
            "/api/bookings/",
            json.dumps(wish | pay),
            content_type="application/json",
            headers={"Idempotency-Key": "once"},
        )
    assert answer.status_code == 201


def test_extending_takes_a_few_statements(inboxes, cast, book):
    booking = book()
    later = booking.ends_at + timedelta(hours=1)
    with statements(19):
        bookings.extend(booking.pk, by=cast.dina, ends_at=later, **CARD)


def test_renewing_takes_a_few_statements(inboxes, cast, book):
    booking = book()
    time_passes(booking, hours=1, minutes=1)
    bookings.run_due()
    with statements(31):
        bookings.renew(booking.pk, by=cast.dina, ends_at=soon(hours=1), **CARD)


def test_cancelling_takes_a_few_statements(inboxes, cast, book):
    booking = book()
    with statements(15):
        bookings.cancel(booking.pk, by=cast.dina)


def test_a_payment_is_captured_with_one_look_at_all_that_is_told_of_it(inboxes, cast, book, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(payments, "_try_to_finish", lambda pk: True)
        payment = book().payments.get()
    with statements(4):
        payments.finish(payment.pk)


def test_an_alarm_that_finds_nothing_to_do_takes_one_statement(book):
    timer = book().timers.earliest("due_at")
    with statements(1):
        assert bookings.ring(timer.pk) == 0


def test_an_alarm_that_fires_its_timer_takes_a_few_statements(inboxes, cast, book):
    booking = book()
    time_passes(booking, minutes=56)
    warning = booking.timers.get(kind="WARNING")
    with statements(13):
        assert bookings.ring(warning.pk) == 1


def test_a_run_with_nothing_due_composes_no_statement_anew(book, monkeypatch):
    bookings.run_due()
    monkeypatch.setattr(claims, "due", None)
    with statements(1):
        assert bookings.run_due() == 0


def test_notices_of_one_transaction_are_relayed_together(inboxes, cast):
    with statements(10), transaction.atomic():
        notify(ANNOUNCEMENT, to=cast.dina.pk, words="One")
        notify(ANNOUNCEMENT, to=cast.omar.pk, words="Two")
    assert told(cast.dina) == told(cast.omar) == ["ANNOUNCEMENT"]


def test_what_follows_a_commit_follows_also_where_a_part_was_rolled_back(db):
    done: list[set[str]] = []

    @transaction.atomic
    def fail():
        after_commit_once(done.append, {"never"})
        raise ZeroDivisionError

    with transaction.atomic():
        with pytest.raises(ZeroDivisionError):
            fail()
        with transaction.atomic():
            after_commit_once(done.append, {"one"})
        after_commit_once(done.append, {"two"})
    assert done == [{"one", "two"}]


def test_what_is_asked_again_and_again_is_planned_once(db):
    for _ in range(7):
        Inbox.objects.filter(acked=1, head=2).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%\"acked\" =%'")
        ((statement,),) = cursor.fetchall()
    assert "$1" in statement


@pytest.mark.asyncio
async def test_a_push_on_its_way_to_the_client_makes_no_task(cast, layer):
    """Thousands of sockets would make as many for each that all are told."""
    loop = asyncio.get_running_loop()
    pushes, made = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer, "group_send_many", pushes.extend)
        async with socket(cast.dina) as opened:
            for _ in range(20):
                await say(cast.dina)
            patch.undo()
            loop.set_task_factory(lambda _, coro, **given: made.append(coro) or asyncio.Task(coro, **given))
            layer.group_send_many(pushes)
            came = [await opened.output_queue.get() for _ in pushes]
            loop.set_task_factory(None)
            for frame in came:
                opened.output_queue.put_nowait(frame)
            # Those of the layer's client, which listens for all sockets, are few.
            assert len(made) < len(pushes)
