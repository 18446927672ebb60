"""Live pages of the web client: what others do is seen at once, on every device, and nothing polls."""

from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from playwright.async_api import Page, expect

from tests.browser.client import (
    DESKTOP,
    PASSWORD,
    bell,
    lend_session,
    light,
    one_more,
    open_page,
    signed_in,
    someone,
    tell,
    toasts,
)
from tests.live.box import Person

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180), pytest.mark.usefixtures("built")]

# What a page plays and how it shakes, instead of a sound card and a phone. Whoever drives a browser counts
# as somebody who touches the page with every question: so only a click does here.
LISTEN = """
window.felt = [];
let hasBeenActive = false;
addEventListener("click", () => { hasBeenActive = true; }, { capture: true });
Object.defineProperty(Navigator.prototype, "userActivation", { get: () => ({ hasBeenActive }) });
const { createOscillator } = AudioContext.prototype;
AudioContext.prototype.createOscillator = function () {
  const tone = createOscillator.call(this);
  const start = tone.start;
  tone.start = (at) => { window.felt.push(tone.frequency.value); start.call(tone, at); };
  return tone;
};
Navigator.prototype.vibrate = (pattern) => window.felt.push(`${pattern}`) > 0;
"""
HIDE = """({ hidden }) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  Object.defineProperty(document, "visibilityState", {
    configurable: true, get: () => (hidden ? "hidden" : "visible"),
  });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
CHANGE_PASSWORD = """async ([old_password, new_password]) => {
  const { csrf_token } = await (await fetch("/api/auth/me/")).json();
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrf_token };
  const body = JSON.stringify({ old_password, new_password });
  return (await fetch("/api/auth/password/", { method: "POST", headers, body })).status;
}"""


@asynccontextmanager
async def cast(site):
    """Dina and Eve drive, Omar has a lot with one slot, of a name of its own."""
    async with AsyncExitStack() as stack:
        omar, dina, eve = [
            await stack.enter_async_context(Person.register(site, one_more(name), role=role))
            for name, role in (("omar", "owner"), ("dina", "driver"), ("eve", "driver"))
        ]
        name = one_more("Live ")
        slot = site.add_slot(owner=omar.id, lot_name=name)
        ((lot,),) = site.rows("SELECT lot_id FROM parking_slot WHERE id = %s", slot)
        yield omar, dina, eve, slot, f"/lots/{lot}"


async def test_a_lots_picture_changes_when_somebody_books_and_when_the_time_is_over(site, browser):
    async with cast(site) as (_, dina, eve, slot, address), someone(browser, site) as dinas:
        await lend_session(dina, dinas)
        first, second = tabs = [await open_page(dinas, address) for _ in range(2)]
        lots = await open_page(dinas, f"/lots?q={site.rows('SELECT name FROM parking_lot')[-1][0]}")
        asked: list[str] = []
        first.on("request", lambda request: asked.append(request.url))
        for tab in tabs:
            await expect(tab.get_by_text("1 of 1 free")).to_be_visible()

        assert (await eve.book(slot, seconds=4)).status_code == 201
        for tab in tabs:
            await expect(tab.get_by_text("0 of 1 free")).to_be_visible()
            await expect(tab.get_by_role("button", name="taken, free")).to_be_visible()
        await expect(lots.get_by_text("Full now")).to_be_visible()

        for tab in tabs:
            await expect(tab.get_by_text("1 of 1 free")).to_be_visible()
            await expect(tab.get_by_role("button", name="taken, free")).to_have_count(0)
        await expect(lots.get_by_text("Full now")).to_have_count(0)
        assert len([url for url in asked if url.endswith(f"/api{address}/")]) < 6
        assert await second.locator("[data-sonner-toast]").count() == 0


async def test_an_owners_lists_show_a_new_booking_by_themselves(site, browser, photograph):
    async with (
        cast(site) as (omar, dina, _, slot, _address),
        signed_in(browser, site, omar, at="/desk", viewport=DESKTOP) as today,
    ):
        bookings = await open_page(today.context, "/desk/bookings")
        await expect(today.get_by_text("No cash is outstanding")).to_be_visible()
        await expect(bookings.get_by_text("No bookings yet")).to_be_visible()

        booked = await dina.book(slot, seconds=3600, payment_method="cash", payment_token="")
        assert booked.status_code == 201
        await expect(today.get_by_role("button", name="Verify")).to_be_visible()
        occupied = today.get_by_role("main").locator("dl > div").filter(has_text="Occupied now")
        await expect(occupied.get_by_text("1", exact=True)).to_be_visible()
        await expect(bookings.get_by_role("button", name="Verify cash")).to_be_visible()
        await photograph(bookings, "live, desk")

        await dina.client.post(f"/api/bookings/{booked.json()['id']}/cancel/")
        await expect(today.get_by_role("button", name="Verify")).to_have_count(0)
        await expect(bookings.get_by_text("Cancelled")).to_be_visible()


async def test_reading_on_one_device_empties_the_bell_on_the_other(site, browser):
    async with (
        cast(site) as (_, dina, *_),
        signed_in(browser, site, dina) as phone,
        signed_in(browser, site, dina, viewport=DESKTOP) as desktop,
    ):
        follower = await open_page(desktop.context, "/inbox")
        for words in ("The first", "The second"):
            await tell(site, dina.id, words)
        for page in (phone, desktop, follower):
            await expect(bell(page, unread=2)).to_be_visible()
        await bell(phone, unread=2).click()
        await phone.get_by_role("button", name="Mark as read").first.click()
        for page in (phone, desktop, follower):
            await expect(bell(page, unread=1)).to_be_visible()
        await expect(follower.get_by_role("button", name="Mark as read")).to_have_count(1)
        await desktop.close()
        await phone.get_by_role("button", name="Mark all as read").click()
        for page in (phone, follower):
            await expect(bell(page)).to_be_visible()
        await expect(follower.get_by_role("button", name="Mark as read")).to_have_count(0)


async def test_another_password_ends_the_line_and_not_the_visit(site, browser):
    async with cast(site) as (_, dina, *_), signed_in(browser, site, dina) as page:
        follower = await open_page(page.context, "/bookings")
        async with page.expect_event("websocket"):
            assert await page.evaluate(CHANGE_PASSWORD, [PASSWORD, f"{PASSWORD}, another"]) == 204
        for tab in (page, follower):
            await expect(light(tab)).to_have_text("Live")
        await tell(site, dina.id, "Still here")
        await expect(toasts(follower)).to_contain_text("Still here")
        await expect(bell(page, unread=1)).to_be_visible()


async def test_a_device_that_slept_is_current_within_two_seconds(site, browser):
    async with cast(site) as (_, dina, *_), someone(browser, site) as dinas:
        await lend_session(dina, dinas)
        await dinas.clock.install()
        page = await open_page(dinas, "/bookings")
        async with page.expect_event("websocket", timeout=2_000) as opened:
            await page.clock.set_system_time("2033-01-01T00:00:00Z")
        assert "after=" in (await opened.value).url
        await expect(light(page)).to_have_text("Live", timeout=2_000)


@pytest.mark.slow
async def test_a_notice_is_heard_and_felt_by_its_level_once_the_page_was_touched(site, browser):
    async with cast(site) as (_, dina, *_), someone(browser, site) as dinas:
        await dinas.add_init_script(LISTEN)
        await lend_session(dina, dinas)
        page = await open_page(dinas, "/bookings")
        await tell(site, dina.id, "Untouched", level="error")
        await expect(toasts(page)).to_contain_text("Untouched")
        assert await page.evaluate("felt") == []
        await page.get_by_role("heading", name="My bookings").click()
        await tell(site, dina.id, "Now I know you", level="warning")
        await expect(toasts(page).filter(has_text="Now I know you")).to_be_visible()
        assert await page.evaluate("felt") == ["80,60,80", 880, 880]


async def test_a_toast_waits_for_who_hovers_focuses_or_looks_away_and_is_read_out(site, browser, photograph):
    async with cast(site) as (_, dina, *_), someone(browser, site, viewport=DESKTOP) as dinas:
        await lend_session(dina, dinas)
        await dinas.clock.install()
        page = await open_page(dinas, "/bookings")
        # Before anything is said, so that what is added to it is read out.
        region = page.get_by_role("region", name="Notices")
        await expect(region).to_have_attribute("aria-live", "polite")
        await tell(site, dina.id, "Hover me")
        await tell(site, dina.id, "And me")
        await expect(region.get_by_role("listitem")).to_have_count(2)
        for words in ("Hover me", "And me"):
            content = toasts(page).filter(has_text=words).locator("[data-content]")
            await expect(content).to_have_css("opacity", "1")
        await photograph(page, "live, toasts")
        await toasts(page).filter(has_text="And me").hover()
        await waits(page)
        await toasts(page).first.focus()
        await page.mouse.move(5, 700)
        await waits(page)
        await page.evaluate(HIDE, {"hidden": True})
        await page.evaluate("document.activeElement.blur()")
        await waits(page)
        await page.evaluate(HIDE, {"hidden": False})
        await page.clock.run_for(2_000)
        await expect(toasts(page)).to_have_count(2)
        await toasts(page).first.get_by_role("button", name="Close toast").click()
        await page.clock.run_for(500)
        await expect(toasts(page)).to_have_count(1)
        await page.mouse.move(5, 700)
        await page.clock.run_for(4_500)
        await expect(toasts(page)).to_have_count(0)


async def waits(page: Page) -> None:
    """Ten seconds pass, and both toasts are still there."""
    await page.clock.run_for(10_000)
    await expect(toasts(page)).to_have_count(2)
