"""Replays, gaps and acknowledgements: complete or an explicit reset, never a part."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import OperationalError, connection, transaction

from parking import consumers, delivery, sockets
from parking.events import BOOKING_EXPIRED, BOOKING_WARNING
from parking.models import Inbox, Notification
from parking.notifications import Notice, notify, notify_many
from parking.sockets import open_sockets
from parking.timers import now
from tests.sockets import communicator, say, socket

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("layer")]


def many(user, count):
    """So many notices at once."""
    return database_sync_to_async(notify_many)([Notice(BOOKING_EXPIRED, user.pk) for _ in range(count)])


def inbox_of(user):
    return database_sync_to_async(Inbox.objects.get)(user=user)


def purge(user, *, up_to):
    return database_sync_to_async(Notification.objects.filter(recipient=user, seq__lte=up_to).delete)()


@pytest.fixture
def silent(monkeypatch):
    """No push gets through to anybody."""
    monkeypatch.setattr(get_channel_layer(), "group_send_many", lambda sends: None)


# --- coming in --------------------------------------------------------------------------------


class Steps:
    """Every await of `connect`, and the questions it asks: a notice can be told before and after each."""

    def __init__(self, user, monkeypatch, layer):
        self.user, self.passed, self.tell_at = user, 0, None
        consumer = consumers.NotificationConsumer
        for name in ("authenticate", "accept", "send", "tell_my_others"):
            monkeypatch.setattr(consumer, name, self._around(getattr(consumer, name)))
        monkeypatch.setattr(layer, "group_add", self._around(layer.group_add))
        welcomes = open_sockets().welcomes
        monkeypatch.setattr(welcomes, "_ask", self._around_query(welcomes._ask))
        for name in ("_inboxes", "_after"):
            monkeypatch.setattr(delivery, name, self._around_query(getattr(delivery, name)))

    def _reached(self):
        self.passed += 1
        if self.passed == self.tell_at:
            notify(BOOKING_EXPIRED, to=self.user.pk)

    def _around_query(self, step):
        def told_around(*args, **options):
            self._reached()
            answer = step(*args, **options)
            self._reached()
            return answer

        return told_around

    def _around(self, step):
        async def told_around(*args, **options):
            await database_sync_to_async(self._reached)()
            answer = await step(*args, **options)
            await database_sync_to_async(self._reached)()
            return answer

        return told_around


async def test_a_notice_told_at_any_step_of_connecting_is_shown_once(cast, monkeypatch, layer):
    """One at a time: a later notice would reveal the gap, and the position check is too late to help."""
    steps = Steps(cast.dina, monkeypatch, layer)
    async with socket(cast.dina) as opened:
        await opened.settled()
        count = steps.passed - 2  # the pong is sent as well
    assert count >= 14
    for number in range(1, count + 1):
        steps.passed, steps.tell_at = 0, number
        async with asyncio.timeout(5), socket(cast.dina, after=number - 1) as opened:
            await opened.read_up_to(number)
            assert opened.numbers == [number]
            steps.tell_at = None


async def test_a_client_that_vanishes_while_it_connects_leaves_nothing_behind(cast, monkeypatch, layer):
    async def gone(self, *args, **options):
        raise ConnectionResetError

    monkeypatch.setattr(consumers.NotificationConsumer, "accept", gone)
    opened = await communicator(user=cast.dina)
    await opened.send_input({"type": "websocket.connect"})
    with pytest.raises(ConnectionResetError):
        await opened.wait(timeout=10)
    assert layer._get_layer().groups == layer._get_layer().channels == {}


# --- replays ----------------------------------------------------------------------------------


async def test_after_and_epoch_replay_exactly_what_came_after(cast):
    await many(cast.dina, 5)
    epoch = (await inbox_of(cast.dina)).epoch
    async with socket(cast.dina, after=3, epoch=epoch) as opened:
        assert (opened.hello["reset"], opened.hello["seq"]) == (False, 5)
        frames = await opened.frames(2)
    assert [(frame["seq"], frame["replayed"]) for frame in frames] == [(4, True), (5, True)]


async def test_five_hundred_are_replayed_and_one_more_is_a_reset(cast):
    await many(cast.dina, 501)
    async with socket(cast.dina, after=1) as opened:
        assert not opened.hello["reset"]
        await opened.read_up_to(501)
        assert opened.numbers == list(range(2, 502))
    await _is_a_reset(cast.dina, after=0)


async def test_another_epoch_a_pruned_range_and_a_number_not_reached_yet_are_resets(cast):
    await many(cast.dina, 5)
    await _is_a_reset(cast.dina, after=5, epoch=uuid4())
    await _is_a_reset(cast.dina, after=3, epoch="no epoch")
    await _is_a_reset(cast.dina, after=6)
    await _is_a_reset(cast.dina, after=2**63 - 1)
    await purge(cast.dina, up_to=3)
    await _is_a_reset(cast.dina, after=2)
    async with socket(cast.dina, after=3) as opened:
        assert not opened.hello["reset"]
        assert [frame["seq"] for frame in await opened.frames(2)] == [4, 5]


async def _is_a_reset(user, **position):
    """Nothing is replayed, and what comes next is shown."""
    opened = await (await communicator(user=user, **position)).open()
    assert opened.hello["reset"] is True
    assert await opened.settled() == []
    await opened.leave()


@pytest.mark.parametrize("after", ["", "-1", "1.0", "x", "1e3", " 1", "²", "٣", str(2**63), "9" * 5000])
async def test_a_position_that_is_no_number_is_bad_input(cast, after):
    opened = await communicator(user=cast.dina, after=after)
    assert await opened.refusal() == 4400


async def test_a_tab_opened_after_the_expiry_shows_both_notices_and_marks_the_warning(cast):
    ends_at = await database_sync_to_async(now)()

    def tell():
        notify(BOOKING_WARNING, to=cast.dina.pk, relevant_until=ends_at)
        notify(BOOKING_EXPIRED, to=cast.dina.pk)

    await database_sync_to_async(tell)()
    async with socket(cast.dina) as tab:
        warning, expired = await tab.frames(2)
        assert (warning["event"], warning["relevant"], warning["replayed"]) == (
            "BOOKING_WARNING",
            False,
            True,
        )
        assert (expired["event"], expired["relevant"]) == ("BOOKING_EXPIRED", True)
        await tab.say(type="ack", seq=2)
        await tab.settled()
        await open_sockets().write_acks()
        async with socket(cast.dina) as phone:
            assert phone.hello["seq"] == 2
            assert await phone.settled() == []


async def test_a_warning_that_is_still_of_use_is_replayed_as_such(cast):
    later = await database_sync_to_async(now)() + timedelta(minutes=5)
    await database_sync_to_async(notify)(BOOKING_WARNING, to=cast.dina.pk, relevant_until=later)
    async with socket(cast.dina) as opened:
        (warning,) = await opened.frames(1)
    assert warning["relevant"] is True


# --- gaps -------------------------------------------------------------------------------------


async def test_without_any_push_the_position_check_shows_everything(cast, silent):
    async with socket(cast.dina) as desk, socket(cast.dina) as phone, socket(cast.eve) as other:
        await many(cast.dina, 3)
        await many(cast.eve, 1)
        await open_sockets().check_positions()
        assert [frame["seq"] for frame in await desk.frames(3)] == [1, 2, 3]
        assert [frame["seq"] for frame in await phone.frames(3)] == [1, 2, 3]
        assert [frame["seq"] for frame in await other.frames(1)] == [1]


async def test_all_positions_are_one_query(cast, django_assert_num_queries):
    async with socket(cast.dina), socket(cast.dina), socket(cast.eve):
        users = [cast.dina.pk, cast.eve.pk]

        def ask():
            with django_assert_num_queries(1):
                return sockets.heads(users)

        assert set(await database_sync_to_async(ask)()) == set(users)


async def test_a_socket_that_moves_on_while_the_heads_are_read_is_not_taken_for_one_ahead(cast, monkeypatch):
    async with socket(cast.dina) as opened:
        await say(cast.dina)
        await opened.read_up_to(1)
        true_heads, loop = sockets.heads, asyncio.get_running_loop()

        def heads(users):
            found = true_heads(users)
            notify(BOOKING_EXPIRED, to=cast.dina.pk)
            asyncio.run_coroutine_threadsafe(opened.read_up_to(2), loop).result(10)
            return found

        monkeypatch.setattr(sockets, "heads", heads)
        await open_sockets().check_positions()
        assert await opened.settled() == []


async def test_numbers_that_began_anew_send_the_client_back_for_a_reset(cast):
    await many(cast.dina, 2)
    opened = await (await communicator(user=cast.dina)).open()
    await opened.read_up_to(2)
    await database_sync_to_async(Inbox.objects.filter(user=cast.dina).update)(epoch=uuid4())
    await open_sockets().check_positions()
    assert await opened.close_code() == 1012
    await _is_a_reset(cast.dina, after=2, epoch=opened.hello["epoch"])


async def test_a_gap_whose_notices_were_purged_is_no_partial_replay(cast, silent):
    opened = await (await communicator(user=cast.dina)).open()
    await many(cast.dina, 4)
    await purge(cast.dina, up_to=2)
    await open_sockets().check_positions()
    assert await opened.close_code() == 1012
    assert opened.numbers == []
    await _is_a_reset(cast.dina, after=0, epoch=opened.hello["epoch"])


async def test_a_gap_that_was_purged_to_its_end_is_noticed_as_well(cast, silent):
    opened = await (await communicator(user=cast.dina)).open()
    await many(cast.dina, 2)
    await purge(cast.dina, up_to=2)
    await open_sockets().check_positions()
    assert await opened.close_code() == 1012


async def test_a_process_that_went_deaf_hears_again(cast, layer):
    async with socket(cast.dina) as opened:
        (shard,) = layer._get_layer()._shards
        shard._receive_task.cancel()
        await open_sockets().check_hearing()
        await say(cast.dina)
        async with asyncio.timeout(5):  # sooner than the position check
            await opened.read_up_to(1)


async def test_a_group_joined_while_redis_was_away_is_heard_when_it_is_back(cast, layer, monkeypatch):
    async def away(name):
        raise ConnectionError

    (shard,) = layer._get_layer()._shards
    with monkeypatch.context() as patch:
        patch.setattr(shard, "subscribe", away)
        opened = await (await communicator(user=cast.dina)).open()
    await open_sockets().check_hearing()
    await say(cast.dina)
    async with asyncio.timeout(5):  # sooner than the position check
        await opened.read_up_to(1)
    await opened.leave()


# --- acknowledgements -------------------------------------------------------------------------


async def test_an_acknowledgement_moves_forward_only_and_never_beyond_what_was_sent(cast):
    await many(cast.dina, 3)
    async with socket(cast.dina) as opened:
        await opened.read_up_to(3)
        for seq, expected in ((2, 2), (1, 2), (0, 2), (2**63 - 1, 3), (3, 3)):
            await opened.say(type="ack", seq=seq)
            await opened.settled()
            await open_sockets().write_acks()
            assert (await inbox_of(cast.dina)).acked == expected


async def test_what_was_told_but_not_sent_cannot_be_acknowledged(cast, silent):
    async with socket(cast.dina) as opened:
        await many(cast.dina, 3)
        await opened.say(type="ack", seq=3)
        await opened.settled()
        await open_sockets().write_acks()
        assert (await inbox_of(cast.dina)).acked == 0
        await open_sockets().check_positions()


async def test_what_was_acknowledged_is_dated_once_and_the_rest_is_not(cast):
    await many(cast.dina, 3)
    await many(cast.eve, 1)
    acknowledge = database_sync_to_async(delivery.acknowledge)
    rows = Notification.objects.filter(recipient=cast.dina).order_by("seq")
    dates = database_sync_to_async(lambda: list(rows.values_list("acked_at", flat=True)))
    await acknowledge({cast.dina.pk: 1})
    first, *rest = await dates()
    assert first
    assert rest == [None, None]
    await acknowledge({cast.dina.pk: 2, cast.eve.pk: 0})
    again, second, third = await dates()
    assert again == first < second
    assert third is None


async def test_a_hundred_acknowledgements_in_a_second_are_one_write(cast, monkeypatch):
    written = []
    monkeypatch.setattr(sockets, "acknowledge", lambda seen: written.append(seen) or {})
    monkeypatch.setattr(consumers, "MESSAGES_PER_MINUTE", 1000)
    await many(cast.dina, 100)
    async with socket(cast.dina) as opened:
        await opened.read_up_to(100)
        for seq in range(1, 101):
            await opened.say(type="ack", seq=seq)
        await opened.settled()
        while not written:
            await asyncio.sleep(0.05)
    assert len(written) <= 3  # a second may begin in the middle, and the last to leave writes the rest
    assert written[-1] == {cast.dina.pk: 100}


async def test_what_was_acknowledged_while_the_database_was_away_is_written_later(cast, monkeypatch):
    await many(cast.dina, 1)
    async with socket(cast.dina) as opened:
        await opened.read_up_to(1)
        await opened.say(type="ack", seq=1)
        with monkeypatch.context() as patch:

            def away(seen):
                raise OperationalError("away")

            patch.setattr(sockets, "acknowledge", away)
            await opened.settled()
            with pytest.raises(OperationalError):
                await open_sockets().write_acks()
        await open_sockets().write_acks()
        assert (await inbox_of(cast.dina)).acked == 1


async def test_the_last_to_leave_writes_what_was_acknowledged(cast):
    await many(cast.dina, 1)
    async with socket(cast.dina) as opened:
        await opened.read_up_to(1)
        await opened.say(type="ack", seq=1)
        await opened.settled()
    assert (await inbox_of(cast.dina)).acked == 1


@pytest.mark.parametrize("seq", ["-1", "1.5", "true", '"1"', "null", "[]", "{}", "1e9", str(2**63), "NaN"])
async def test_an_acknowledgement_of_no_number_is_an_error(cast, seq):
    await many(cast.dina, 1)
    async with socket(cast.dina) as opened:
        await opened.read_up_to(1)
        await opened.send_to(text_data=f'{{"type": "ack", "seq": {seq}}}')
        (error,) = await opened.settled()
        assert (error["type"], error["code"]) == ("error", "bad_message")
        await open_sockets().write_acks()
        assert (await inbox_of(cast.dina)).acked == 0


# --- numbers ----------------------------------------------------------------------------------


def commit_in_reverse(user_id, *, times):
    """So many times: three transactions tell this person something in turn, and the first commits last."""
    turns = threading.Barrier(3, timeout=30)

    def transact(mine):
        with closing(connection):
            for _ in range(times):
                with transaction.atomic():
                    for turn in range(3):
                        if turn == mine:
                            notify(BOOKING_EXPIRED, to=user_id)
                        turns.wait()
                    for _ in range(2 - mine):
                        turns.wait()
                for _ in range(mine + 1):
                    turns.wait()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(transact, range(3)))


@pytest.mark.parametrize("times", [100, pytest.param(500, marks=pytest.mark.slow)])
async def test_transactions_that_commit_in_reverse_order_make_no_gap_and_nothing_goes_back(cast, times):
    async with socket(cast.dina) as opened:
        telling = asyncio.create_task(asyncio.to_thread(commit_in_reverse, cast.dina.pk, times=times))
        await opened.read_up_to(3 * times)
        await telling
        assert opened.numbers == list(range(1, 3 * times + 1))
    rows = Notification.objects.filter(recipient=cast.dina).order_by("pk")
    numbers = await database_sync_to_async(lambda: list(rows.values_list("seq", flat=True)))()
    assert sorted(numbers) == list(range(1, 3 * times + 1))
    assert numbers[:3] == [3, 2, 1]


async def test_acknowledging_and_pushing_the_same_notices_never_wait_for_each_other(cast):
    """Both lock many rows of many people; a deadlock would be an OperationalError in one of them."""
    people = [cast.dina, cast.omar, cast.ada, cast.eve]

    def tell():
        with closing(connection):
            for _ in range(60):
                notify_many([Notice(BOOKING_EXPIRED, user.pk) for user in people for _ in range(5)])

    def acknowledge(order):
        with closing(connection):
            for seq in range(300):
                delivery.acknowledge({user.pk: seq for user in order})

    await asyncio.gather(
        *(asyncio.to_thread(tell) for _ in range(2)),
        asyncio.to_thread(acknowledge, people),
        asyncio.to_thread(acknowledge, people[::-1]),
    )
    heads = await database_sync_to_async(delivery.heads)([user.pk for user in people])
    assert {head for head, _ in heads.values()} == {600}
