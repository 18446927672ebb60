"""What people do in the web client, step by step, for the tests that watch them."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from celery import Celery
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.live.box import PASSWORD, Box, Person

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}

# The console is where the browser itself writes of them; the words are matched by no error of ours.
TELL_OF_BREACHES = """
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  console.error(`breach of the policy: ${violatedDirective} ${blockedURI}`);
});
"""

# Each toast with its moments, in the page's own milliseconds: who looks from outside is late.
KEEP_TOASTS = """
window.toastsShown = [];
const noted = new Map();
const TOAST = "[data-sonner-toast]";
// The first one comes with the list around it, the last one leaves with it.
const toastsOf = (nodes) =>
  [...nodes].flatMap((node) => node.matches?.(TOAST) ? [node] : [...(node.querySelectorAll?.(TOAST) ?? [])]);
new MutationObserver((changes) => {
  for (const { addedNodes, removedNodes } of changes) {
    for (const toast of toastsOf(addedNodes)) {
      const words = toast.querySelector("[data-title]").textContent;
      const icon = toast.querySelector("[data-icon] svg").classList.value;
      const seen = { words, type: toast.dataset.type, icon, shownAt: performance.now(), leftAt: null };
      noted.set(toast, seen);
      window.toastsShown.push(seen);
    }
    for (const toast of toastsOf(removedNodes)) noted.get(toast).leftAt = performance.now();
  }
}).observe(document, { childList: true, subtree: true });
"""

numbers = count(1)


def one_more(name: str) -> str:
    """A name that nobody else in a shared box has: `dina` is `dina7` there."""
    return f"{name}{next(numbers)}"


def is_wrong(said: ConsoleMessage) -> bool:
    """Whether this line fails the test. A busy machine says rightly that notices may be late."""
    return said.type == "error" and not said.location["url"].endswith("/api/health/ready/")


@asynccontextmanager
async def someone(
    browser: Browser, box: Box, *, forgiven: str | None = None, **options
) -> AsyncIterator[BrowserContext]:
    """A browser of somebody's own, on a phone unless told otherwise.

    An error in the console, an exception that nobody caught or a breach of the policy fails the test.
    `forgiven` is the pattern of errors that the browser itself writes there.
    """
    options = {"viewport": PHONE, "locale": "en-GB", **options}
    context = await browser.new_context(base_url=box.url, **options)
    context.set_default_timeout(15_000)
    broken: list[str] = []
    context.on("weberror", lambda error: broken.append(str(error.error)))
    context.on("console", lambda said: broken.append(said.text) if is_wrong(said) else None)
    await context.add_init_script(TELL_OF_BREACHES + KEEP_TOASTS)
    yield context
    await context.close()
    told = [words for words in broken if not (forgiven and re.search(forgiven, words))]
    assert not told, told


@asynccontextmanager
async def signed_in(
    browser: Browser, box: Box, person: Person, *, at: str = "/lots", **options
) -> AsyncIterator[Page]:
    """The browser of somebody who has an account already, open at this address and live."""
    async with someone(browser, box, **options) as context:
        await lend_session(person, context)
        yield await open_page(context, at)


async def lend_session(person: Person, context: BrowserContext) -> None:
    """This browser holds the person's sign-in from now on."""
    cookies = [
        {"name": name, "value": value, "url": person.box.url} for name, value in person.client.cookies.items()
    ]
    await context.add_cookies(cookies)


async def open_page(context: BrowserContext, address: str) -> Page:
    """One more tab, whose line is live."""
    page = await context.new_page()
    await page.goto(address)
    await expect(light(page)).to_have_text("Live")
    return page


async def register(page: Page, name: str, *, owns: bool = False) -> None:
    await page.goto("/")
    await page.get_by_role("link", name="Make an account").click()
    await expect(page.get_by_role("heading", name="Make an account")).to_be_visible()
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    if owns:
        await page.get_by_text("own a lot", exact=True).click()
    await page.get_by_role("button", name="Make the account").click()
    await expect(page.get_by_role("heading", name="Today" if owns else "Find a slot")).to_be_visible()
    await expect(light(page)).to_have_text("Live")


