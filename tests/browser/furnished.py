"""A corner of the shared site with something of everything in it, for tests that look at pages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Page, expect

from tests.browser.client import one_more, time_passes
from tests.live.box import Box, Person, until

CARD = {"payment_method": "card", "payment_token": "tok_visa"}
CASH = {"payment_method": "cash", "payment_token": ""}
NARROW = {"width": 360, "height": 780}


@dataclass
class Place:
    """An owner's lot, and a driver with a booking in each state of a booking's life."""

    owner: Person
    driver: Person
    lot_name: str
    lot: int
    running: int
    later: int
    expired: int
    cancelled: int
    declined: int


@asynccontextmanager
async def furnished(site: Box) -> AsyncIterator[Place]:
    """People of the test's own, and all that they have."""
    async with (
        Person.register(site, one_more("omar"), role="owner") as owner,
        Person.register(site, one_more("dina")) as driver,
    ):
        name = one_more("Harbour")
        lot = (await send(owner, "lots/", name=name, address="2 Quay"))["id"]
        kinds = ["car", "motorcycle", "van"]
        new = [
            {"number": n, "vehicle_type": kinds[n % 3], "hourly_rate": "60.00", "is_active": n < 14}
            for n in range(1, 15)
        ]
        slots = [slot["id"] for slot in await send(owner, f"lots/{lot}/slots/", slots=new)]
        wash = (await send(owner, f"lots/{lot}/carwash-types/", name="Quick rinse", price="150.00"))["id"]
        employee = (await send(owner, "employees/", name="Wahid"))["id"]
        await send(owner, "employee-assignments/", employee=employee, lot=lot)
        bookings = [await book(driver, slot) for slot in slots[:4]]
        later = await book(driver, slots[4], starts_in=timedelta(hours=1), **CASH)
        running, expired, cancelled, declined = bookings
        washed = (await send(driver, "carwashes/", wash_type=wash, booking=running, **CARD))["id"]
        await send(driver, "carwashes/", wash_type=wash, **CASH)
        await send(owner, f"carwashes/{washed}/assign/", employee=employee)
        await send(owner, f"carwashes/{washed}/start/")
        await send(driver, f"bookings/{cancelled}/cancel/")
        await send(owner, f"bookings/{declined}/decline/")
        time_passes(site, expired, seconds=3601)
        await asyncio.to_thread(until, lambda: status(site, expired) == "EXPIRED")
        yield Place(owner, driver, name, lot, running, later, expired, cancelled, declined)


async def send(person: Person, path: str, **body: Any) -> Any:
    """What the API answers to this write. A refusal fails the test."""
    answer = await person.client.post(f"/api/{path}", json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def book(driver: Person, slot: int, *, starts_in: timedelta | None = None, **payment: str) -> int:
    """Book an hour; the booking's id."""
    start = datetime.now(UTC) + (starts_in or timedelta(0))
    wish = {
        "slot": slot,
        "vehicle_number": "KA01AB1234",
        "starts_at": start.isoformat() if starts_in else None,
        "ends_at": (start + timedelta(hours=1)).isoformat(),
        **(payment or CARD),
    }
    return int((await send(driver, "bookings/", **wish))["id"])


def status(site: Box, booking: int) -> str:
    ((found,),) = site.rows("SELECT status FROM parking_booking WHERE id = %s", booking)
    return str(found)


async def visit(page: Page, address: str) -> None:
    """Open a page, and wait until it has all that it asks for."""
    await page.goto(address)
    await settled(page)


async def settled(page: Page) -> None:
    """All that the page asked for is there."""
    await expect(page.locator("main h1")).to_be_visible()
    await expect(page.get_by_text("Loading …")).to_have_count(0)
    await page.wait_for_load_state("networkidle")


async def widths_too_much(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
