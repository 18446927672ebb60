"""The main job, with real processes: a booking of some seconds is warned, expires and closes on time."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from functools import partial

import pytest

from tests.live.box import LEAD, Person, until
from tests.live.conftest import administer

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

# The bound that the promise gives for any single fault; how late it usually is, `bench/` measures.
BOUND = 2.0
SECONDS = LEAD + 2.5
# Long enough for a slow machine to book before it is over.
SHORT = 3.0


@asynccontextmanager
async def cast(box):
    """A driver, an owner, and the owner's slot."""
    async with Person.register(box, "driver") as driver, Person.register(box, "owner", role="owner") as owner:
        yield driver, owner, box.add_slot(owner=owner.id)


async def live_through(box, *, before_warning=None):
    """Book, watch it warn, expire and close on every open socket, and book the slot again at once."""
    async with (
        cast(box) as (driver, owner, slot),
        driver.socket() as desk,
        owner.socket(str(owner.id)) as office,
    ):
        async with driver.socket() as phone:
            assert phone.hello["seq"] == 0
        answer = await driver.book(slot, seconds=SECONDS)
        assert answer.status_code == 201, answer.text
        booking = answer.json()["id"]
        if before_warning:
            before_warning()
        new = await office.next()
        assert (new["seq"], new["event"], new["booking"]["id"]) == (1, "NEW_BOOKING", booking)

        warning = await desk.next()
        assert (warning["seq"], warning["event"], warning["type"]) == (1, "BOOKING_WARNING", "warning")
        async with driver.socket() as phone:
            assert phone.hello["seq"] == 1
            # No device has acknowledged the warning, so this one gets it as well.
            missed = await phone.next()
            assert (missed["seq"], missed["replayed"]) == (1, True)
            for device in (desk, phone):
                expired = await device.next()
                assert (expired["seq"], expired["event"]) == (2, "BOOKING_EXPIRED")
            again = await driver.book(slot, seconds=3600)
            assert again.status_code == 201, again.text
            for device in (desk, phone):
                closed = await device.next()
                assert (closed["seq"], closed["event"]) == (3, "SLOT_AUTO_EXPIRED")
        assert (await office.next())["seq"] == 2
    judge(box, booking)


def judge(box, booking):
    """Every timer fired once, not early, and not late by more than the bound; the rows say so."""
    timers = box.timers(booking)
    assert {kind: state for kind, (state, _) in timers.items()} == dict.fromkeys(
        ("WARNING", "EXPIRY", "AUTO_EXPIRY"), "fired"
    )
    late = {kind: seconds for kind, (_, seconds) in timers.items()}
    assert min(late.values()) >= 0
    assert max(late.values()) <= BOUND, late
    ((status,),) = box.rows("SELECT status FROM parking_booking WHERE id = %s", booking)
    assert status == "COMPLETED"


async def test_a_booking_is_warned_expires_and_closes_on_every_open_socket(box):
    live = box("web", "worker", "beat", "sweeper")
    await live_through(live)
    for name in ("web", "worker", "beat", "sweeper"):
        assert "Traceback" not in live.log(name)


async def test_with_the_worker_killed_before_the_warning_nothing_is_lost_or_doubled(box):
    live = box("web", "worker", "beat", "sweeper")
    await live_through(live, before_warning=lambda: live.kill("worker"))


@pytest.mark.slow
async def test_without_beat_nothing_is_lost_or_doubled(box):
    await live_through(box("web", "worker", "sweeper"))


