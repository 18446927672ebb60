"""The pictures of the README: the booking page as a driver sees it, the desk as an owner does."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from playwright.async_api import expect

from tests.browser.client import DESKTOP, PHONE, bell, signed_in, time_passes, toasts
from tests.browser.furnished import CARD, CASH, book, send, settled
from tests.live.box import Person

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio,
    pytest.mark.timeout(180),
    pytest.mark.usefixtures("built"),
]

OTHERS = ("aisha", "ben", "chen", "eva", "farid")
LOTS = (("Harbour Street", 12, "60.00"), ("Old Market", 8, "45.00"))


async def test_the_booking_page_and_the_desk(box, browser, photograph):
    times = {"PARKMATE_WARNING_LEAD_SECONDS": "300", "PARKMATE_RENEWAL_WINDOW_SECONDS": "600"}
    live = box("web", "worker", "sweeper", **times)
    async with AsyncExitStack() as people:

        async def person(name, **fields):
            return await people.enter_async_context(Person.register(live, name, **fields))

        omar, dina = await person("omar", role="owner"), await person("dina")
        slots = {name: await slots_of(omar, name, many, rate) for name, many, rate in LOTS}
        for number, name in enumerate(OTHERS):
            driver = await person(name)
            await book(driver, slots["Harbour Street"][2 * number + 1], **(CASH if number % 2 else CARD))
            await book(driver, slots["Old Market"][number], starts_in=timedelta(hours=number % 3))
        booking = await book(dina, slots["Harbour Street"][0])

        async with signed_in(browser, live, omar, at="/desk", viewport=DESKTOP) as desk:
            await omar.client.post("/api/notifications/read-all/", json={})
            await expect(bell(desk)).to_be_visible()
            await expect(toasts(desk)).to_have_count(0)
            await book(dina, slots["Harbour Street"][2])
            await expect(toasts(desk)).to_be_visible()
            await expect(desk.get_by_text("7 of 12 occupied")).to_be_visible()
            await photograph(desk, "desk", whole=False)

        for scheme in ("light", "dark"):
            page_of_hers = signed_in(
                browser, live, dina, at=f"/bookings/{booking}", viewport=PHONE, color_scheme=scheme
            )
            async with page_of_hers as page:
                if scheme == "light":
                    await asyncio.to_thread(time_passes, live, booking, seconds=3_600 - 302)
                    await expect(toasts(page)).to_be_visible()
                await settled(page)
                await photograph(page, f"booking {scheme}", whole=False)


async def slots_of(owner, name, many, rate):
    """A new lot's slots."""
    lot = (await send(owner, "lots/", name=name, address=f"{many} {name}"))["id"]
    new = [
        {"number": n, "vehicle_type": "car", "hourly_rate": rate, "is_active": True}
        for n in range(1, many + 1)
    ]
    return [slot["id"] for slot in await send(owner, f"lots/{lot}/slots/", slots=new)]
