"""Fifty requests for one slot and time over real HTTP: one is served; without the guards, more would be."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from tests.live.box import PROCFILE, Person

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]


async def fifty_at_once(box, *, name):
    """Who got the slot: how often each status was answered, and how many bookings overlap."""
    async with AsyncExitStack() as stack:
        people = [Person.register(box, f"{name}{n}") for n in range(5)]
        drivers = [await stack.enter_async_context(person) for person in people]
        owner = await stack.enter_async_context(Person.register(box, f"{name}owner", role="owner"))
        slot = box.add_slot(owner=owner.id)
        answers = await asyncio.gather(*(drivers[n % 5].book(slot, seconds=3600) for n in range(50)))
    ((held,),) = box.rows("SELECT count(*) FROM parking_booking WHERE slot_id = %s", slot)
    return Counter(answer.status_code for answer in answers), held


async def test_fifty_requests_at_once_make_one_booking_and_forty_nine_refusals(box):
    statuses, held = await fifty_at_once(box("web"), name="driver")
    assert statuses == {201: 1, 409: 49}
    assert held == 1


async def test_without_the_lock_the_constraint_alone_keeps_the_slot_held_once(box):
    unguarded = box()
    unguarded.start("web", command=PROCFILE["web"].replace("parkmate.asgi", "tests.live.unguarded"))
    statuses, held = await fifty_at_once(unguarded, name="driver")
    assert statuses == {201: 1, 409: 49}
    assert held == 1


@pytest.mark.slow
async def test_without_the_lock_and_the_constraint_the_same_test_finds_an_overlap(box):
    unguarded = box()
    unguarded.rows("ALTER TABLE parking_booking DROP CONSTRAINT booking_slot_held_once")
    unguarded.start("web", command=PROCFILE["web"].replace("parkmate.asgi", "tests.live.unguarded"))
    overlaps = [(await fifty_at_once(unguarded, name=f"round{n}"))[1] for n in range(3)]
    assert max(overlaps) > 1
