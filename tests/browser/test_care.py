"""Every page of the web client: what axe finds, whether the keyboard alone will do, what is kept of input."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.client import (
    DESKTOP,
    PASSWORD,
    light,
    one_more,
    sign_in,
    signed_in,
    someone,
    tell,
    toasts,
)
from tests.browser.furnished import NARROW, Place, furnished, settled, visit, widths_too_much
from tests.live.box import ROOT, Box, Person

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240), pytest.mark.usefixtures("built")]

AXE = ROOT / "frontend/node_modules/axe-core/axe.min.js"
# What axe calls serious or critical, and where. Colours are looked at when they stand still.
RUN_AXE = """
async (rules) => {
  await new Promise(requestAnimationFrame);
  const changes = document.getAnimations().filter((animation) => animation instanceof CSSTransition);
  await Promise.allSettled(changes.map(({ finished }) => finished));
  const { violations } = await axe.run(document, rules.length ? { runOnly: rules } : {});
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}
"""

Step = Callable[[Page], Awaitable[None]]


async def looked_at(page: Page) -> list[str]:
    """What axe finds on the page as it stands, on a phone and a desktop, by day and by night."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text() + "\n;0")
    found: list[str] = []
    for size in (NARROW, DESKTOP):
        await page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            # Night changes the colours and nothing else.
            found += await page.evaluate(RUN_AXE, ["color-contrast"] if scheme == "dark" else [])
        if excess := await widths_too_much(page):
            found.append(f"{excess} pixels too wide at {size['width']}")
    return [f"{page.url}: {complaint}" for complaint in found]


@asynccontextmanager
async def eyes(browser: Browser, site: Box, person: Person, **options) -> AsyncIterator[Page]:
    """Somebody signed in, in a browser that does not animate."""
    async with signed_in(browser, site, person, reduced_motion="reduce", **options) as page:
        yield page


async def press(page: Page, *names: str) -> None:
    for name in names:
        await page.get_by_role("button", name=name, exact=True).first.click()


@pytest.mark.slow
async def test_axe_finds_nothing_serious_on_a_drivers_pages(site, browser):
    async with furnished(site) as place, eyes(browser, site, place.driver, forgiven="404") as page:
        found: list[str] = []
        for address in (
            "/lots",
            "/lots?q=no+lot+has+these+words",
            f"/lots/{place.lot}",
            "/lots/999999",
            "/bookings",
            f"/bookings/{place.later}",
            f"/bookings/{place.expired}",
            f"/bookings/{place.cancelled}",
            f"/bookings/{place.running}/receipt",
            "/bookings/999999",
            "/inbox",
            "/preferences",
        ):
            await visit(page, address)
            found += await looked_at(page)
        assert found == []


@pytest.mark.slow
async def test_axe_finds_nothing_serious_in_what_a_driver_opens(site, browser):
    async with furnished(site) as place, eyes(browser, site, place.driver, forgiven="400") as page:
        await visit(page, f"/lots/{place.lot}?slot={await slot_of(place, 9)}")
        await page.get_by_text("Later", exact=True).click()
        await page.get_by_label("Vehicle number").fill("?")
        await press(page, "Book and pay")
        await expect(page.get_by_text("4 to 12 letters and digits")).to_be_visible()
        found = await looked_at(page)

        await visit(page, f"/bookings/{place.running}")
        await press(page, "Stay longer", "Order a wash")
        found += await looked_at(page)
        await press(page, "Cancel booking")
        await expect(page.get_by_role("dialog")).to_be_visible()
        found += await looked_at(page)
        assert found == []


@pytest.mark.slow
async def test_axe_finds_nothing_serious_on_an_owners_pages(site, browser):
    async with furnished(site) as place, eyes(browser, site, place.owner, at="/desk") as page:
        found: list[str] = []
        for address in (
            "/desk",
            "/desk/bookings",
            "/desk/washes",
            "/desk/people",
            f"/bookings/{place.later}",
        ):
            await visit(page, address)
            found += await looked_at(page)
        await page.get_by_role("button", name="Verify cash").click()
        found += await looked_at(page)
        await visit(page, "/desk/lots")
        for words in ("Slots (14)", "Car washes offered (1)"):
            await page.get_by_text(words).click()
        await press(page, f"Add slots to {place.lot_name}", f"Edit {place.lot_name}", "Edit slot 1")
        await press(page, "Edit Quick rinse", f"Change the rate of all slots of {place.lot_name}")
        found += await looked_at(page)
        assert found == []


