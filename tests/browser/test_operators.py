"""An operator's day, in a real browser before real processes: what is clicked reaches the driver."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from tests.live.box import LEAD, ROOT, Box, Person, until

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

PASSWORD = "a long enough passphrase"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}


def hire_operator(box: Box) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "createsuperuser", "--noinput", "--username=ada", "--email="],
        cwd=ROOT,
        env={**box.environment, "DJANGO_SUPERUSER_PASSWORD": PASSWORD},
        check=True,
        capture_output=True,
    )


@asynccontextmanager
async def signed_in(browser: Browser, box: Box, photograph) -> AsyncIterator[Page]:
    """Ada at her desk; a page that fails to load its parts, or whose script fails, fails the test."""
    await asyncio.to_thread(hire_operator, box)
    page = await browser.new_page(viewport=DESK, base_url=box.url)
    page.set_default_timeout(15_000)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on(
        "response",
        lambda answer: broken.append(f"{answer.status} {answer.url}") if not fine(answer) else None,
    )
    await page.goto("/admin/")
    await photograph(page, "login")
    await page.get_by_label("Username:").fill("ada")
    await page.get_by_label("Password:").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("link", name="Is the clock healthy?")).to_be_visible()
    await photograph(page, "index")
    yield page
    assert broken == []


def fine(answer) -> bool:
    return answer.status < 400 or answer.url.endswith("/favicon.ico")


@asynccontextmanager
async def people(box: Box):
    """A driver with an open socket, and a slot."""
    async with Person.register(box, "driver") as driver, Person.register(box, "owner", role="owner") as owner:
        slot = box.add_slot(owner=owner.id)
        async with driver.socket() as socket:
            yield driver, socket, slot


async def booked(driver: Person, slot: int, **wish) -> int:
    answer = await driver.book(slot, **{"seconds": 3600, **wish})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def choose(page: Page, action: str, *, row: int) -> None:
    """Tick a row of the list, and choose an action for it."""
    await page.get_by_role("row").locator(f'input[name="_selected_action"][value="{row}"]').check()
    await page.get_by_label("Action:").select_option(action)
    await page.get_by_role("button", name="Go").click()


@pytest.mark.slow
async def test_what_an_operator_does_reaches_the_drivers_open_socket(box, browser, photograph):
    live = box("web", "worker", "beat", "sweeper")
    async with signed_in(browser, live, photograph) as page, people(live) as (driver, socket, slot):
        booking = await booked(driver, slot)
        await page.get_by_role("link", name="Bookings", exact=True).click()
        await photograph(page, "bookings")
        await choose(page, "decline", row=booking)
        await expect(page.get_by_text("This cannot be undone.")).to_be_visible()
        await photograph(page, "declining, asked")
        await page.get_by_role("button", name="Yes, I’m sure").click()  # noqa: RUF001 - Django's own words
        await expect(page.get_by_text(f"Declined 1 of 1: booking {booking}.")).to_be_visible()
        await photograph(page, "declined")
        assert (await socket.next())["event"] == "BOOKING_DECLINED"

        booking = await booked(driver, slot, payment_method="cash", payment_token="")
        await page.goto("/admin/parking/payment/?todo=verify")
        ((payment,),) = live.rows("SELECT id FROM parking_payment WHERE booking_id = %s", booking)
        await choose(page, "verify", row=payment)
        await page.get_by_role("button", name="Yes, I’m sure").click()  # noqa: RUF001
        await expect(page.get_by_text(f"Verified 1 of 1: payment {payment}.")).to_be_visible()
        await photograph(page, "verified")
        assert (await socket.next())["event"] == "CASH_VERIFIED"

        await page.goto(f"/admin/parking/booking/{booking}/change/")
        await expect(page.get_by_text("CASH_VERIFIED to", exact=False)).to_be_visible()
        await photograph(page, "booking")
        for name in ("payment", "notification"):
            await page.goto(f"/admin/parking/{name}/")
            await photograph(page, f"{name}s")
        await page.goto(f"/admin/parking/booking/{booking}/change/")
        await page.set_viewport_size(PHONE)
        await photograph(page, "booking on a phone")


@pytest.mark.slow
async def test_an_operator_sees_how_the_clock_is_and_tries_a_parked_timer_again(box, browser, photograph):
    live = box("web", "worker", "beat", "sweeper")
    async with signed_in(browser, live, photograph) as page, people(live) as (driver, socket, slot):
        await page.get_by_role("link", name="Is the clock healthy?").click()
        await expect(page.get_by_text("Idle.")).to_be_visible()
        await photograph(page, "clock, idle")

        await booked(driver, slot, seconds=LEAD + 1)
        assert [(await socket.next())["event"] for _ in range(3)] == [
            "BOOKING_WARNING",
            "BOOKING_EXPIRED",
            "SLOT_AUTO_EXPIRED",
        ]
        await page.reload()
        await expect(page.get_by_text("Healthy.")).to_be_visible()
        booking = await booked(driver, slot)
        await page.reload()
        await photograph(page, "clock, healthy")
        live.rows(
            "UPDATE parking_timer SET state = 'parked', due_at = now(), attempts = 3,"
            ' last_error = \'OperationalError: could not extend file "base/16384/16402":'
            " No space left on device' WHERE booking_id = %s AND kind = 'WARNING'",
            booking,
        )
        await page.reload()
        await expect(page.get_by_text("1 timer is parked")).to_be_visible()
        await photograph(page, "clock, parked")
        await page.set_viewport_size(PHONE)
        await photograph(page, "clock, parked, on a phone")
        await page.get_by_role("button", name="again").click()
        await expect(page.get_by_text("Armed again 1 of 1: timer")).to_be_visible()
        assert (await socket.next())["event"] == "BOOKING_WARNING"
        await page.goto("/admin/parking/timer/")
        await expect(page.get_by_text("Healthy.")).to_be_visible()


@pytest.mark.slow
async def test_a_changed_schedule_is_still_changed_after_everything_was_restarted(box, browser, photograph):
    live = box("web", "worker", "beat", "sweeper")
    read = "The schedule is read"
    until(lambda: read in live.log("beat"))
    period = (
        "SELECT every, period FROM django_celery_beat_periodictask task"
        " JOIN django_celery_beat_intervalschedule i ON i.id = task.interval_id"
        " WHERE task.name = 'tasks.timers.set_alarms'"
    )
    async with signed_in(browser, live, photograph) as page:
        live.rows("INSERT INTO django_celery_beat_intervalschedule (every, period) VALUES (7, 'seconds')")
        await page.get_by_role("link", name="Periodic tasks", exact=True).click()
        await page.locator("#result_list").get_by_role("link", name="tasks.timers.set_alarms").click()
        await page.locator("#id_interval").select_option(label="every 7 seconds")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_text("was changed successfully")).to_be_visible()
        await photograph(page, "schedule changed")
        until(lambda: live.rows(period) == [(7, "seconds")])

        await asyncio.to_thread(live.restart)
        await asyncio.to_thread(until, lambda: live.log("beat").count(read) == 2)
        # A beat that stops writes what it holds: so this asks what it would have overwritten.
        await asyncio.to_thread(live.restart)
        await asyncio.to_thread(until, lambda: live.log("beat").count(read) == 3)
        assert live.rows(period) == [(7, "seconds")]
        await page.locator("#result_list").get_by_role("link", name="tasks.timers.set_alarms").click()
        await expect(page.locator("#id_interval option:checked")).to_have_text("every 7 seconds")
    for name in ("web", "worker", "beat", "sweeper"):
        assert "Traceback" not in live.log(name)
    assert "warning" not in live.log("web").lower()


@pytest.mark.slow
async def test_an_announcement_that_an_operator_schedules_reaches_every_open_socket_once(
    box, browser, photograph
):
    live = box("web", "worker", "beat", "sweeper")
    until(lambda: "The schedule is read" in live.log("beat"))
    async with (
        signed_in(browser, live, photograph) as page,
        people(live) as (driver, desk, slot),
        driver.socket() as phone,
    ):
        at = datetime.now(UTC) + timedelta(seconds=15)
        await page.goto("/admin/django_celery_beat/clockedschedule/add/")
        await page.locator("#id_clocked_time_0").fill(f"{at:%Y-%m-%d}")
        await page.locator("#id_clocked_time_1").fill(f"{at:%H:%M:%S}")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_text("was added successfully")).to_be_visible()

        await page.goto("/admin/django_celery_beat/periodictask/add/")
        await page.locator("#id_name").fill("Closing early")
        await page.locator("#id_regtask").select_option("tasks.operations.announce")
        await page.locator("#id_clocked").select_option(index=1)
        await page.locator("#id_one_off").check()
        await page.locator("#id_kwargs").fill('{"level": "warning", "words": "We close at six", "to": "al"}')
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_text("Must be one of all, owners, drivers_of_lot.")).to_be_visible()
        await photograph(page, "announcement, refused")
        await page.locator("#id_kwargs").fill('{"level": "warning", "words": "We close at six", "to": "all"}')
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_text("was added successfully")).to_be_visible()
        await photograph(page, "announcement, scheduled")

        said = [await socket.next() for socket in (desk, phone)]
        assert [(frame["type"], frame["message"]) for frame in said] == [("warning", "We close at six")] * 2
        # Once: what comes next is something else.
        booking = await booked(driver, slot)
        await page.goto("/admin/parking/booking/")
        await choose(page, "decline", row=booking)
        await page.get_by_role("button", name="Yes, I’m sure").click()  # noqa: RUF001
        assert [(await socket.next())["event"] for socket in (desk, phone)] == ["BOOKING_DECLINED"] * 2
