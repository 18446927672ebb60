"""What a driver's and an owner's browser show while servers end, restart and forget."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.client import (
    light,
    one_more,
    open_lot,
    signed_in,
    toasts,
    toasts_shown,
)
from tests.live.box import Box, Person, until
from tests.live.conftest import boxes

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

HOUR = 3600


@pytest.fixture(scope="module")
def hurt(built, migrated, tmp_path_factory) -> Iterator[Box]:
    """A box in which things are broken; each test mends what it broke."""
    with boxes(migrated, tmp_path_factory.mktemp("hurt")) as start:
        yield start("web", "worker", "sweeper", PARKMATE_POSITION_CHECK_SECONDS="2")


@dataclass
class Desk:
    """Omar at his desk, which tells of every booking; and Dina, who books his slots over HTTP."""

    page: Page
    dina: Person
    lot: int
    free: list[int]

    async def told(self, *, within: float) -> None:
        """Dina books the next slot; Omar is told it once, so many seconds later at most."""
        words = f"New booking received for Lot #{self.lot}"
        before = len(await toasts_shown(self.page))
        answer = await self.dina.book(self.free.pop(), seconds=HOUR)
        assert answer.status_code == 201, answer.text
        booked = time.monotonic()
        await self.page.wait_for_function("(before) => toastsShown.length > before", arg=before)
        assert time.monotonic() - booked < within
        assert [toast["words"] for toast in (await toasts_shown(self.page))[before:]] == [words]


@asynccontextmanager
async def at_the_desk(browser: Browser, box: Box, **options) -> AsyncIterator[Desk]:
    async with (
        Person.register(box, one_more("dina")) as dina,
        Person.register(box, one_more("omar"), role="owner") as omar,
    ):
        lot, slots = await open_lot(omar, one_more("Central "), slots=9)
        async with signed_in(browser, box, omar, at="/desk", **options) as page:
            yield Desk(page, dina, lot, list(slots.values()))


async def test_notices_come_as_before_when_valkey_was_flushed(hurt, browser):
    async with at_the_desk(browser, hurt) as desk:
        await desk.told(within=2)
        hurt.valkey_client().flushall()
        await desk.told(within=2)


async def test_notices_come_without_valkey_and_at_once_when_it_is_back(hurt, browser):
    async with at_the_desk(browser, hurt) as desk:
        os.kill(hurt.valkey.pid, signal.SIGKILL)
        await asyncio.to_thread(until, lambda: not hurt.valkey.alive)
        # By the position check alone: here every two seconds, in a real site every ten.
        await desk.told(within=10)
        await expect(light(desk.page)).to_have_text("Live")
        await asyncio.to_thread(hurt.valkey.start)
        await desk.told(within=10)
        await expect(toasts(desk.page).first).to_be_visible()


@pytest.mark.parametrize("fault", [signal.SIGTERM, signal.SIGKILL])
async def test_the_light_tells_of_a_restart_and_what_was_missed_comes_with_the_line(hurt, browser, fault):
    async with at_the_desk(browser, hurt, forgiven="net::ERR_") as desk:
        # What a page is made of comes from the server as well.
        await expect(desk.page.get_by_text("Occupied now")).to_be_visible()
        await asyncio.to_thread(hurt.end, "web", fault)
        await expect(light(desk.page)).to_contain_text("Reconnecting since")
        await asyncio.to_thread(hurt.start, "web")
        await expect(light(desk.page)).to_have_text("Live", timeout=25_000)
        await desk.told(within=2)