@pytest.mark.slow
async def test_axe_finds_nothing_serious_where_there_is_nothing_yet(site, browser):
    found: list[str] = []
    async with someone(browser, site, reduced_motion="reduce") as nobody:
        page = await nobody.new_page()
        for address in ("/sign-in", "/register"):
            await page.goto(address)
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            found += await looked_at(page)
    for role, addresses in (
        ("driver", ("/bookings", "/inbox")),
        ("owner", ("/desk", "/desk/bookings", "/desk/washes", "/desk/lots", "/desk/people")),
    ):
        async with (
            Person.register(site, one_more("new"), role=role) as person,
            eyes(browser, site, person) as page,
        ):
            for address in addresses:
                await visit(page, address)
                found += await looked_at(page)
    assert found == []


async def test_axe_finds_nothing_serious_in_toasts_of_every_level(site, browser):
    async with Person.register(site, one_more("dina")) as dina, eyes(browser, site, dina) as page:
        for level in ("info", "success", "warning", "error"):
            await tell(site, dina.id, f"Of level {level}", level=level)
        await expect(toasts(page)).to_have_count(4)
        # While one points at them, they stay.
        await toasts(page).first.hover()
        assert await looked_at(page) == []


async def slot_of(place: Place, number: int) -> int:
    slots = (await place.owner.client.get(f"/api/lots/{place.lot}/")).json()["slots"]
    return next(slot["id"] for slot in slots if slot["number"] == number)


def name_of(site: Box, person: Person) -> str:
    ((name,),) = site.rows("SELECT username FROM parking_user WHERE id = %s", person.id)
    return str(name)


# --- The keyboard -----------------------------------------------------------------------------

# A radio button is drawn as its label.
SHOWS_FOCUS = """
(element) => {
  const drawn = element.type === "radio" ? element.closest("label") : element;
  const { outlineStyle, outlineWidth } = getComputedStyle(drawn);
  return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
}
"""


async def tab_to(page: Page, wanted: Locator, *, key: str = "Tab") -> None:
    """Press Tab until the keyboard is there, and see that one sees it."""
    await expect(wanted).to_be_visible()
    for _ in range(60):
        await page.keyboard.press(key)
        if await wanted.evaluate("element => element === document.activeElement"):
            assert await wanted.evaluate(SHOWS_FOCUS), f"{wanted} does not show that it has the keyboard"
            return
    pytest.fail(f"The keyboard does not reach {wanted}")


async def arrived(page: Page, title: str) -> None:
    """A new page, and the keyboard at its heading."""
    heading = page.get_by_role("heading", name=title, level=1)
    await expect(heading).to_be_focused()
    await settled(page)


