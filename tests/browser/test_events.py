"""Each event of the catalogue as a browser shows it: its words, colour and icon, to whom, for how long."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from parking.events import CATALOGUE
from tests.browser.client import (
    DESKTOP,
    ask_worker,
    one_more,
    open_lot,
    seconds_shown,
    signed_in,
    tell,
    time_passes,
    toasts,
    toasts_shown,
)
from tests.browser.conftest import launched
from tests.live.box import Box, Person

# The toasts that one test causes, another one sees leave: in one process, or both would wait for all of them.
pytestmark = [
    pytest.mark.xdist_group("events"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]

CASH = {"payment_method": "cash", "payment_token": ""}
HOUR, MINUTE = 3600, 60

ICONS = {
    "info": "lucide-info",
    "success": "lucide-circle-check",
    "warning": "lucide-triangle-alert",
    "error": "lucide-circle-x",
}


@dataclass
class Scene:
    """Dina with her phone and Omar at his desk, both open all the time; every event has a slot of its own."""

    box: Box
    dina: Person
    omar: Person
    phone: Page
    desk: Page
    lot_name: str
    lot: int
    slots: dict[int, int]

    def sides(self, who: str) -> tuple[Page, Page, int]:
        """This one's page; the other one's, and who that is."""
        ours, theirs = (self.phone, self.dina.id), (self.desk, self.omar.id)
        return (ours[0], *theirs) if who == "dina" else (theirs[0], *ours)

    async def booked(self, slot: int, **wish) -> int:
        answer = await self.dina.book(self.slots[slot], seconds=HOUR, **wish)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def expired(self, slot: int) -> int:
        """A booking of Dina's whose time is up, as she sees herself."""
        booking = await self.booked(slot)
        time_passes(self.box, booking, seconds=HOUR)
        await self.phone.get_by_role("link", name="Bookings").click()
        row = self.phone.get_by_role("link", name=f"{self.lot_name}, slot {slot} ")
        # It moves up in the list when it expires, and is clicked where it comes to rest.
        await expect(row).to_contain_text("Expired")
        await row.click()
        await expect(self.phone.get_by_role("timer")).to_contain_text("Expired")
        return booking

    async def show_booking(self, slot: int) -> None:
        # Within the client: an address that is loaded anew would take the toasts with it.
        await self.phone.get_by_role("link", name="Bookings").click()
        await self.phone.get_by_role("link", name=f"{self.lot_name}, slot {slot} ").click()

    async def go_to(self, room: str) -> None:
        await self.desk.get_by_role("link", name="Desk").click()
        await self.desk.get_by_role("navigation", name="The desk").get_by_role("link", name=room).click()

    async def renew(self, *, card: str = "One that is accepted") -> None:
        await self.phone.get_by_label("Sandbox card").select_option(label=card)
        await self.phone.get_by_role("button", name="Renew and pay").click()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(site: Box) -> AsyncIterator[Scene]:
    """Its console may say that a payment was refused: that is one of the events."""
    async with (
        launched() as browser,
        Person.register(site, one_more("dina")) as dina,
        Person.register(site, one_more("omar"), role="owner") as omar,
    ):
        name = one_more("Central ")
        lot, slots = await open_lot(omar, name, slots=9)
        async with (
            signed_in(browser, site, dina, forgiven="status of 402") as phone,
            signed_in(browser, site, omar, at="/desk", viewport=DESKTOP) as desk,
        ):
            yield Scene(site, dina, omar, phone, desk, name, lot, slots)


async def booking_warning(scene: Scene) -> None:
    booking = await scene.booked(1)
    time_passes(scene.box, booking, seconds=HOUR - 5 * MINUTE)


async def booking_expired(scene: Scene) -> None:
    booking = await scene.booked(2)
    time_passes(scene.box, booking, seconds=HOUR)


async def renew_success(scene: Scene) -> None:
    await scene.expired(3)
    await scene.renew()
    await expect(scene.phone.get_by_role("timer")).to_contain_text("until")


async def renew_failure(scene: Scene) -> None:
    await scene.expired(4)
    await scene.renew(card="One that is declined")


async def renew_too_early(scene: Scene) -> None:
    booking = await scene.booked(5)
    # The page does not offer it: another client may ask.
    answer = await scene.dina.client.post(
        f"/api/bookings/{booking}/renew/",
        json={"ends_at": "2100-01-01T00:00:00Z", "payment_method": "card", "payment_token": "tok_visa"},
    )
    assert answer.status_code == 409, answer.text


async def slot_auto_expired(scene: Scene) -> None:
    booking = await scene.expired(6)
    time_passes(scene.box, booking, seconds=10 * MINUTE)


async def booking_declined(scene: Scene) -> None:
    booking = await scene.booked(7)
    await scene.go_to("Bookings")
    row = scene.desk.get_by_role("listitem").filter(has=scene.desk.locator(f'a[href="/bookings/{booking}"]'))
    await row.get_by_role("button", name="Decline").click()
    await scene.desk.get_by_role("button", name="Yes, decline it").click()


async def cash_verified(scene: Scene) -> None:
    await scene.booked(8, **CASH)
    await scene.go_to("Today")
    await scene.desk.get_by_role("button", name="Verify").click()
    await scene.desk.get_by_role("button", name="Yes, I have it").click()


