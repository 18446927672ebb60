"""The line of the web client: shared by tabs, cut, asleep, signed out; nothing is lost or comes twice."""

import asyncio
import re
import time

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from tests.browser.client import (
    bell,
    choose_slot,
    fill_in_sign_in,
    lend_session,
    light,
    one_more,
    open_lot,
    open_page,
    signed_in,
    someone,
    tell,
    time_passes,
    toasts,
    toasts_shown,
)
from tests.live.box import PASSWORD, Person, until

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

HALF_AN_HOUR = 1800
NEW_PASSWORD = "another passphrase, as long"

# The device's clock is wrong by `clockIsAhead` milliseconds; its stop watch, `performance.now`, is not.
WRONG_CLOCK = """
window.clockIsAhead = %d;
const TrueDate = Date;
window.Date = class extends TrueDate {
  constructor(...given) { given.length ? super(...given) : super(Date.now()); }
  static now() { return TrueDate.now() + window.clockIsAhead; }
};
"""


NUMBERED = "SELECT 1 FROM parking_notification WHERE recipient_id = %s AND seq IS NOT NULL"


def is_listened_for(box, user_id: int) -> bool:
    """Whether any web process has a socket of this person: one that was closed is there for a moment."""
    with box.valkey_client() as valkey:
        return any(name.endswith(f"user.{user_id}".encode()) for name in valkey.pubsub_channels())


async def words_shown(page: Page) -> list[str]:
    return [toast["words"] for toast in await toasts_shown(page)]


async def test_three_tabs_have_one_line_and_show_one_toast_and_hand_over(site, browser):
    async with Person.register(site, one_more("dina")) as dina, someone(browser, site) as dinas:
        sockets: list[str] = []
        dinas.on("page", lambda page: page.on("websocket", lambda opened: sockets.append(opened.url)))
        await lend_session(dina, dinas)
        first, second, third = pages = [await open_page(dinas, "/lots") for _ in range(3)]
        assert len(sockets) == 1

        await tell(site, dina.id, "The first")
        for page in pages:
            await expect(bell(page, unread=1)).to_be_visible()
        await expect(toasts(third)).to_be_visible()
        assert [await words_shown(page) for page in pages] == [[], [], ["The first"]]

        await first.close()
        await expect(light(second)).to_have_text("Live")
        await tell(site, dina.id, "The second")
        for page in (second, third):
            await expect(bell(page, unread=2)).to_be_visible()
        await expect(toasts(third).filter(has_text="The second")).to_be_visible()
        assert [await words_shown(page) for page in (second, third)] == [[], ["The first", "The second"]]
        assert len(sockets) == 2


async def test_a_notice_told_while_no_tab_was_open_is_shown_once_on_return(site, browser):
    async with Person.register(site, one_more("dina")) as dina, signed_in(browser, site, dina) as page:
        await page.close()
        await asyncio.to_thread(until, lambda: not is_listened_for(site, dina.id))
        await tell(site, dina.id, "While you were away")
        await asyncio.to_thread(until, lambda: site.rows(NUMBERED, dina.id))
        page = await page.context.new_page()
        await page.goto("/lots")
        await expect(toasts(page)).to_contain_text("While you were away")
        await page.reload()
        await expect(bell(page, unread=1)).to_be_visible()
        await expect(light(page)).to_have_text("Live")
        assert await words_shown(page) == []


async def test_without_a_network_nothing_typed_is_lost_and_what_was_missed_comes_with_it(site, browser):
    async with (
        Person.register(site, one_more("omar"), role="owner") as omar,
        Person.register(site, one_more("dina")) as dina,
        signed_in(browser, site, dina, forgiven="net::ERR_INTERNET_DISCONNECTED") as page,
    ):
        name = one_more("North ")
        await open_lot(omar, name)
        await choose_slot(page, lot=name)
        await page.get_by_label("Vehicle number").fill("KA 05 XY 7")

        await page.context.set_offline(True)
        await expect(light(page)).to_contain_text("Offline since")
        await tell(site, dina.id, "While you had no network")
        await page.get_by_role("button", name="Book and pay").click()
        await expect(page.get_by_role("alert")).to_contain_text("ParkMate cannot be reached")
        assert await words_shown(page) == []

        await page.context.set_offline(False)
        back = time.monotonic()
        await expect(light(page)).to_have_text("Live")
        await expect(toasts(page)).to_contain_text("While you had no network")
        assert time.monotonic() - back < 2
        await expect(page.get_by_label("Vehicle number")).to_have_value("KA 05 XY 7")
        await page.get_by_role("button", name="Book and pay").click()
        await expect(page.get_by_role("timer")).to_be_visible()
        bookings = "SELECT vehicle_number FROM parking_booking WHERE driver_id = %s"
        assert site.rows(bookings, dina.id) == [("KA05XY7",)]


