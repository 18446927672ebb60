"""Live pages: a socket that follows something is told when it has changed, and no other socket is."""

import asyncio
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async

from parking import timers
from parking.actions import due, inbox
from parking.changes import EVERYBODY, me
from parking.models import Booking, Slot
from parking.readiness import DATABASE_AWAY
from parking.sockets import open_sockets
from tests.sockets import say, socket


@pytest.fixture(autouse=True, params=["tests.lossy.LossyLayer", "parkmate.channel_layer.RedisLayer"])
def backend(request, settings):
    """Every test runs on both layers. What the lossy one loses, the versions tell."""
    config = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**config, "BACKEND": request.param}}
    settings.POSITION_CHECK_SECONDS = 0.2


pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("layer", "alarms")]


async def do(verb, *args, **fields):
    return await database_sync_to_async(verb)(*args, **fields)


def end(booking):
    """Let its time be over."""
    past = timers.now() - timedelta(seconds=1)
    Booking.objects.filter(pk=booking.pk).update(starts_at=past - timedelta(hours=1), ends_at=past)
    timers.keep(Booking.objects.get(pk=booking.pk))


async def follow(opened, *topics):
    await opened.say(type="follow", topics=list(topics))
    assert await opened.next() == {"type": "following", "topics": list(topics)}


async def told(opened):
    """The topics of the next frame, which tells of changes."""
    frame = await opened.next()
    assert frame["type"] == "changed"
    return set(frame["topics"])


async def told_of(opened, *topics):
    """Read until it was told of all of these."""
    missing = set(topics)
    while missing:
        missing -= await told(opened)


async def test_whoever_draws_a_lot_is_told_when_somebody_books_there_and_when_the_time_is_over(cast, book):
    number = f"lot:{cast.lot.pk}"
    async with socket(cast.eve) as watching:
        await follow(watching, number)
        booking = await do(book)
        await told_of(watching, number)
        await do(end, booking)
        await do(due.run_due)
        await told_of(watching, number)


async def test_a_socket_that_has_not_asked_gets_nothing_but_notices(cast, book):
    async with socket(cast.omar) as simple, socket(cast.omar) as page:
        await follow(page, "desk", "me", f"lot:{cast.lot.pk}")
        await do(book)
        while (await page.next())["type"] != "changed":
            pass
        (notice,) = await simple.frames(1)
        assert notice["event"] == "NEW_BOOKING"
        assert await simple.receive_nothing(timeout=0.5)


async def test_nobody_is_told_of_another_ones_desk_or_another_lot(cast, book):
    async with socket(cast.eve) as stranger:
        await follow(stranger, "desk", "me", f"lot:{cast.lot.pk + 1}")
        await do(book)
        assert await stranger.receive_nothing(timeout=0.7)


async def test_a_follow_replaces_the_one_before(cast, book):
    async with socket(cast.eve) as page:
        await follow(page, f"lot:{cast.lot.pk}")
        await follow(page)
        await do(book)
        assert await page.receive_nothing(timeout=0.7)


async def test_whoever_follows_more_misses_no_change_of_what_it_followed_before(cast):
    lot = f"lot:{cast.lot.pk}"
    async with socket(cast.eve) as page:
        await follow(page, lot)
        await do(Slot.objects.filter(lot=cast.lot).update, hourly_rate=9)
        await follow(page, lot, "me")
        assert await told(page) == {lot}

        followers = open_sockets().followers
        (channel,) = followers._topics
        followers.heard([lot])
        await followers.follow(channel, [lot])
        assert followers.untold(channel) == {lot}


async def test_reading_on_one_device_is_told_on_the_others(cast):
    await say(cast.dina)
    async with socket(cast.dina) as phone:
        await phone.next()
        await follow(phone, "me")
        await do(inbox.read_all, by=cast.dina)
        await told_of(phone, "me")


async def test_many_changes_are_one_word(cast, book):
    """A lot where thousands of bookings end together must not cost its watchers thousands of frames."""
    async with socket(cast.eve) as page:
        await follow(page, f"lot:{cast.lot.pk}")
        for number in range(30, 60):
            await do(Slot.objects.create, lot=cast.lot, number=number, hourly_rate=1)
        came = await page.settled()
        while not await page.receive_nothing(timeout=0.5):
            came.append(await page.next())
        assert 1 <= len(came) < 15


async def test_a_change_that_nobody_told_of_is_found(cast):
    async with socket(cast.eve) as page:
        await follow(page, f"lot:{cast.lot.pk}")
        await do(Slot.objects.filter(lot=cast.lot).update, hourly_rate=9)
        assert await told(page) == {f"lot:{cast.lot.pk}"}


async def test_a_booking_made_for_later_changes_the_picture_when_it_begins(cast, book):
    soon = await do(timers.now) + timedelta(seconds=1)
    booking = await do(book, starts_at=soon)
    async with socket(cast.eve) as page:
        await follow(page, f"lot:{cast.lot.pk}")
        assert await told(page) == {f"lot:{cast.lot.pk}"}
        assert await do(timers.now) >= booking.starts_at


async def test_a_process_whose_listening_failed_listens_again(cast, layer, settings, monkeypatch, caplog):
    settings.POSITION_CHECK_SECONDS = 600
    monkeypatch.setattr("parking.sockets.LISTEN_AGAIN", 0.01)
    listening = asyncio.Event()
    joins = []

    async def group_add(group, channel):
        if group == EVERYBODY:
            joins.append(channel)
            if len(joins) == 1:
                raise RuntimeError("The line broke")
        await join(group, channel)
        if len(joins) == 2:
            listening.set()

    join = layer.group_add
    monkeypatch.setattr(layer, "group_add", group_add)
    async with socket(cast.eve) as page:
        await asyncio.wait_for(listening.wait(), 10)
        await follow(page, "me")
        layer.send_here(joins[1], {"type": "changed", "topics": [me(cast.eve.pk)]})
        assert await told(page) == {"me"}
    assert "The line broke" in caplog.text


async def test_a_socket_that_left_is_forgotten(cast):
    async with socket(cast.dina):
        async with socket(cast.dina) as page:
            await follow(page, "me", f"lot:{cast.lot.pk}")
            followers = open_sockets().followers
            assert followers._followers
        for held in (followers._followers, followers._topics, followers._versions, followers._untold):
            assert not held


async def test_whoever_follows_the_health_is_told_when_it_turns_bad_and_good_and_nobody_else_is(
    cast, monkeypatch
):
    wrong = []
    monkeypatch.setattr("parking.sockets.READY_EVERY", 0.05)
    monkeypatch.setattr("parking.sockets.readiness.problems", lambda: list(wrong))
    async with socket(cast.eve) as page, socket(cast.eve) as simple:
        await follow(page, "health")
        await told_of(page, "health")
        wrong.append(DATABASE_AWAY)
        await told_of(page, "health")
        assert await page.receive_nothing(timeout=0.5), "it is said once"
        wrong.clear()
        await told_of(page, "health")
        assert await simple.settled() == []