async def new_booking(scene: Scene) -> None:
    phone = scene.phone
    await phone.get_by_role("link", name="Find", exact=True).click()
    await phone.get_by_role("link", name=scene.lot_name).click()
    await phone.get_by_role("button", name="Slot 9,").click()
    await phone.get_by_label("Vehicle number").fill("KA 01 AB 1234")
    await phone.get_by_role("button", name="Book and pay").click()
    await expect(phone.get_by_role("timer")).to_contain_text("59:")


async def carwash_completed(scene: Scene) -> None:
    kind = await scene.omar.client.post(
        f"/api/lots/{scene.lot}/carwash-types/", json={"name": "Quick", "price": "10.00"}
    )
    wish = {"wash_type": kind.json()["id"], "payment_method": "card", "payment_token": "tok_visa"}
    ordered = await scene.dina.client.post("/api/carwashes/", json=wish)
    assert ordered.status_code == 201, ordered.text
    await scene.go_to("Car washes")
    await scene.desk.get_by_role("button", name="Start the wash").click()
    await scene.desk.get_by_role("button", name="Complete the wash").click()
    await scene.desk.get_by_role("button", name="Yes, it is done").click()


async def employee_assigned(scene: Scene) -> None:
    desk = scene.desk
    await scene.go_to("Employees")
    await desk.get_by_label("Name").fill("Wahid")
    await desk.get_by_role("button", name="Add").click()
    await desk.get_by_label("Put on a lot").select_option(label=scene.lot_name)


async def announcement(scene: Scene) -> None:
    words = "We close at six"
    await ask_worker(scene.box, "tasks.operations.announce", level="error", words=words, to="owners")


async def owner_digest(scene: Scene) -> None:
    await ask_worker(scene.box, "tasks.operations.owner_digest")


# For each event: whose browser shows it, at which level, in which words, and how it comes about.
TABLE: dict[str, tuple[str, str, str, Callable[[Scene], Awaitable[None]]]] = {
    "BOOKING_WARNING": ("dina", "warning", "Your booking will expire in 5 minutes!", booking_warning),
    "BOOKING_EXPIRED": ("dina", "info", "Your booking has expired. Slot released.", booking_expired),
    "RENEW_SUCCESS": ("dina", "success", "Booking renewed successfully!", renew_success),
    "RENEW_FAILURE": (
        "dina",
        "error",
        "Renewal failed: Payment declined: the card was declined",
        renew_failure,
    ),
    "RENEW_TOO_EARLY": (
        "dina",
        "warning",
        "Booking must completely expire before renewal",
        renew_too_early,
    ),
    "SLOT_AUTO_EXPIRED": ("dina", "warning", "Your booking for Slot #6 expired", slot_auto_expired),
    "BOOKING_DECLINED": ("dina", "warning", "Admin declined your booking request", booking_declined),
    "CASH_VERIFIED": ("dina", "success", "Your cash payment has been verified", cash_verified),
    "NEW_BOOKING": ("omar", "info", "New booking received for Lot #{lot}", new_booking),
    "CARWASH_COMPLETED": (
        "dina",
        "success",
        "Your car wash service has been completed",
        carwash_completed,
    ),
    "EMPLOYEE_ASSIGNED": ("omar", "info", "New employee Wahid assigned to Lot #{lot}", employee_assigned),
    "ANNOUNCEMENT": ("omar", "error", "We close at six", announcement),
    "OWNER_DIGEST": ("omar", "info", "Today: ", owner_digest),
}


async def test_every_event_of_the_catalogue_is_here():
    assert set(TABLE) == set(CATALOGUE)


@pytest.mark.parametrize("event", TABLE)
async def test_an_event_is_one_toast_in_its_persons_browser_only(scene, event):
    who, level, words, cause = TABLE[event]
    words = words.format(lot=scene.lot)
    page, other, others_id = scene.sides(who)
    before = len(await toasts_shown(page))
    await cause(scene)
    # Away from where toasts are: one that is pointed at stays.
    await page.mouse.move(0, 0)
    await expect(toasts(page).filter(has_text=words).first).to_be_visible()

    # What comes next at the other one's is something else.
    await tell(scene.box, others_id, f"Not about {event}")
    await expect(toasts(other).filter(has_text=f"Not about {event}")).to_be_visible()
    assert [toast for toast in await toasts_shown(other) if toast["words"].startswith(words)] == []

    (toast,) = [toast for toast in (await toasts_shown(page))[before:] if toast["words"].startswith(words)]
    assert toast["type"] == level
    assert ICONS[level] in toast["icon"].split()


@pytest.mark.parametrize(
    "event",
    [pytest.param(event, marks=[] if event == "BOOKING_WARNING" else pytest.mark.slow) for event in TABLE],
)
async def test_the_toast_of_an_event_leaves_after_four_seconds(scene, event):
    who, _, words, cause = TABLE[event]
    words = words.format(lot=scene.lot)
    page, _, _ = scene.sides(who)
    # The other test of this event has caused it: then it may have left by now.
    if not any(toast["words"].startswith(words) for toast in await toasts_shown(page)):
        await cause(scene)
        await page.mouse.move(0, 0)
    assert 3.5 < await seconds_shown(page, words) < 6


async def test_each_level_has_a_colour_of_its_own(scene):
    colours = set()
    for level in ICONS:
        await tell(scene.box, scene.dina.id, f"How {level} looks", level=level)
        toast = toasts(scene.phone).filter(has_text=f"How {level} looks")
        await expect(toast).to_have_attribute("data-type", level)
        colours.add(await toast.evaluate("(toast) => getComputedStyle(toast).backgroundColor"))
    assert len(colours) == 4
