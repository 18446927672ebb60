"""Forty hostile strings in every text field of the web client: wherever they are drawn, they are text."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Dialog, Locator, Page, expect

from tests.browser.client import DESKTOP, PASSWORD, lend_session, one_more, someone, toasts
from tests.browser.furnished import CARD, NARROW, send, visit, widths_too_much
from tests.live.box import Box, Person

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(240), pytest.mark.usefixtures("built")]

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "'><iframe src=javascript:alert(4)>",
    "<x-hostile>bold</x-hostile>",
    "</title><script>alert(5)</script>",
    "</textarea><script>alert(6)</script>",
    "<!-- a comment",
    "<a href=javascript:alert(7)>here</a>",
    "javascript:alert(8)",
    "data:text/html,<script>alert(9)</script>",
    '" onmouseover=alert(10) x="',
    "' onfocus=alert(11) autofocus '",
    "{{7*7}}",
    "${7*7}",
    "<%= 7*7 %>",
    "{% debug %}",
    "{reason}",
    "%s%s%n%x",
    "#{7*7}",
    "'; DROP TABLE parking_lot; --",
    "1 OR 1=1",
    "Robert'); DELETE FROM users;--",
    "&lt;b&gt;entities&amp;&#39;&#x27;",
    "\u202edesrever si siht\u202c",
    "zero\u200bwidth\u200djoined\ufeff",
    "Z\u0351\u036b\u0343\u0363\u0302a\u0327\u031b\u0316lgo" + "\u0301" * 20,
    "👩‍👩‍👧‍👦🅿️🚗🏳️‍🌈",
    "漢字とひらがな",
    "مرحبا بالعالم",
    "ＦＵＬＬＷＩＤＴＨ",  # noqa: RUF001
    "i̇ıßſK",  # noqa: RUF001
    "W" * 50,
    "long-but-hyphenated-" * 2 + "word",
    "null",
    "undefined",
    "[object Object]",
    "NaN",
    "\\u003cscript\\u003e",
    "../../etc/passwd?x=1#y",
)

# Nothing of this is on a page of ours, the client's or the operators'.
MADE = (
    "x-hostile, iframe, img[src=x], object, embed, script:not([src]), a[href^=javascript],"
    " [onerror], [onload], [onmouseover], [onfocus]"
)


@asynccontextmanager
async def watched(browser: Browser, site: Box, person: Person, **options: Any) -> AsyncIterator[Page]:
    """Somebody's browser on a narrow phone, in which a dialog fails the test."""
    async with someone(browser, site, viewport=NARROW, **options) as context:
        await lend_session(person, context)
        async with no_dialogs(context) as page:
            yield page


@asynccontextmanager
async def no_dialogs(context: BrowserContext) -> AsyncIterator[Page]:
    said: list[str] = []

    async def dismiss(dialog: Dialog) -> None:
        said.append(dialog.message)
        await dialog.dismiss()

    page = await context.new_page()
    page.on("dialog", dismiss)
    yield page
    assert said == []


async def drawn_as_text(page: Page, words: Iterable[str]) -> None:
    """All of these words stand on the page, nothing was made of them, and the page is no wider for it."""
    for one in words:
        await expect(page.locator("body")).to_contain_text(one)
    assert await page.locator(MADE).count() == 0
    assert await widths_too_much(page) == 0, page.url


async def names_given(person: Person, path: str, words: Iterable[str], **rest: Any) -> list[dict[str, Any]]:
    """One of these for each of the words as its name."""
    return [await send(person, path, name=one, **rest) for one in words]


async def test_there_are_forty():
    assert len(HOSTILE) == len(set(HOSTILE)) == 40


@pytest.mark.slow
async def test_names_of_lots_washes_and_employees_are_text_on_every_page(site, browser):
    async with (
        Person.register(site, one_more("omar"), role="owner") as omar,
        Person.register(site, one_more("dina")) as dina,
    ):
        lots = [await send(omar, "lots/", name=one, address=f"At {one}") for one in HOSTILE]
        washes = await names_given(omar, f"lots/{lots[0]['id']}/carwash-types/", HOSTILE, price="5.00")
        employees = await names_given(omar, "employees/", HOSTILE)
        bookings = [await book_at(omar, dina, lot["id"]) for lot in lots]
        for wash, employee in zip(washes, employees, strict=True):
            made = await send(dina, "carwashes/", wash_type=wash["id"], booking=bookings[0], **CARD)
            await send(omar, f"carwashes/{made['id']}/assign/", employee=employee["id"])

        async with watched(browser, site, dina) as page:
            await visit(page, "/lots")
            await drawn_as_text(page, [words for one in HOSTILE for words in (one, f"At {one}")])
            await visit(page, "/bookings")
            await drawn_as_text(page, HOSTILE)
            await visit(page, f"/bookings/{bookings[0]}")
            await drawn_as_text(page, HOSTILE)
            await visit(page, f"/bookings/{bookings[0]}/receipt")
            await drawn_as_text(page, HOSTILE)
            for lot in (lots[0], lots[32]):
                await visit(page, f"/lots/{lot['id']}")
                await drawn_as_text(page, [lot["name"], lot["address"]])
                await expect(page).to_have_title(f"{lot['name']} · ParkMate")

        async with watched(browser, site, omar) as page:
            for room in ("", "/bookings", "/washes", "/people"):
                await visit(page, f"/desk{room}")
                await drawn_as_text(page, HOSTILE)
            await visit(page, "/desk/lots")
            await page.get_by_text("Car washes offered (40)").click()
            await drawn_as_text(page, HOSTILE)


