"""The system notices by itself when its clock stands still, and when it goes on."""

import asyncio
import time

import httpx
import pytest

from tests.live.box import Person, until

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180), pytest.mark.slow]

# Red within this many seconds, whatever stands still.
NOTICED = 15.0


def ready(box):
    """The codes of what is wrong; nothing if all is well."""
    answer = httpx.get(f"{box.url}/api/health/ready/")
    return {problem["code"] for problem in answer.json().get("problems", ())}


async def seen(box, code):
    """Wait until this is said to be wrong; how long that took, in seconds."""
    began = time.monotonic()
    await asyncio.to_thread(until, lambda: code in ready(box))
    return time.monotonic() - began


async def well(box):
    """Wait until nothing is said to be wrong."""
    await asyncio.to_thread(until, lambda: not ready(box), seconds=40)


async def canary_heard(box):
    """Wait until a canary has fired, and this process was there to hear it."""
    fired = "SELECT 1 FROM parking_timer WHERE kind = 'CANARY' AND state = 'fired'"
    await asyncio.to_thread(until, lambda: box.rows(fired))


async def test_a_clock_that_stands_is_noticed_within_15_s_and_so_is_its_going_on(box):
    live = box("web", "sweeper", "worker")
    await canary_heard(live)
    async with Person.register(live, "driver") as driver, driver.socket() as page, driver.socket() as simple:
        await page._opened.send('{"type":"follow","topics":["health"]}')
        assert (await page.next())["type"] == "following"
        assert (await page.next()) == {"type": "changed", "topics": ["health"]}
        assert ready(live) == set()
        live.kill("sweeper")
        live.kill("worker")
        assert await seen(live, "not_swept") < NOTICED
        assert (await page.next()) == {"type": "changed", "topics": ["health"]}
        assert httpx.get(f"{live.url}/api/health/live/").status_code == 200
        live.start("sweeper")
        await well(live)
        # It has heard of nothing else.
        await simple._opened.send('{"type":"ping"}')
        assert (await simple.next())["type"] == "pong"


async def test_a_channel_layer_that_is_deaf_is_noticed_within_15_s_and_heals(box):
    live = box("web", "sweeper")
    await canary_heard(live)
    await well(live)
    live.valkey.kill()
    assert await seen(live, "layer_deaf") < NOTICED
    assert ready(live) == {"layer_deaf"}
    live.valkey.start()
    await well(live)
