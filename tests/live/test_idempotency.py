"""A hundred retries at once, and a web process that dies at the worst moment: the work is done once."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.live.box import PROCFILE, Person

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]


@asynccontextmanager
async def driver_and_wish(box):
    """A driver, and a booking to wish for."""
    async with Person.register(box, "driver") as driver, Person.register(box, "owner", role="owner") as owner:
        ends_at = datetime.now(UTC) + timedelta(hours=1)
        yield (
            driver,
            {
                "slot": box.add_slot(owner=owner.id),
                "vehicle_number": "KA01AB1234",
                "ends_at": ends_at.isoformat(),
                "payment_method": "card",
                "payment_token": "tok_visa",
            },
        )


async def send(driver, wish):
    return await driver.client.post("/api/bookings/", json=wish, headers={"Idempotency-Key": "one"})


def stored(box):
    """How many bookings, payments and answers there are."""
    ((counts),) = box.rows(
        "SELECT (SELECT count(*) FROM parking_booking), (SELECT count(*) FROM parking_payment),"
        " (SELECT count(*) FROM parking_storedanswer)"
    )
    return counts


async def test_a_hundred_requests_with_one_key_make_one_booking_and_one_payment(box):
    live = box("web")
    async with driver_and_wish(live) as (driver, wish):
        answers = await asyncio.gather(*(send(driver, wish) for _ in range(100)))
        last = await send(driver, wish)
    statuses = Counter((answer.status_code, answer.json().get("code")) for answer in answers)
    assert statuses.keys() <= {(201, None), (409, "in_flight")}, statuses
    made = [answer for answer in answers if answer.status_code == 201]
    assert {answer.text for answer in made} == {last.text}
    assert sum("Idempotent-Replayed" not in answer.headers for answer in made) == 1
    assert last.headers["Idempotent-Replayed"] == "true"
    assert stored(live) == (1, 1, 1)


@asynccontextmanager
async def after_a_death(box, when):
    """A driver whose booking was cut off by the death of the web process, and a new web process."""
    live = box()
    mortal = PROCFILE["web"].replace("uvicorn parkmate.asgi", f"env DIES={when} uvicorn tests.live.mortal")
    live.start("web", command=mortal)
    async with driver_and_wish(live) as (driver, wish):
        with pytest.raises(httpx.TransportError):
            await send(driver, wish)
        live.processes.pop("web").wait()
        left = stored(live)
        live.start("web")
        yield live, left, [await send(driver, wish) for _ in range(2)]


async def test_killed_after_the_commit_the_retry_is_answered_what_was_stored(box):
    async with after_a_death(box, "after") as (live, left, (retry, again)):
        assert left == (1, 1, 1)
        assert (retry.status_code, retry.headers["Idempotent-Replayed"]) == (201, "true")
        assert retry.text == again.text
        assert stored(live) == (1, 1, 1)


async def test_killed_before_the_commit_the_retry_does_the_work_once(box):
    async with after_a_death(box, "before") as (live, left, (retry, again)):
        assert left == (0, 0, 0)
        assert retry.status_code == 201
        assert "Idempotent-Replayed" not in retry.headers
        assert (again.text, again.headers["Idempotent-Replayed"]) == (retry.text, "true")
        assert stored(live) == (1, 1, 1)