async def test_a_driver_signs_in_books_and_cancels_by_keyboard_alone(site, browser):
    async with furnished(site) as place, someone(browser, site) as context:
        page = await context.new_page()
        await page.goto("/sign-in")
        await tab_to(page, page.get_by_label("Name"))
        await page.keyboard.type(name_of(site, place.driver))
        await tab_to(page, page.get_by_label("Password"))
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await arrived(page, "Find a slot")

        await tab_to(page, page.get_by_role("searchbox"))
        await page.keyboard.type(place.lot_name)
        await expect(page.locator("main li")).to_have_count(1)
        await expect(page.get_by_role("searchbox")).to_be_focused()
        await tab_to(page, page.get_by_role("link", name=place.lot_name))
        await page.keyboard.press("Enter")
        await arrived(page, place.lot_name)

        await tab_to(page, page.get_by_role("button", name="Slot 1,"))
        for _ in range(7):
            await page.keyboard.press("ArrowRight")
        await expect(page.get_by_role("button", name="Slot 8,")).to_be_focused()
        await page.keyboard.press("Space")
        await tab_to(page, page.get_by_role("radio", name="1 h"))
        await page.keyboard.press("ArrowRight")
        await expect(page.get_by_role("radio", name="2 h")).to_be_checked()
        await expect(page.get_by_test_id("estimate")).to_have_text("₹120.00")
        await tab_to(page, page.get_by_label("Vehicle number"))
        await page.keyboard.type("KA 01 AB 1234")
        await tab_to(page, page.get_by_role("button", name="Book and pay"))
        await page.keyboard.press("Enter")
        await arrived(page, f"{place.lot_name}, slot 8")

        cancel = page.get_by_role("button", name="Cancel booking")
        await tab_to(page, cancel)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="No, keep it")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(cancel).to_be_focused()
        await page.keyboard.press("Space")
        await tab_to(page, page.get_by_role("button", name="Yes, cancel it"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("timer")).to_contain_text("Cancelled")
        await expect(page.get_by_role("heading", level=1)).to_be_focused()

        await tab_to(page, page.get_by_role("banner").get_by_role("link", name="Inbox"), key="Shift+Tab")
        await page.keyboard.press("Enter")
        await arrived(page, "Inbox")
        await tab_to(page, page.get_by_role("radio", name="All"))
        await page.keyboard.press("ArrowRight")
        await expect(page).to_have_url(f"{site.url}/inbox?show=unread")
        await expect(page.get_by_role("radio", name="Unread")).to_be_focused()


@pytest.mark.slow
async def test_a_form_that_opens_has_the_keyboard_and_gives_it_back(site, browser):
    async with furnished(site) as place, signed_in(browser, site, place.driver) as page:
        await visit(page, f"/bookings/{place.running}")
        opens = page.get_by_role("button", name="Stay longer")
        await tab_to(page, opens)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("group", name="Stay longer")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(opens).to_be_focused()


async def test_an_owner_verifies_cash_by_keyboard_alone(site, browser):
    async with (
        furnished(site) as place,
        signed_in(browser, site, place.owner, at="/desk", viewport=DESKTOP) as page,
    ):
        await tab_to(page, page.get_by_role("navigation").get_by_role("link", name="Bookings"))
        await page.keyboard.press("Enter")
        await arrived(page, "Bookings")
        verify = page.get_by_role("button", name="Verify ")
        await tab_to(page, verify)
        await page.keyboard.press("Space")
        await expect(page.get_by_role("button", name="Not yet")).to_be_focused()
        await tab_to(page, page.get_by_role("button", name="Yes, I have it"))
        await page.keyboard.press("Enter")
        await expect(verify).to_have_count(0)


# --- What was typed is kept -------------------------------------------------------------------


async def half_filled(page: Page, place: Place) -> None:
    """Dina has said how long, which vehicle and how she pays, and not yet booked."""
    await visit(page, f"/lots/{place.lot}?slot={await slot_of(place, 9)}")
    await page.get_by_text("4 h", exact=True).click()
    await page.get_by_label("Vehicle number").fill("MH 12 DE 1433")
    await page.get_by_text("Cash", exact=True).click()


async def expect_half_filled(page: Page) -> None:
    await expect(page.get_by_role("heading", name="Book slot 9")).to_be_visible()
    await expect(page.get_by_role("radio", name="4 h")).to_be_checked()
    await expect(page.get_by_role("radio", name="Cash")).to_be_checked()
    await expect(page.get_by_label("Vehicle number")).to_have_value("MH 12 DE 1433")


async def test_a_half_filled_form_survives_a_reload_and_a_sign_in_that_ended_meanwhile(site, browser):
    async with furnished(site) as place, signed_in(browser, site, place.driver, forgiven="40") as page:
        await half_filled(page, place)
        await page.reload()
        await expect_half_filled(page)
        await expect(light(page)).to_have_text("Live")

        # The page finds out when it asks for something: by this form, or a moment before.
        site.rows(
            "DELETE FROM django_session WHERE session_key = %s", place.driver.client.cookies["sessionid"]
        )
        await page.evaluate("document.querySelector('main form')?.requestSubmit()")
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        name = name_of(site, place.driver)
        await page.get_by_label("Name").fill(name)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect_half_filled(page)
        await page.get_by_role("button", name="Book, pay at the lot").click()
        await expect(page.get_by_role("timer")).to_be_visible()


@pytest.mark.slow
async def test_nobody_finds_what_somebody_else_had_typed(site, browser):
    async with (
        furnished(site) as place,
        Person.register(site, one_more("eve")) as eve,
        signed_in(browser, site, place.driver) as page,
    ):
        await half_filled(page, place)
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await sign_in(page, name_of(site, eve))
        await visit(page, f"/lots/{place.lot}?slot={await slot_of(place, 9)}")
        await expect(page.get_by_label("Vehicle number")).to_have_value("")
        await expect(page.get_by_role("radio", name="1 h")).to_be_checked()
        await expect(light(page)).to_have_text("Live")
