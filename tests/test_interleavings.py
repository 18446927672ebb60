"""Any order of telling, coming, going, acknowledging, losing and purging, against a simple model."""

import asyncio
from unittest.mock import patch
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from parking import delivery
from parking.events import BOOKING_EXPIRED
from parking.models import Inbox, Notification, User
from parking.notifications import Notice, notify_many
from parking.sockets import open_sockets
from tests.sockets import communicator, cookie_of

LONGEST = 4


class Interleavings(RuleBasedStateMachine):
    """The model: how many notices there are, up to which they were purged, which are acknowledged."""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.head = self.purged = self.acked = 0
        self.clients = {}  # each with the number that it must have been shown last, in the end
        self.left_at = 0
        self.losing = patch.object(get_channel_layer(), "group_send_many", lambda sends: None)
        self.lost = False

    def run(self, coroutine):
        return self.runner.run(asyncio.wait_for(coroutine, 20))

    @initialize()
    def somebody(self):
        user = self.run(database_sync_to_async(User.objects.create)(username=uuid4().hex, password="!"))
        self.user, self.session = user, self.run(database_sync_to_async(cookie_of)(user))
        self.run(database_sync_to_async(Inbox.objects.create)(user=user))

    @rule(count=st.integers(1, 3))
    def tell(self, count):
        notices = [Notice(BOOKING_EXPIRED, self.user.pk) for _ in range(count)]
        self.run(database_sync_to_async(notify_many)(notices))
        self.head += count

    @precondition(lambda self: len(self.clients) < 3)
    @rule(after=st.sampled_from(["nothing", "where it left", "behind", "beyond"]), epoch=st.booleans())
    def connect(self, after, epoch):
        position = {
            "nothing": {},
            "where it left": {"after": self.left_at},
            "behind": {"after": max(0, self.head - LONGEST)},
            "beyond": {"after": self.head + 1},
        }[after]
        if epoch:
            position["epoch"] = uuid4()
        self.run(self._connect(position, start=position.get("after", self.acked), other_epoch=epoch))

    async def _connect(self, position, *, start, other_epoch):
        client = await (await communicator(session=self.session, **position)).open()
        complete = not other_epoch and self.purged <= start <= self.head <= start + LONGEST
        assert client.hello["seq"] == self.head
        assert client.hello["reset"] is not complete
        await client.settled()
        assert client.numbers == (list(range(start + 1, self.head + 1)) if complete else [])
        self.clients[client] = self.head

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def leave(self, data):
        client = data.draw(st.sampled_from(list(self.clients)))
        self.left_at = (client.numbers or [client.hello["seq"]])[-1]
        del self.clients[client]
        self.run(client.leave())

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), beyond=st.integers(-2, 2))
    def acknowledge(self, data, beyond):
        client = data.draw(st.sampled_from(list(self.clients)))
        self.run(self._acknowledge(client, beyond))

    async def _acknowledge(self, client, beyond):
        await client.settled()
        shown = max([client.hello["seq"], *client.numbers])
        seq = max(0, shown + beyond)
        await client.say(type="ack", seq=seq)
        await client.settled()
        await open_sockets().write_acks()
        shown = max([client.hello["seq"], *client.numbers])
        acked = await database_sync_to_async(lambda: Inbox.objects.get(user=self.user).acked)()
        assert max(self.acked, min(seq, shown) - 2) <= acked <= max(self.acked, min(seq, shown))
        assert acked >= self.acked
        self.acked = acked

    @rule()
    def lose_or_mend(self):
        """From now on every push is lost, or none."""
        self.lost = not self.lost
        self.losing.start() if self.lost else self.losing.stop()

    @rule()
    def go_deaf(self):
        (shard,) = self.run(self._loop_layer())._shards
        self.run(shard.flush())

    async def _loop_layer(self):
        return get_channel_layer()._get_layer()

    @precondition(lambda self: self.head > self.purged)
    @rule(data=st.data())
    def purge(self, data):
        self.purged = data.draw(st.integers(self.purged + 1, self.head))
        rows = Notification.objects.filter(recipient=self.user, seq__lte=self.purged)
        self.run(database_sync_to_async(rows.delete)())

    @rule()
    def check(self):
        """After this every client has been shown everything, or was sent back because it was purged."""
        self.run(self._check())

    async def _check(self):
        await open_sockets().check_hearing()
        await open_sockets().check_positions()
        for client in list(self.clients):
            await self._check_client(client)

    async def _check_client(self, client):
        def at():
            return max([client.hello["seq"], *client.numbers])

        try:
            await client.settled()
            while at() < self.head:
                await client.next()
        except AssertionError:  # it was closed
            assert at() < self.purged
            await client.leave()
            del self.clients[client]
        assert client.numbers == sorted(set(client.numbers))
        assert not client.numbers or client.numbers[-1] - client.numbers[0] == len(client.numbers) - 1

    def teardown(self):
        try:
            if hasattr(self, "session"):
                self.run(self._check())
                for client in list(self.clients):
                    self.run(client.leave())
        finally:
            if self.lost:
                self.losing.stop()
            self.runner.run(get_channel_layer().flush())
            self.runner.run(database_sync_to_async(lambda: connection.close())())
            self.runner.close()


@pytest.mark.timeout(120)
def test_every_order_of_events_ends_with_a_complete_replay_or_an_explicit_reset(db, monkeypatch):
    monkeypatch.setattr(delivery, "LONGEST_REPLAY", LONGEST)
    run_state_machine_as_test(
        Interleavings,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
