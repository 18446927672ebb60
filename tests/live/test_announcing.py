"""`send_ws_notification` within a task, in a worker as it runs."""

import asyncio

import pytest
from celery import Celery

from tests.live.box import PROCFILE, Person, until

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]


async def test_what_a_task_says_is_pushed_by_the_worker_and_its_mistake_ends_that_task_only(box):
    # Neither a sweeper nor the position check helps: what the socket shows, the worker has pushed.
    live = box("web", PARKMATE_POSITION_CHECK_SECONDS="600")
    live.start("worker", command=f"{PROCFILE['worker']} --include tests.live.announcing")
    async with Person.register(live, "dina") as dina, dina.socket() as opened:
        with Celery(broker=live.valkey.url, set_as_current=False) as app:
            for level, words in (("success", "one"), ("loud", "no level"), ("error", "two")):
                app.send_task("tests.say", (dina.id, level, words), queue="default")
        frames = [await opened.next() for _ in range(2)]
        assert [frame["seq"] for frame in frames] == [1, 2]
        assert {(frame["type"], frame["event"], frame["message"]) for frame in frames} == {
            ("success", "ANNOUNCEMENT", "one"),
            ("error", "ANNOUNCEMENT", "two"),
        }
    await asyncio.to_thread(until, lambda: "A level is one of" in live.log("worker"))
    assert live.rows("SELECT count(*) FROM parking_notification") == [(2,)]
