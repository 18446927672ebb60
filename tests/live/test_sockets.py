"""Sockets of two web processes, with real faults: what an inbox has, every screen shows, once, in order."""

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager

import psycopg
import pytest

from tests.live.box import until
from tests.live.tabs import Proxy, Tab, people

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

USERS = 20
TELL = """
INSERT INTO parking_notification (recipient_id, event, level, message, facts, muted)
SELECT id, 'BOOKING_EXPIRED', 'info', 'Your booking has expired. Slot released.', '{}', '{}'
FROM parking_user WHERE username LIKE 'person%'
"""


class Site:
    """Two web processes, their people, and the tabs of each."""

    def __init__(self, box, tabs):
        self.box, self.tabs = box, tabs
        self.telling = asyncio.Event()
        self.telling.set()

    async def tell(self):
        """Notices for everybody, on and on; the sweeper numbers and pushes them."""
        async with await psycopg.AsyncConnection.connect(self.box.database, autocommit=True) as database:
            while True:
                await self.telling.wait()
                await database.execute(TELL)
                await asyncio.sleep(0.1)

    async def all_equal_their_inbox(self, *, within):
        """Stop telling; then every tab has shown its inbox, each notice once, in order."""
        self.telling.clear()
        await asyncio.sleep(0.3)
        began = time.monotonic()
        waiting = "SELECT count(*) FROM parking_notification WHERE seq IS NULL"
        await asyncio.to_thread(until, lambda: self.box.rows(waiting) == [(0,)])
        heads = dict(self.box.rows("SELECT user_id, head FROM parking_inbox"))
        while behind := [tab for tab in self.tabs if len(tab.numbers) < heads[tab.user_id]]:
            assert time.monotonic() - began < within, [
                (tab.numbers[-1:], heads[tab.user_id]) for tab in behind
            ]
            await asyncio.sleep(0.02)
        for tab in self.tabs:
            assert tab.numbers == list(range(1, heads[tab.user_id] + 1))
        self.telling.set()


@asynccontextmanager
async def site(box, ports, **settings):
    """Everybody's tabs are open and notices flow."""
    tabs = []
    for number, (user_id, (session,)) in enumerate(people(box, USERS)):
        for screen in range(1 + number % 3):
            tab = Tab(box, session, ports[screen % len(ports) :] or ports, seed=len(tabs))
            tab.user_id = user_id
            tabs.append(tab)
    here = Site(box, tabs)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(tab.live()) for tab in tabs] + [group.create_task(here.tell())]
        while not all(tab.visits for tab in tabs):
            await asyncio.sleep(0.02)
        yield here
        for task in tasks:
            task.cancel()


async def test_what_the_inbox_has_every_screen_shows_whatever_happens_to_redis_and_the_line(box):
    live = box("web", "sweeper", PARKMATE_POSITION_CHECK_SECONDS="1", PARKMATE_SWEEP_SECONDS="0.2")
    other = live.start_another_web("web2")
    async with Proxy(live.port).open() as proxy, site(live, [proxy.port, other]) as here:
        await here.all_equal_their_inbox(within=5)

        live.valkey_client().flushall()
        await asyncio.sleep(0.5)
        await here.all_equal_their_inbox(within=5)

        live.valkey_client().client_kill_filter(_type="pubsub")
        await asyncio.sleep(0.5)
        await here.all_equal_their_inbox(within=5)

        os.kill(live.valkey.pid, signal.SIGSTOP)
        await asyncio.sleep(3)
        await here.all_equal_their_inbox(within=15)
        os.kill(live.valkey.pid, signal.SIGCONT)
        await asyncio.sleep(0.5)
        await here.all_equal_their_inbox(within=15)

        os.kill(live.valkey.pid, signal.SIGKILL)
        await asyncio.sleep(1)
        await here.all_equal_their_inbox(within=15)
        await asyncio.to_thread(until, lambda: not live.valkey.alive)
        live.valkey.start()
        await asyncio.sleep(1)
        await here.all_equal_their_inbox(within=15)
        # None of this ended a socket.
        assert {tab.visits for tab in here.tabs} == {1}

        for tab in here.tabs:
            tab.ports = [proxy.port]
        proxy.cutting = True
        while proxy.cuts < 30:
            await asyncio.sleep(0.05)
        proxy.cutting = False
        await here.all_equal_their_inbox(within=15)

        live.kill("web2")
        await here.all_equal_their_inbox(within=15)
    assert "Traceback" not in live.log("web") + live.log("web2") + live.log("sweeper")


@pytest.mark.slow
async def test_without_valkey_from_the_beginning_every_screen_shows_its_inbox(box):
    live = box("sweeper", PARKMATE_SWEEP_SECONDS="0.2")
    os.kill(live.valkey.pid, signal.SIGKILL)
    live.start("web")
    other = live.start_another_web("web2")
    async with site(live, [live.port, other]) as here:
        await asyncio.sleep(20)
        await here.all_equal_their_inbox(within=15)
    assert "Traceback" not in live.log("web") + live.log("web2")


@pytest.mark.slow
async def test_a_valkey_frozen_for_twenty_seconds_costs_no_notice(box):
    live = box("web", "sweeper", PARKMATE_SWEEP_SECONDS="0.2")
    other = live.start_another_web("web2")
    async with site(live, [live.port, other]) as here:
        os.kill(live.valkey.pid, signal.SIGSTOP)
        await asyncio.sleep(20)
        os.kill(live.valkey.pid, signal.SIGCONT)
        await here.all_equal_their_inbox(within=15)