@pytest.mark.parametrize("hours", [1, -1])
async def test_with_a_wrong_clock_the_countdown_is_right_and_the_warning_comes(site, browser, hours):
    async with (
        Person.register(site, one_more("omar"), role="owner") as omar,
        Person.register(site, one_more("dina")) as dina,
        someone(browser, site) as dinas,
    ):
        await dinas.add_init_script(WRONG_CLOCK % (hours * 3_600_000))
        await lend_session(dina, dinas)
        _, slots = await open_lot(omar, one_more("East "))
        booking = (await dina.book(slots[1], seconds=HALF_AN_HOUR)).json()["id"]
        page = await open_page(dinas, f"/bookings/{booking}")
        ring = page.get_by_role("timer")
        left = "SELECT ceil(extract(epoch FROM ends_at - now()))::int FROM parking_booking WHERE id = %s"

        # In its first second a booking may still be about to begin.
        await expect(ring).to_contain_text(re.compile("^(30:00|29:5)"))
        ((before,),) = site.rows(left, booking)
        minutes, seconds = re.match(r"(\d+):(\d\d)", await ring.inner_text()).groups()
        ((after,),) = site.rows(left, booking)
        # It changes with the server's full second, so that it may still say the one before.
        assert after <= int(minutes) * 60 + int(seconds) <= before + 1

        time_passes(site, booking, seconds=HALF_AN_HOUR - 300)
        await expect(toasts(page)).to_contain_text("Your booking will expire in 5 minutes!")
        await expect(ring).to_contain_text(re.compile("^4:5"))


async def test_a_frozen_tab_is_current_at_once_when_it_is_thawed(site, browser):
    async with Person.register(site, one_more("dina")) as dina, signed_in(browser, site, dina) as page:
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
        await tell(site, dina.id, "While you slept")
        told = "SELECT count(*) FROM parking_notification WHERE recipient_id = %s AND seq IS NOT NULL"
        await asyncio.to_thread(until, lambda: site.rows(told, dina.id) == [(1,)])
        await devtools.send("Page.setWebLifecycleState", {"state": "active"})
        woken = time.monotonic()
        await expect(bell(page, unread=1)).to_be_visible()
        assert time.monotonic() - woken < 2
        await expect(toasts(page)).to_be_visible()
        assert await words_shown(page) == ["While you slept"]


async def test_after_an_hours_sleep_on_a_dead_line_everything_is_current_within_two_seconds(site, browser):
    async with Person.register(site, one_more("dina")) as dina, someone(browser, site) as dinas:
        await dinas.add_init_script(WRONG_CLOCK % 0)
        lines = Lines()
        await dinas.route_web_socket(re.compile("/ws/"), lines.carry)
        await lend_session(dina, dinas)
        page = await open_page(dinas, "/lots")

        # Neither end learns of it: no close, no event, only a clock that has gone on.
        lines.die()
        await tell(site, dina.id, "While you slept")
        await page.evaluate("window.clockIsAhead = 3_600_000")
        woken = time.monotonic()
        await expect(bell(page, unread=1)).to_be_visible()
        assert time.monotonic() - woken < 2
        await expect(light(page)).to_have_text("Live")
        await expect(toasts(page)).to_be_visible()
        assert await words_shown(page) == ["While you slept"]


class Lines:
    """What is between the page and the server: every line so far may die without a word."""

    def __init__(self) -> None:
        self.dead: set[WebSocketRoute] = set()
        self.lines: set[WebSocketRoute] = set()

    def carry(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        self.lines.add(page)
        page.on_message(lambda text: page in self.dead or server.send(text))
        server.on_message(lambda text: page in self.dead or page.send(text))

    def die(self) -> None:
        self.dead |= self.lines


async def sign_out(dina: Person) -> None:
    """In another tab: the sign-in is the browser's."""
    answer = await dina.client.post("/api/auth/logout/")
    assert answer.status_code == 204, answer.text


async def change_password(dina: Person) -> None:
    ((name,),) = dina.box.rows("SELECT username FROM parking_user WHERE id = %s", dina.id)
    async with Person.sign_in(dina.box, name) as laptop:
        body = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
        answer = await laptop.client.post("/api/auth/password/", json=body)
        assert answer.status_code == 204, answer.text


@pytest.mark.parametrize(("end", "password"), [(sign_out, PASSWORD), (change_password, NEW_PASSWORD)])
async def test_when_the_sign_in_ends_elsewhere_the_page_asks_for_it_and_goes_on_where_it_was(
    site, browser, end, password
):
    name = one_more("dina")
    async with (
        Person.register(site, name) as dina,
        signed_in(browser, site, dina, at="/preferences", forgiven="status of 401") as page,
    ):
        await end(dina)
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await fill_in_sign_in(page, name, password=password)
        await expect(page.get_by_role("heading", name="What to tell me")).to_be_visible()
        await expect(light(page)).to_have_text("Live")
        await tell(site, dina.id, "Here again")
        await expect(toasts(page)).to_contain_text("Here again")
