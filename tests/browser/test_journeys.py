"""Whole ways through the web client, as somebody goes them."""

import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.client import (
    DESKTOP,
    PHONE,
    bell,
    book_a_minute,
    one_more,
    open_lot,
    register,
    seconds_shown,
    signed_in,
    someone,
    time_passes,
    toasts,
)
from tests.live.box import Person

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180), pytest.mark.usefixtures("built")]

WARNING = "Your booking will expire in 5 minutes!"
EXPIRED = "Your booking has expired. Slot released."
MINUTE = 60


@pytest.fixture
def film(photograph) -> Callable[[Page, str], Awaitable[None]]:
    """Keep a picture of the page as a phone and a desktop show it, by day and by night."""

    async def film(page: Page, name: str) -> None:
        if "PARKMATE_SCREENSHOTS" not in os.environ:
            return
        for screen, size in (("desktop", DESKTOP), ("phone", PHONE)):
            await page.set_viewport_size(size)
            # As high as the page, so that the bar at the bottom hides nothing.
            whole = await page.evaluate("document.documentElement.scrollHeight")
            await page.set_viewport_size({**size, "height": max(size["height"], whole)})
            for scheme in ("dark", "light"):
                await page.emulate_media(color_scheme=scheme)
                await photograph(page, f"visit {name} {screen} {scheme}")
        await page.set_viewport_size(PHONE)

    return film


@asynccontextmanager
async def before_a_lot(browser: Browser, site, **options) -> AsyncIterator[tuple[Page, str]]:
    """A browser that was never here, and the name of a lot."""
    async with (
        Person.register(site, one_more("omar"), role="owner") as omar,
        someone(browser, site, **options) as newcomers,
    ):
        lot = one_more("Riverside ")
        await open_lot(omar, lot, slots=6)
        yield await newcomers.new_page(), lot


async def test_a_newcomer_registers_books_is_warned_renews_and_has_a_receipt(site, browser, film):
    async with before_a_lot(browser, site) as (page, lot):
        await page.goto("/register")
        await expect(page.get_by_role("heading", name="Make an account")).to_be_visible()
        await film(page, "1 registering")
        await register(page, one_more("dina"))

        await page.get_by_label("Name or address").fill(lot)
        links = page.get_by_role("main").get_by_role("listitem").get_by_role("link")
        await expect(links).to_have_count(1)
        await film(page, "2 found")
        await links.click()
        await expect(page.get_by_role("heading", name=lot)).to_be_visible()
        await film(page, "3 lot")
        await page.get_by_role("button", name="Slot 3,").click()
        await page.get_by_text("15 min", exact=True).click()
        await page.get_by_label("Vehicle number").fill("KA 01 AB 1234")
        await expect(page.get_by_test_id("estimate")).to_have_text("₹15.00")
        await film(page, "4 price")
        await page.get_by_role("button", name="Book and pay").click()

        ring = page.get_by_role("timer")
        await expect(ring).to_contain_text(re.compile("14:5|15:00"))
        await expect(page).to_have_title(re.compile(r"^1[45]:[0-9]{2} · "))
        await film(page, "5 booked")
        booking = int(page.url.rpartition("/")[2])
        time_passes(site, booking, seconds=10 * MINUTE)
        await expect(toasts(page)).to_contain_text(WARNING)
        await expect(ring).to_contain_text(re.compile("^4:5"))
        await film(page, "6 warned")

        time_passes(site, booking, seconds=5 * MINUTE)
        await expect(toasts(page).filter(has_text=EXPIRED)).to_be_visible()
        await expect(ring).to_contain_text("Expired")
        await film(page, "7 expired")

        await page.get_by_role("button", name="Renew and pay").click()
        await expect(page).not_to_have_url(re.compile(f"/{booking}$"))
        await expect(toasts(page).filter(has_text="Booking renewed successfully!")).to_be_visible()
        await expect(ring).to_contain_text(re.compile("29:5|30:00"))
        await film(page, "8 renewed")

        await page.get_by_role("link", name="Receipt").click()
        await expect(page.get_by_role("table")).to_contain_text("₹30.00")
        await film(page, "9 receipt")
        await page.get_by_role("link", name="Bookings").click()
        await expect(page.get_by_role("heading", name="Current")).to_be_visible()
        await film(page, "10 bookings")
        await bell(page, unread=3).click()
        await expect(
            page.get_by_role("main").get_by_role("listitem").filter(has_text=WARNING)
        ).to_be_visible()
        await film(page, "11 inbox")
        await page.get_by_role("button", name="Mark all as read").click()
        await expect(bell(page)).to_be_visible()


@pytest.mark.slow
async def test_by_the_real_clock_a_minute_is_warned_and_ends_when_the_server_says_so(built, box, browser):
    # A minute is the shortest that the page books: so the warning comes after two seconds.
    times = {"PARKMATE_WARNING_LEAD_SECONDS": "58", "PARKMATE_RENEWAL_WINDOW_SECONDS": "60"}
    live = box("web", "worker", "sweeper", **times)
    async with (
        Person.register(live, "omar", role="owner") as owner,
        Person.register(live, "dina") as dina,
        signed_in(browser, live, dina) as page,
    ):
        live.add_slot(owner=owner.id)
        await book_a_minute(page)
        await expect(page).to_have_title(re.compile(r"^0:[0-9]{2} · Live · ParkMate$"))
        assert 3.5 < await seconds_shown(page, WARNING) < 6

        ((left,),) = live.rows("SELECT extract(epoch FROM ends_at - now())::float FROM parking_booking")
        due = time.monotonic() + left
        ring = page.get_by_role("timer")
        await expect(ring).to_contain_text("Expired", timeout=70_000)
        assert -0.1 < time.monotonic() - due < 3
        await expect(toasts(page).filter(has_text=EXPIRED)).to_be_visible()
        await page.get_by_role("button", name="Renew and pay").click()
        await expect(ring).to_contain_text(re.compile("29:5|30:00"))
