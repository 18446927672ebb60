"""The line of the web client: cut, shared by tabs, away for a while; nothing is lost, nothing comes twice."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.client import (
    bell,
    lend_session,
    light,
    one_more,
    open_page,
    register,
    signed_in,
    someone,
    tell,
    toasts,
)
from tests.live.box import Person

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180), pytest.mark.usefixtures("built")]


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
        assert [await toasts(page).count() for page in pages] == [0, 0, 1]

        await first.close()
        await expect(light(second)).to_have_text("Live")
        await tell(site, dina.id, "The second")
        for page in (second, third):
            await expect(bell(page, unread=2)).to_be_visible()
        shown = [await toasts(page).filter(has_text="The second").count() for page in (second, third)]
        assert shown == [0, 1]
        assert len(sockets) == 2


async def test_a_notice_told_while_no_tab_was_open_is_shown_once_on_return(site, browser):
    async with Person.register(site, one_more("dina")) as dina, signed_in(browser, site, dina) as page:
        await page.close()
        await tell(site, dina.id, "While you were away")
        page = await page.context.new_page()
        await page.goto("/lots")
        await expect(toasts(page)).to_contain_text("While you were away")
        await page.reload()
        await expect(bell(page, unread=1)).to_be_visible()
        await expect(light(page)).to_have_text("Live")
        await expect(toasts(page)).to_have_count(0)


async def test_the_light_tells_the_truth_and_what_was_missed_comes_with_the_line(box, browser):
    live = box("web", "worker", "sweeper")
    async with someone(browser, live, forgiven="net::ERR_") as dinas:
        page = await dinas.new_page()
        await register(page, "dina")
        await asyncio.to_thread(live.kill, "web")
        await expect(light(page)).to_contain_text("Reconnecting since")
        await asyncio.to_thread(live.run_django, SAY_TO_DINA)
        await asyncio.to_thread(live.start, "web")
        await expect(light(page)).to_have_text("Live", timeout=25_000)
        await expect(toasts(page)).to_contain_text("While the server was away")


SAY_TO_DINA = """
from parking.models import User
from parking.notification_utils import send_ws_notification
send_ws_notification(User.objects.get(username="dina").pk, "info", "While the server was away")
answer = True
"""
