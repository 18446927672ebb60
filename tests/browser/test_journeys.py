"""Whole ways through the web client, as somebody goes them."""

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.browser.client import bell, book_a_minute, register, someone, toasts
from tests.live.box import Person

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180), pytest.mark.usefixtures("built")]

# A minute is the shortest that the page books: so the warning comes after two seconds.
WARNED_SOON = {"PARKMATE_WARNING_LEAD_SECONDS": "58", "PARKMATE_RENEWAL_WINDOW_SECONDS": "60"}
WARNING = "Your booking will expire in 5 minutes!"


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
        await expect(bell(page, unread=1)).to_be_visible()
        await photograph(page, "client, warned")
        await expect(toast).to_have_count(0)
        assert 3.5 < asyncio.get_running_loop().time() - shown_at < 6

        await bell(page, unread=1).click()
        await expect(page.get_by_role("listitem").filter(has_text=WARNING)).to_be_visible()
        await page.get_by_role("button", name="Mark all as read").click()
        await expect(bell(page)).to_be_visible()
        await photograph(page, "client, inbox")