async def sign_in(page: Page, name: str, *, password: str = PASSWORD) -> None:
    await page.goto("/sign-in")
    await fill_in_sign_in(page, name, password=password)
    await expect(light(page)).to_have_text("Live")


async def fill_in_sign_in(page: Page, name: str, *, password: str = PASSWORD) -> None:
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def choose_slot(page: Page, *, lot: str, slot: int = 1) -> None:
    await page.goto("/lots")
    await page.get_by_role("link", name=lot).click()
    await page.get_by_role("button", name=f"Slot {slot},").click()


async def say_how_long(page: Page, *, minutes: int) -> None:
    await page.get_by_text("Other", exact=True).click()
    await page.get_by_label("Minutes").fill(str(minutes))


async def book_a_minute(page: Page, *, lot: str = "Live") -> None:
    await choose_slot(page, lot=lot)
    await say_how_long(page, minutes=1)
    await page.get_by_label("Vehicle number").fill("KA 01 AB 1234")
    await expect(page.get_by_test_id("estimate")).to_have_text("₹1.00")
    await page.get_by_role("button", name="Book and pay").click()
    await expect(page.get_by_role("timer")).to_be_visible()


def light(page: Page) -> Locator:
    """What the client says of its line; "Live" is not the lot of that name."""
    return page.get_by_role("banner").get_by_role("status")


def bell(page: Page, *, unread: int = 0) -> Locator:
    """The way to the inbox, when it says that so many notices are unread."""
    return page.get_by_role("link", name=f"Inbox, {unread} unread" if unread else "Inbox", exact=True)


def toasts(page: Page) -> Locator:
    return page.locator("[data-sonner-toast]")


async def toasts_shown(page: Page) -> list[dict]:
    """Every toast that this page has shown, in order, whether it is still there or not."""
    return await page.evaluate("toastsShown")


async def seconds_shown(page: Page, words: str) -> float:
    """How long the first toast with these words was shown; waits until it is gone."""
    toast = await page.wait_for_function(
        """(words) => {
          const toast = toastsShown.find((toast) => toast.words.startsWith(words));
          return toast?.leftAt ? toast : null;
        }""",
        arg=words,
    )
    shown = await toast.json_value()
    return (shown["leftAt"] - shown["shownAt"]) / 1000


async def tell(box: Box, person: int | str, words: str, *, level: str = "info") -> None:
    """A notice of an operator's own words, to this person by id or name."""
    if isinstance(person, str):
        ((person,),) = box.rows("SELECT id FROM parking_user WHERE username = %s", person)
    await ask_worker(box, "tests.say", user_id=person, level=level, message=words)


async def ask_worker(box: Box, task: str, **facts: object) -> None:
    """Have the box's worker carry out a task."""
    await asyncio.to_thread(send, box, task, facts)


def send(box: Box, task: str, facts: dict[str, object]) -> None:
    with Celery(broker=box.valkey.url, set_as_current=False) as app:
        app.send_task(task, kwargs=facts, queue="default")


async def open_lot(owner: Person, name: str, *, slots: int = 1) -> tuple[int, dict[int, int]]:
    """A lot and its slots, as an owner adds them: its id, and each slot's by its number."""
    lot = await owner.client.post("/api/lots/", json={"name": name, "address": "1 High Street"})
    assert lot.status_code == 201, lot.text
    wanted = [{"number": number, "hourly_rate": "60.00"} for number in range(1, slots + 1)]
    added = await owner.client.post(f"/api/lots/{lot.json()['id']}/slots/", json={"slots": wanted})
    assert added.status_code == 201, added.text
    return lot.json()["id"], {slot["number"]: slot["id"] for slot in added.json()}


def time_passes(box: Box, booking: int, *, seconds: float) -> None:
    """Move a booking and its timers into the past: a database's clock cannot be set, but rows can."""
    box.rows(
        "UPDATE parking_booking SET starts_at = starts_at - make_interval(secs => %s),"
        " ends_at = ends_at - make_interval(secs => %s) WHERE id = %s",
        seconds,
        seconds,
        booking,
    )
    box.rows(
        "UPDATE parking_timer SET due_at = due_at - make_interval(secs => %s) WHERE booking_id = %s",
        seconds,
        booking,
    )
    send(box, "tests.moved", {"booking_id": booking})
