"""One socket's messages: the newest are kept, in order, and none is lost with a reader that is cancelled."""

import asyncio

import pytest

from parkmate.channel_layer import WAITING, Newest

pytestmark = pytest.mark.asyncio


async def test_a_slow_reader_finds_the_newest_in_order():
    queue = Newest()
    for number in range(WAITING + 2):
        queue.put_nowait(b"%d" % number)
    assert [await queue.get() for _ in range(WAITING)] == [b"%d" % n for n in range(2, WAITING + 2)]


async def test_a_reader_who_waits_is_woken():
    queue = Newest()
    reader = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait(b"one")
    queue.put_nowait(b"two")
    async with asyncio.timeout(5):
        assert (await reader, await queue.get()) == (b"one", b"two")


async def test_what_came_for_a_reader_that_is_cancelled_is_there_for_the_next():
    queue = Newest()
    reader = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait(b"one")
    reader.cancel()
    await asyncio.wait([reader])
    async with asyncio.timeout(5):
        assert (reader.cancelled(), await queue.get()) == (True, b"one")
