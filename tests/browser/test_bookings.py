"""Booking in a browser: nothing twice, nothing lost, whatever is clicked and whoever was first."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.client import choose_slot, one_more, open_lot, signed_in
from tests.live.box import Box, Person

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

HOUR = 3600


class Visit:
    """Dina before a lot of Omar's, in her browser."""

    def __init__(self, site: Box, dina: Person, page: Page, lot_name: str, slots: dict[int, int]) -> None:
        self.site, self.dina, self.page = site, dina, page
        self.lot_name, self.slots = lot_name, slots

    async def choose(self, *, slot: int = 1) -> None:
        await choose_slot(self.page, lot=self.lot_name, slot=slot)
        await self.page.get_by_label("Vehicle number").fill("KA 05 XY 7")

    @property
    def button(self):
        return self.page.get_by_role("button", name="Book and pay")

    def bookings(self) -> list[int]:
        rows = self.site.rows(
            "SELECT b.id FROM parking_booking b JOIN parking_payment p ON p.booking_id = b.id"
            " WHERE driver_id = %s ORDER BY b.id",
            self.dina.id,
        )
        return [booking for (booking,) in rows]


@asynccontextmanager
async def visit(browser, site: Box, *, slots: int = 2, **options) -> AsyncIterator[Visit]:
    async with (
        Person.register(site, one_more("omar"), role="owner") as omar,
        Person.register(site, one_more("dina")) as dina,
        signed_in(browser, site, dina, **options) as page,
    ):
        name = one_more("South ")
        _, numbers = await open_lot(omar, name, slots=slots)
        yield Visit(site, dina, page, name, numbers)


async def test_a_double_click_books_once(site, browser):
    async with visit(browser, site) as here:
        await here.choose()
        await here.button.dblclick()
        await expect(here.page.get_by_role("timer")).to_be_visible()
        (booking,) = here.bookings()
        await expect(here.page).to_have_url(re.compile(f"/bookings/{booking}$"))


async def test_when_the_answer_is_lost_asking_again_finds_the_same_booking(site, browser):
    async with visit(browser, site, forgiven="net::ERR_FAILED") as here:
        await here.choose()

        async def lose_answer(route: Route) -> None:
            if route.request.method == "POST":
                await route.fetch()
                await route.abort()
            else:
                await route.fallback()

        await here.page.route("**/api/bookings/", lose_answer)
        await here.button.click()
        await expect(here.page.get_by_role("alert")).to_contain_text("ParkMate cannot be reached")
        (booking,) = here.bookings()

        await here.page.unroute("**/api/bookings/")
        await here.button.click()
        await expect(here.page.get_by_role("timer")).to_be_visible()
        await expect(here.page).to_have_url(re.compile(f"/bookings/{booking}$"))
        assert here.bookings() == [booking]


async def test_a_slot_that_somebody_took_just_before_is_told_with_when_it_is_free_and_nothing_typed_is_lost(
    site, browser
):
    async with (
        visit(browser, site, forgiven="status of 409") as here,
        Person.register(site, one_more("eve")) as eve,
    ):
        page = here.page
        await here.choose()
        await page.get_by_text("2 h", exact=True).click()
        answer = await eve.book(here.slots[1], seconds=HOUR)
        free_at = answer.json()["ends_at"]
        await here.button.click()
        alert = page.get_by_role("alert")
        await expect(alert).to_contain_text("The slot is taken for some of that time.")
        at = await page.evaluate(
            "(at) => new Date(at).toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' })", free_at
        )
        await expect(alert).to_contain_text(at)
        assert here.bookings() == []

        await expect(page.get_by_label("Vehicle number")).to_have_value("KA 05 XY 7")
        await expect(page.get_by_label("2 h")).to_be_checked()
        await alert.get_by_role("button", name="Start then").click()
        await here.button.click()
        await expect(page.get_by_role("timer")).to_contain_text("Starts")
        late = "SELECT starts_at - %s::timestamptz FROM parking_booking WHERE driver_id = %s"
        ((wait,),) = site.rows(late, free_at, here.dina.id)
        # A field for a time has whole minutes.
        assert timedelta(0) <= wait < timedelta(minutes=1)
        assert len(here.bookings()) == 1


async def test_the_way_back_from_a_booking_leads_through_sensible_pages_and_books_nothing(site, browser):
    async with visit(browser, site) as here:
        page = here.page
        await here.choose()
        await here.button.click()
        await expect(page.get_by_role("timer")).to_be_visible()

        await page.go_back()
        await expect(page.get_by_role("heading", name=here.lot_name)).to_be_visible()
        await expect(page.get_by_role("button", name="Slot 1,")).to_have_accessible_name(re.compile("taken"))
        await page.go_back()
        await expect(page.get_by_role("heading", name="Find a slot")).to_be_visible()
        await page.go_forward()
        await page.go_forward()
        await expect(page.get_by_role("timer")).to_be_visible()
        await page.reload()
        await expect(page.get_by_role("timer")).to_be_visible()
        assert len(here.bookings()) == 1


async def test_of_two_hundred_bookings_the_current_one_is_first_and_every_one_is_reachable(site, browser):
    async with visit(browser, site) as here:
        answer = await here.dina.book(here.slots[1], seconds=HOUR)
        current = answer.json()["id"]
        site.rows(
            "INSERT INTO parking_booking"
            " (driver_id, slot_id, vehicle_number, starts_at, ends_at, status, price, created_at)"
            " SELECT %s, %s, 'KA01AB' || n, now() - make_interval(hours => n + 1),"
            " now() - make_interval(hours => n), 'COMPLETED', 60, now() FROM generate_series(1, 200) n",
            here.dina.id,
            here.slots[2],
        )
        page = here.page
        await page.get_by_role("link", name="Bookings").click()
        rows = page.get_by_role("main").get_by_role("listitem").get_by_role("link")
        await expect(rows.first).to_have_attribute("href", f"/bookings/{current}")
        older = page.get_by_role("button", name="Older")
        while (shown := await rows.count()) < 201:
            await older.click()
            await expect(rows).not_to_have_count(shown)
        addresses = await rows.evaluate_all("(rows) => rows.map((row) => row.getAttribute('href'))")
        assert len(addresses) == len(set(addresses)) == 201
