"""The client without a network, and across a redeploy: what it still shows, and what it never keeps."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.client import bell, light, one_more, signed_in, toasts
from tests.live.box import ROOT, Box, Person

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180), pytest.mark.usefixtures("built")]

UNREACHABLE = "ParkMate cannot be reached"
HASHED = re.compile(r"-([\w-]{8})\.(?:js|css)$")


def build(directory: Path, *, turned: bool) -> Path:
    """A copy of the build; `turned`: each of its hashed names another, as after a change of everything."""
    shutil.copytree(ROOT / "frontend/dist", directory, ignore=shutil.ignore_patterns("*.gz", "*.br"))
    if not turned:
        return directory
    hashes = [found[1] for file in directory.rglob("*") if (found := HASHED.search(file.name))]
    for file in [file for file in directory.rglob("*") if file.suffix in (".js", ".css", ".json")]:
        text = file.read_text()
        for name in hashes:
            text = text.replace(f"-{name}.", f"-{name[::-1]}.")
        file.write_text(text)
        file.rename(HASHED.sub(lambda found: found[0].replace(found[1], found[1][::-1]), str(file)))
    return directory


async def worker_is_ready(page: Page) -> None:
    """Every file of the build is on the device."""
    await page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")


def last_known(page: Page):
    return page.get_by_role("region", name="Last known")


@asynccontextmanager
async def dina_at_her_booking(box: Box, browser: Browser, **options) -> AsyncIterator[Page]:
    """Dina's phone, which has everything it needs, before her booking of an hour."""
    async with (
        Person.register(box, one_more("omar"), role="owner") as omar,
        Person.register(box, one_more("dina")) as dina,
    ):
        booking = (await dina.book(box.add_slot(owner=omar.id), seconds=3600)).json()["id"]
        at = f"/bookings/{booking}"
        # A read that crosses a sign-out is refused with 401.
        async with signed_in(browser, box, dina, at=at, forgiven="net::ERR_| 401 ", **options) as page:
            await expect(page.get_by_role("timer")).to_be_visible()
            await worker_is_ready(page)
            yield page


async def test_without_a_network_the_last_known_countdown_is_shown_and_marked_as_such(
    site, browser, photograph
):
    async with dina_at_her_booking(site, browser) as page:
        await page.context.set_offline(True)
        for path, subject in (("/", "The lots"), ("/bookings", "Your bookings"), ("/inbox", "Your notices")):
            await page.goto(path)
            known = last_known(page)
            await expect(known).to_contain_text("Live, slot 1")
            await expect(known).to_contain_text(re.compile(r"Last known at \d\d?:\d\d; " + UNREACHABLE))
            await expect(known.get_by_role("timer")).to_contain_text(re.compile(r"59:\d\d|1:00:00"))
            await expect(page.get_by_role("alert")).to_contain_text(
                f"{subject} cannot be shown: {UNREACHABLE}"
            )
            await expect(light(page)).to_contain_text("Offline")
            await photograph(page, f"offline {path}")

        await page.context.set_offline(False)
        await expect(light(page)).to_have_text("Live")
        await expect(last_known(page)).to_have_count(0)
        await expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.slow
async def test_a_server_that_is_away_is_as_good_as_no_network_and_its_return_is_noticed(box, browser):
    live = box("web", "sweeper")
    async with dina_at_her_booking(live, browser) as page:
        await asyncio.to_thread(live.kill, "web")
        await page.goto("/bookings")
        await expect(last_known(page)).to_contain_text("Last known at")
        await asyncio.to_thread(live.start, "web")
        await expect(last_known(page)).to_have_count(0, timeout=30_000)
        await expect(page.get_by_role("link", name="Live, slot 1")).to_be_visible()


async def test_nothing_of_a_person_stays_on_the_device_once_they_have_signed_out(site, browser):
    async with dina_at_her_booking(site, browser) as page:
        assert "slot_number" in await page.evaluate(STORED)
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert not re.search("dina|slot_number", await page.evaluate(STORED))
        kept = await page.evaluate(CACHED)
        assert [path for path in kept if not path.startswith("/static/client/assets/")] == ["/"]

        await page.context.set_offline(True)
        await page.goto("/bookings")
        await expect(page.get_by_role("alert")).to_contain_text(UNREACHABLE)
        await expect(page.get_by_text("slot 1")).to_have_count(0)


async def test_after_a_redeploy_an_open_page_goes_on_and_the_next_visit_has_the_new_build(
    box, browser, tmp_path
):
    old, new = build(tmp_path / "old", turned=False), build(tmp_path / "new", turned=True)
    live = box("web", "sweeper", PARKMATE_CLIENT_BUILD=str(old))
    async with dina_at_her_booking(live, browser) as page:
        await redeploy(live, new)
        await expect(light(page)).to_have_text("Live", timeout=30_000)
        await page.evaluate("window.isOld = true")
        await bell(page).click()
        await expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
        assert await page.evaluate("window.isOld")

        await page.goto("/lots")
        await expect(page.get_by_role("heading", name="Find a slot")).to_be_visible()
        assert await scripts(page) <= names(new)
        assert not await scripts(page) & names(old)


@pytest.mark.slow
async def test_without_a_worker_a_page_whose_build_is_gone_loads_itself_anew_once_and_says_so(
    box, browser, tmp_path
):
    old, new = build(tmp_path / "old", turned=False), build(tmp_path / "new", turned=True)
    live = box("web", "sweeper", PARKMATE_CLIENT_BUILD=str(old))
    async with (
        Person.register(live, "dina") as dina,
        signed_in(browser, live, dina, forgiven="net::ERR_|404", service_workers="block") as page,
    ):
        await redeploy(live, new)
        await expect(light(page)).to_have_text("Live", timeout=30_000)
        await bell(page).click()
        await expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
        await expect(toasts(page)).to_contain_text("ParkMate is newer now")
        assert await scripts(page) <= names(new)


STORED = (
    "Object.entries({...localStorage, ...sessionStorage}).flat().join() + document.documentElement.outerHTML"
)
CACHED = """async () => {
    const found = [];
    for (const name of await caches.keys()) {
        const requests = await (await caches.open(name)).keys();
        found.push(...requests.map(({ url }) => new URL(url).pathname));
    }
    return found;
}"""
LOADED = """
performance.getEntriesByType("resource")
    .map(({ name }) => name.split("/assets/")[1])
    .filter((name) => name?.endsWith(".js"))
"""


async def redeploy(box: Box, directory: Path) -> None:
    """Another build, and the web process started anew for it."""
    box.times = {**box.times, "PARKMATE_CLIENT_BUILD": str(directory)}
    await asyncio.to_thread(box.restart)


async def scripts(page: Page) -> set[str]:
    """The names of the scripts that the page has loaded."""
    return set(await page.evaluate(LOADED))


def names(build: Path) -> set[str]:
    return {file.name for file in (build / "assets").iterdir()}