@pytest.mark.slow
async def test_without_the_sweeper_the_alarms_alone_are_on_time(box):
    await live_through(box("web", "worker", "beat"))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(signal.SIGKILL, id="stopped", marks=pytest.mark.slow),
        pytest.param(signal.SIGSTOP, id="frozen"),
    ],
)
async def test_without_valkey_a_booking_answers_201_and_expires_on_time(box, fault):
    live = box("web", "worker", "beat", "sweeper")
    async with cast(live) as (driver, _, slot):
        os.kill(live.valkey.pid, fault)
        answer = await driver.book(slot, seconds=SECONDS)
    assert answer.status_code == 201, answer.text
    booking = answer.json()["id"]
    closed = "SELECT 1 FROM parking_booking WHERE id = %s AND status = 'COMPLETED'"
    await asyncio.to_thread(until, lambda: live.rows(closed, booking))
    judge(live, booking)
    told = "SELECT count(*), max(seq) FROM parking_notification WHERE recipient_id = %s"
    # The numbers follow the commit.
    await asyncio.to_thread(until, lambda: live.rows(told, driver.id) == [(3, 3)])


@asynccontextmanager
async def database_away(box):
    """Nobody gets to the box's database, and who was there is thrown out."""
    administer(f"ALTER DATABASE {box.database_name} ALLOW_CONNECTIONS false")
    administer(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{box.database_name}'"
    )
    try:
        yield
    finally:
        administer(f"ALTER DATABASE {box.database_name} ALLOW_CONNECTIONS true")


@pytest.mark.slow
async def test_the_sweeper_survives_a_database_that_goes_away_and_comes_back(box):
    live = box("web", "sweeper")
    async with cast(live) as (driver, _, slot):
        booking = (await driver.book(slot, seconds=SHORT)).json()["id"]
    async with database_away(live):
        await asyncio.to_thread(until, lambda: "The database is away" in live.log("sweeper"))
    fired = "SELECT 1 FROM parking_timer WHERE booking_id = %s AND kind = 'EXPIRY' AND state = 'fired'"
    await asyncio.to_thread(until, lambda: live.rows(fired, booking))
    await asyncio.to_thread(until, lambda: "The database is back" in live.log("sweeper"))


async def test_without_the_database_requests_answer_503_and_are_served_again_when_it_is_back(box):
    live = box("web")
    async with cast(live) as (driver, _, slot):
        async with database_away(live):
            lots, booked, ready = await asyncio.gather(
                driver.client.get("/api/lots/"),
                driver.book(slot, seconds=60),
                driver.client.get("/api/health/ready/"),
            )
            for answer in (lots, booked, ready):
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
                assert answer.headers["Retry-After"]
            assert (await driver.client.get("/api/health/live/")).status_code == 200
        assert (await driver.book(slot, seconds=60)).status_code == 201


@pytest.mark.slow
async def test_a_worker_whose_connection_broke_rings_the_next_alarm_on_a_new_one(box):
    live = box("web", "worker")
    async with cast(live) as (driver, _, slot):
        for _ in range(2):
            booking = (await driver.book(slot, seconds=SHORT)).json()["id"]
            closed = "SELECT 1 FROM parking_booking WHERE id = %s AND status = 'COMPLETED'"
            await asyncio.to_thread(until, partial(live.rows, closed, booking))
            async with database_away(live):
                pass


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(signal.SIGKILL, id="killed"),
        pytest.param(signal.SIGTERM, id="stopped", marks=pytest.mark.slow),
    ],
)
async def test_a_valkey_that_is_restarted_empty_ends_no_process_and_alarms_ring_again(box, fault):
    live = box("web", "worker", "beat")
    async with cast(live) as (driver, _, slot):
        for _ in range(2):
            live.restart_valkey(fault)
        assert all(process.poll() is None for process in live.processes.values())
        booking = (await driver.book(slot, seconds=SHORT)).json()["id"]
        closed = "SELECT 1 FROM parking_booking WHERE id = %s AND status = 'COMPLETED'"
        await asyncio.to_thread(until, partial(live.rows, closed, booking))


async def test_without_valkey_a_socket_opens_all_the_same(box):
    live = box("web")
    async with cast(live) as (driver, _, _):
        os.kill(live.valkey.pid, signal.SIGKILL)
        async with driver.socket() as opened:
            assert opened.hello["connected"]
    assert "Traceback" not in live.log("web")