async def book_at(owner: Person, driver: Person, lot: int) -> int:
    """The id of the driver's booking of a lot's new slot."""
    (slot,) = await send(owner, f"lots/{lot}/slots/", slots=[{"number": 1, "hourly_rate": "60.00"}])
    ends_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    wish = {"slot": slot["id"], "vehicle_number": "KA01AB1234", "ends_at": ends_at, **CARD}
    return int((await send(driver, "bookings/", **wish))["id"])


async def test_notices_with_hostile_words_are_text_in_toasts_and_in_the_inbox(site, browser):
    async with (
        Person.register(site, one_more("omar"), role="owner") as omar,
        watched(browser, site, omar) as page,
    ):
        lot = (await send(omar, "lots/", name="Quay", address="1"))["id"]
        employees = await names_given(omar, "employees/", HOSTILE)
        await visit(page, "/desk")
        for one in employees[:4]:
            await send(omar, "employee-assignments/", employee=one["id"], lot=lot)
        await expect(toasts(page)).to_have_count(4)
        await drawn_as_text(page, HOSTILE[:4])
        for one in employees[4:]:
            await send(omar, "employee-assignments/", employee=one["id"], lot=lot)
        await visit(page, "/inbox")
        await drawn_as_text(page, HOSTILE)


@pytest.mark.slow
async def test_the_operators_pages_show_hostile_names_as_text(site, browser):
    async with (
        Person.register(site, one_more("omar"), role="owner") as omar,
        Person.register(site, one_more("ada")) as ada,
    ):
        site.rows("UPDATE parking_user SET is_staff = true, is_superuser = true WHERE id = %s", ada.id)
        lots = [await send(omar, "lots/", name=one, address=f"At {one}") for one in HOSTILE]
        employees = await names_given(omar, "employees/", HOSTILE)
        for one in employees:
            await send(omar, "employee-assignments/", employee=one["id"], lot=lots[0]["id"])
        async with watched(browser, site, ada) as page:
            await page.set_viewport_size(DESKTOP)
            for rows in ("lot", "employee", "employeeassignment", "notification"):
                await page.goto(f"/admin/parking/{rows}/")
                await drawn_as_text(page, HOSTILE)
            await page.goto(f"/admin/parking/lot/{lots[6]['id']}/change/")
            await expect(page.locator("#id_name")).to_have_value(HOSTILE[6])
            await drawn_as_text(page, [])
            # The client's desk, as staff see it.
            await visit(page, "/desk")
            await drawn_as_text(page, HOSTILE)


WORDS = HOSTILE[2]


@pytest.mark.slow
async def test_an_owners_forms_keep_hostile_words_as_text_and_refuse_them_where_a_number_belongs(
    site, browser
):
    """Each form through the browser's own fields; all forty go to the same API above."""
    async with Person.register(site, one_more("omar"), role="owner") as omar:
        await send(omar, "lots/", name="Quay", address="1")
        await send(omar, "lots/", name="Pier", address="2")
        async with watched(browser, site, omar, forgiven="400") as page:
            await visit(page, "/desk/lots")
            new = page.locator("form").filter(has=page.get_by_role("button", name="Add the lot"))
            everything = {"Name": WORDS, "Address": WORDS, "Latitude": WORDS, "Longitude": WORDS}
            await refused(page, new, everything, "Add the lot")
            await added(new, {"Latitude": "", "Longitude": ""}, "Add the lot", empty="Name")
            await drawn_as_text(page, [WORDS])
            await opened(page, "Edit Quay")
            await saved(page.get_by_role("group", name="Edit Quay"), {"Name": f"Quay {WORDS}"}, "Save")
            await drawn_as_text(page, [f"Quay {WORDS}"])

            slots = await opened(page, "Add slots to Pier")
            await refused(page, slots, {"Rate an hour": WORDS}, "Add them")
            await saved(slots, {"Rate an hour": "60.00"}, "Add them")
            await page.get_by_text("Slots (10)").click()
            await refused(page, await opened(page, "Edit slot 1"), {"Rate an hour": WORDS}, "Save")
            whole = await opened(page, "Change the rate of all slots of Pier")
            await refused(page, whole, {"Rate an hour": WORDS}, "Change all")

            await page.get_by_text("Car washes offered").nth(1).click()
            offer = page.locator("form").filter(has=page.get_by_role("button", name="Offer it"))
            await refused(page, offer, {"Kind of wash": WORDS, "Price": WORDS}, "Offer it")
            await added(offer, {"Price": "5.00"}, "Offer it", empty="Kind of wash")
            edit = await opened(page.locator("li"), f"Edit {WORDS}")
            await refused(page, edit, {"Price": WORDS}, "Save")
            await saved(edit, {"Kind of wash": f"Also {WORDS}", "Price": "6.00"}, "Save")
            await drawn_as_text(page, [f"Also {WORDS}"])

            await visit(page, "/desk/people")
            hire = page.locator("form").filter(has=page.get_by_role("button", name="Add", exact=True))
            await added(hire, {"Name": WORDS}, "Add", empty="Name")
            rename = await opened(page, f"Rename {WORDS}")
            await saved(rename, {"New name": f"Also {WORDS}"}, "Save")
            await drawn_as_text(page, [f"Also {WORDS}"])


