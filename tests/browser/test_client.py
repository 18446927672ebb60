"""The web client in a real browser, before real processes: what a driver sees, hears of, and where."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.live.box import ROOT, Box, Person

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

PASSWORD = "a long enough passphrase"
PHONE = {"width": 390, "height": 844}
# A minute is the shortest that the page books: so the warning comes after two seconds.
WARNED_SOON = {"PARKMATE_WARNING_LEAD_SECONDS": "58", "PARKMATE_RENEWAL_WINDOW_SECONDS": "60"}
WARNING = "Your booking will expire in 5 minutes!"


@pytest.fixture(autouse=True)
def built():
    """The box serves the client as `make client` has built it."""
    if not (ROOT / "frontend/dist/manifest.json").exists():
        missing = "The web client has not been built (make client)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)


@asynccontextmanager
async def someone(
    browser: Browser, box: Box, *, forgiven: str | None = None, **options
) -> AsyncIterator[BrowserContext]:
    """A browser of somebody's own; an error in the console or a breach of the policy fails the test.

    `forgiven` are words of an error that the browser itself writes there.
    """
    context = await browser.new_context(base_url=box.url, viewport=PHONE, locale="en-GB", **options)
    context.set_default_timeout(15_000)
    broken: list[str] = []
    context.on("weberror", lambda error: broken.append(str(error.error)))
    context.on("console", lambda said: broken.append(said.text) if said.type == "error" else None)
    yield context
    await context.close()
    assert [words for words in broken if not (forgiven and forgiven in words)] == []


async def register(page: Page, name: str) -> None:
    await page.goto("/")
    await page.get_by_role("link", name="Make an account").click()
    await expect(page.get_by_role("heading", name="Make an account")).to_be_visible()
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Make the account").click()
    await expect(page.get_by_role("heading", name="Find a slot")).to_be_visible()
    await expect(light(page)).to_have_text("Live")


async def sign_in(page: Page, name: str) -> None:
    await page.goto("/sign-in")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(light(page)).to_have_text("Live")


async def book_a_minute(page: Page, *, lot: str = "Live") -> None:
    await page.goto("/lots")
    await page.get_by_role("link", name=lot).click()
    await page.get_by_role("button", name="Slot 1").click()
    await page.get_by_text("Other", exact=True).click()
    await page.get_by_label("Minutes").fill("1")
    await page.get_by_label("Vehicle number").fill("KA 01 AB 1234")
    await expect(page.get_by_test_id("estimate")).to_have_text("₹1.00")
    await page.get_by_role("button", name="Book and pay").click()
    await expect(page.get_by_role("timer")).to_be_visible()


def light(page: Page):
    """What the client says of its line; "Live" is not the lot of that name."""
    return page.get_by_role("banner").get_by_role("status")


def toasts(page: Page):
    return page.locator("[data-sonner-toast]")


async def test_a_driver_books_and_is_warned_by_a_toast_that_leaves_after_four_seconds(
    box, browser, photograph
):
    live = box("web", "worker", "sweeper", **WARNED_SOON)
    async with Person.register(live, "omar", role="owner") as owner, someone(browser, live) as dinas:
        live.add_slot(owner=owner.id)
        page = await dinas.new_page()
        await register(page, "dina")
        await photograph(page, "client, lots")
        await book_a_minute(page)
        await expect(page).to_have_title(re.compile(r"^0:[0-9]{2} · Live · ParkMate$"))
        await photograph(page, "client, booked")

        toast = toasts(page)
        await expect(toast).to_contain_text(WARNING)
        shown_at = asyncio.get_running_loop().time()
        await expect(toast).to_have_attribute("data-type", "warning")
        await expect(toast.locator('[data-level="warning"]')).to_be_visible()
        await expect(page.get_by_role("link", name="Inbox, 1 unread")).to_be_visible()
        await photograph(page, "client, warned")
        await expect(toast).to_have_count(0)
        assert 3.5 < asyncio.get_running_loop().time() - shown_at < 6

        await page.get_by_role("link", name="Inbox, 1 unread").click()
        await expect(page.get_by_role("listitem").filter(has_text=WARNING)).to_be_visible()
        await page.get_by_role("button", name="Mark all as read").click()
        await expect(page.get_by_role("link", name="Inbox", exact=True)).to_be_visible()
        await photograph(page, "client, inbox")


async def test_three_tabs_have_one_line_and_show_one_toast_and_hand_over(box, browser):
    live = box("web", "worker", "sweeper")
    async with Person.register(live, "omar", role="owner") as owner, someone(browser, live) as dinas:
        live.add_slot(owner=owner.id)
        sockets: list[str] = []
        first, second, third = pages = [await dinas.new_page() for _ in range(3)]
        for page in pages:
            page.on("websocket", lambda opened: sockets.append(opened.url))
        await register(first, "dina")
        for page in (second, third):
            await page.goto("/lots")
            await expect(light(page)).to_have_text("Live")
        assert len(sockets) == 1

        await tell(live, "dina", "The first")
        for page in pages:
            await expect(page.get_by_role("link", name="Inbox, 1 unread")).to_be_visible()
        assert [await toasts(page).count() for page in pages] == [0, 0, 1]

        await first.close()
        await expect(light(second)).to_have_text("Live")
        await tell(live, "dina", "The second")
        for page in (second, third):
            await expect(page.get_by_role("link", name="Inbox, 2 unread")).to_be_visible()
        assert [await toasts(page).filter(has_text="The second").count() for page in (second, third)] == [
            0,
            1,
        ]
        assert len(sockets) == 2


async def test_a_notice_told_while_no_tab_was_open_is_shown_once_on_return(box, browser):
    live = box("web", "worker", "sweeper")
    async with someone(browser, live) as dinas:
        page = await dinas.new_page()
        await register(page, "dina")
        await page.close()
        await tell(live, "dina", "While you were away")
        page = await dinas.new_page()
        await page.goto("/lots")
        await expect(toasts(page)).to_contain_text("While you were away")
        await page.reload()
        await expect(page.get_by_role("link", name="Inbox, 1 unread")).to_be_visible()
        await expect(light(page)).to_have_text("Live")
        await expect(toasts(page)).to_have_count(0)


async def test_the_light_tells_the_truth_and_what_was_missed_comes_with_the_line(box, browser):
    live = box("web", "worker", "sweeper")
    async with someone(browser, live, forgiven="net::ERR_") as dinas:
        page = await dinas.new_page()
        await register(page, "dina")
        await asyncio.to_thread(live.kill, "web")
        await expect(light(page)).to_contain_text("Reconnecting since")
        await tell(live, "dina", "While the server was away")
        await asyncio.to_thread(live.start, "web")
        await expect(light(page)).to_have_text("Live", timeout=25_000)
        await expect(toasts(page)).to_contain_text("While the server was away")


async def tell(box: Box, name: str, words: str) -> None:
    """A notice of an operator's own words."""
    code = (
        "from parking.models import User\n"
        "from parking.notification_utils import send_ws_notification\n"
        f"send_ws_notification(User.objects.get(username={name!r}).pk, 'info', {words!r})\n"
        "answer = True"
    )
    await asyncio.to_thread(box.run_django, code)
