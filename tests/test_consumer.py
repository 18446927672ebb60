"""The socket: the hello, and notices in order, whatever the channel layer does to the pushes."""

import asyncio
import threading

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import connection

from parking.events import EMPLOYEE_ASSIGNED, NEW_BOOKING
from parking.models import Notification
from parking.notifications import notify
from tests.sockets import communicator, say, socket


@pytest.fixture(autouse=True, params=["tests.lossy.LossyLayer", "parkmate.channel_layer.RedisLayer"])
def backend(request, settings):
    """Every test runs on both layers. What the lossy one loses, the position check finds."""
    config = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**config, "BACKEND": request.param}}
    settings.POSITION_CHECK_SECONDS = 0.2


pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("layer")]


# --- what it says -----------------------------------------------------------------------------


async def test_the_hello_tells_where_the_inbox_stands(cast):
    await say(cast.dina)
    await say(cast.dina)
    async with socket(cast.dina, path=f"/ws/notifications/{cast.dina.pk}/") as opened:
        hello = opened.hello
        assert hello == {
            "type": "info",
            "message": "Connected to real-time notifications",
            "connected": True,
            "user_id": cast.dina.pk,
            "seq": 2,
            "epoch": str(await database_sync_to_async(lambda: cast.dina.inbox.epoch)()),
            "reset": False,
            "unread": 2,
            "server_time": hello["server_time"],
        }


async def test_every_open_socket_of_the_recipient_gets_each_notice_once_in_order(cast):
    async with socket(cast.dina) as phone, socket(cast.dina) as desk, socket(cast.eve) as stranger:
        for _ in range(3):
            await say(cast.dina)
        for opened in (phone, desk):
            assert [frame["seq"] for frame in await opened.frames(3)] == [1, 2, 3]
            assert await opened.receive_nothing()
        assert await stranger.receive_nothing()


async def test_a_notice_told_from_a_thread_without_a_loop_reaches_the_socket(cast):
    async with socket(cast.dina) as opened:

        def tell():
            notify(NEW_BOOKING, to=cast.dina.pk, lot=4)
            connection.close()

        thread = threading.Thread(target=tell)
        thread.start()
        (frame,) = await opened.frames(1)
        assert (frame["type"], frame["message"]) == ("info", "New booking received for Lot #4")
        await asyncio.to_thread(thread.join)


async def test_pushes_that_come_twice_late_or_not_at_all_are_put_right(cast):
    async with socket(cast.dina) as opened:
        layer, pushes = get_channel_layer(), []

        def keep(sends):
            pushes.extend(sends)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(layer, "group_send_many", keep)
            for _ in range(5):
                await say(cast.dina)
        one, two, three, four, five = pushes
        # One comes; two is lost and three comes first; two comes late; one again; five before four.
        for push in (one, three, two, one, five, four, five):
            await layer.group_send(*push)
        assert [frame["seq"] for frame in await opened.frames(5)] == [1, 2, 3, 4, 5]
        assert await opened.receive_nothing()


async def test_what_was_told_before_the_hello_is_replayed_and_marked(cast):
    await say(cast.dina)
    async with socket(cast.dina) as opened:
        await say(cast.dina)
        assert [(frame["seq"], frame["replayed"]) for frame in await opened.frames(2)] == [
            (1, True),
            (2, False),
        ]


@pytest.mark.parametrize("text", ["{", "null", '{"type":"notice"}', '{"type":"websocket.disconnect"}'])
async def test_two_mistakes_are_answered_and_the_socket_stays_open(cast, text):
    async with socket(cast.dina) as opened:
        await opened.send_to(text_data=text)
        await opened.send_to(bytes_data=b"\x00\xff")
        await say(cast.dina)
        *mistakes, notice = await opened.frames(3)
        assert [(frame["type"], frame["code"]) for frame in mistakes] == [("error", "bad_message")] * 2
        assert notice["seq"] == 1


async def test_text_from_a_person_stays_text_in_the_frame(cast):
    async with socket(cast.dina) as opened:
        await say(cast.dina, event=EMPLOYEE_ASSIGNED, name="<script>\u2028", lot=4)
        (frame,) = await opened.frames(1)
        assert frame["message"] == "New employee <script>\u2028 assigned to Lot #4"
        stored = Notification.objects.filter(recipient=cast.dina, seq=1)
        assert (await database_sync_to_async(stored.get)()).message == frame["message"]


async def test_whatever_is_lost_and_whoever_comes_and_goes_each_screen_shows_the_inbox(cast):
    """Two people, three screens each, one of which comes and goes with the position it left at."""

    async def screen(user):
        async with socket(user, after=0) as opened:
            await opened.read_up_to(40)

    async def restless(user):
        after, seen, options = 0, [], {}
        while after < 40:
            opened = await (await communicator(user=user, after=after, **options)).open()
            options = {"epoch": opened.hello["epoch"]}
            assert not opened.hello["reset"]
            await opened.read_up_to(min(after + 7, 40))
            await opened.leave()
            seen += opened.numbers
            after = seen[-1]
        assert seen == list(range(1, len(seen) + 1))

    async def tell(user):
        for _ in range(40):
            await say(user)

    async with asyncio.timeout(50):
        await asyncio.gather(
            *(each(user) for user in (cast.dina, cast.eve) for each in (screen, screen, restless, tell))
        )