@pytest.mark.slow
async def test_a_drivers_forms_refuse_hostile_words_in_the_servers_words(site, browser):
    async with (
        Person.register(site, one_more("omar"), role="owner") as omar,
        Person.register(site, one_more("dina")) as dina,
    ):
        lot = (await send(omar, "lots/", name=one_more("Quay"), address="1"))["id"]
        await send(omar, f"lots/{lot}/slots/", slots=[{"number": 1, "hourly_rate": "60.00"}])
        async with watched(browser, site, dina, forgiven="400") as page:
            await visit(page, "/lots")
            nowhere = one_more(f"{WORDS} nowhere")
            for words in (*HOSTILE, nowhere):
                await page.get_by_role("searchbox").fill(words)
            await page.reload()
            await expect(page.get_by_role("searchbox")).to_have_value(nowhere)
            await expect(page.get_by_text("No lot has these words")).to_be_visible()
            await drawn_as_text(page, [])

            await visit(page, f"/lots/{lot}")
            await page.get_by_role("button", name="Slot 1,").click()
            form = page.locator("form")
            for words in ("<img src=x>", "{{7*7}}", "null;"):
                await refused(page, form, {"Vehicle number": words}, "Book and pay")
        for words in HOSTILE:
            wish = {"slot": 1, "vehicle_number": words, "ends_at": "2100-01-01T00:00:00Z", **CARD}
            assert (await dina.client.post("/api/bookings/", json=wish)).status_code == 400


async def test_nobody_signs_in_with_hostile_words(site, browser):
    async with someone(browser, site, viewport=NARROW, forgiven="40") as context, no_dialogs(context) as page:
        await page.goto("/register")
        form = page.locator("form")
        await refused(page, form, {"Name": WORDS, "Password": WORDS}, "Make the account")
        await page.goto("/sign-in")
        await form.get_by_label("Name").fill(WORDS)
        await form.get_by_label("Password").fill(WORDS)
        await form.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_text("The name or the password is wrong.")).to_be_visible()
        await drawn_as_text(page, [])


@pytest.mark.slow
async def test_names_that_are_refused_are_said_and_names_that_are_not_are_text(site, browser):
    async with someone(browser, site, viewport=NARROW) as context, no_dialogs(context) as page:
        taken = [person for words in HOSTILE if (person := await registered(site, words))]
        assert 0 < len(taken) < len(HOSTILE)
        for person, name in taken:
            await lend_session(person, context)
            await page.goto("/preferences")
            await expect(page.get_by_role("button", name=f"Sign out {name}")).to_be_visible()
            await drawn_as_text(page, [])


async def registered(site: Box, words: str) -> tuple[Person, str] | None:
    """Somebody of that name, if the server takes it for one, and the name as it was taken."""
    async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
        client.headers["X-CSRFToken"] = (await client.get("/api/auth/me/")).json()["csrf_token"]
        body = {"username": words, "password": PASSWORD, "role": "driver"}
        answer = await client.post("/api/auth/register/", json=body)
        if answer.status_code != 201:
            assert (answer.status_code, list(answer.json()["fields"])) == (400, ["username"])
            return None
        user = answer.json()["user"]
        return Person(site, client, user["id"]), user["username"]


async def filled(form: Locator, fields: dict[str, str], button: str) -> None:
    for label, words in fields.items():
        # A label may have its unit after it.
        await form.get_by_label(label).fill(words)
    await form.get_by_role("button", name=button).click()


async def refused(page: Page, form: Locator, fields: dict[str, str], button: str) -> None:
    """The server says why not, as text, and what was typed stands there still."""
    await filled(form, fields, button)
    await expect(form.get_by_role("alert")).to_be_visible()
    for label, words in fields.items():
        await expect(form.get_by_label(label)).to_have_value(words)
    await drawn_as_text(page, [])


async def saved(form: Locator, fields: dict[str, str], button: str) -> None:
    """It was kept, and the form has closed."""
    await filled(form, fields, button)
    await expect(form).to_have_count(0)


async def added(form: Locator, fields: dict[str, str], button: str, *, empty: str) -> None:
    """It was kept, and the form is ready for another one."""
    await filled(form, fields, button)
    await expect(form.get_by_label(empty)).to_have_value("")


async def opened(at: Page | Locator, name: str) -> Locator:
    """The form behind the button of this name."""
    await at.get_by_role("button", name=name, exact=True).click()
    return at.get_by_role("group", name=name, exact=True)
