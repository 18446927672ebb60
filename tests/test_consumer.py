"""The socket: who may listen, the hello, and notices in order whatever order pushes come in."""

import asyncio
import json
import threading
from contextlib import asynccontextmanager

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connection
from django.test import Client

from parking.events import BOOKING_EXPIRED, NEW_BOOKING
from parking.models import Notification
from parking.notifications import notify
from parkmate.asgi import application

OURS = "http://testserver"


def cookie_of(user):
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


async def communicator(*, user=None, path="/ws/notifications/me/", origin=OURS, session=None):
    headers = [] if origin is None else [(b"origin", origin.encode())]
    if user is not None:
        session = await database_sync_to_async(cookie_of)(user)
    if session is not None:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()))
    return WebsocketCommunicator(application, path, headers=headers)


@asynccontextmanager
async def socket(user, **options):
    """An open socket, and its hello as `.hello`."""
    opened = await communicator(user=user, **options)
    connected, _ = await opened.connect(timeout=10)
    assert connected
    opened.hello = json.loads(await opened.receive_from(timeout=10))
    try:
        yield opened
    finally:
        await opened.disconnect()
        await get_channel_layer().flush()


async def frames(opened, count):
    return [json.loads(await opened.receive_from(timeout=10)) for _ in range(count)]


def say(user, *, event=BOOKING_EXPIRED, **facts):
    return database_sync_to_async(notify)(event, to=user.pk, **facts)


async def close_code(opened):
    """The code with which an accepted socket is closed at once."""
    connected, _ = await opened.connect(timeout=10)
    assert connected
    closed = await opened.receive_output(timeout=10)
    assert closed["type"] == "websocket.close"
    await get_channel_layer().flush()
    return closed["code"]


# --- who may listen ---------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_nobody_is_told_that_they_are_not_signed_in(cast):
    assert await close_code(await communicator()) == 4401


@pytest.mark.asyncio
async def test_a_made_up_session_is_nobodys(cast):
    assert await close_code(await communicator(session="x" * 32)) == 4401


@pytest.mark.asyncio
async def test_a_person_who_was_disabled_is_nobody(cast):
    session = await database_sync_to_async(cookie_of)(cast.dina)
    cast.dina.is_active = False
    await database_sync_to_async(cast.dina.save)()
    assert await close_code(await communicator(session=session)) == 4401


@pytest.mark.asyncio
@pytest.mark.parametrize("wanted", ["{omar}", "0", "-1", "abc", "ME", "0{dina}", "%2e%2e", "9" * 50])
async def test_only_ones_own_inbox_or_me_is_opened(cast, wanted):
    wanted = wanted.format(omar=cast.omar.pk, dina=cast.dina.pk)
    opened = await communicator(user=cast.dina, path=f"/ws/notifications/{wanted}/")
    assert await close_code(opened) == 4403


@pytest.mark.asyncio
async def test_staff_do_not_listen_to_others(cast):
    opened = await communicator(user=cast.ada, path=f"/ws/notifications/{cast.dina.pk}/")
    assert await close_code(opened) == 4403


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "http://evil.example",
        "https://testserver",
        "http://testserver:81",
        "http://testserver.evil.example",
        "http://sub.testserver",
        "http://testserver@evil.example",
        "http://testserver/",
        "HTTP://TESTSERVER",
        "http://testserver:99999999",
        "http://[",
    ],
)
async def test_a_socket_from_any_other_page_is_refused_at_the_handshake(cast, origin):
    opened = await communicator(user=cast.dina, origin=origin)
    assert await opened.connect(timeout=10) == (False, 1000)


@pytest.mark.asyncio
async def test_two_origins_are_refused(cast):
    opened = await communicator(user=cast.dina)
    opened.scope["headers"].append((b"origin", OURS.encode()))
    assert await opened.connect(timeout=10) == (False, 1000)


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/notifications/", "/ws/notifications/me/more/", "/api/"])
async def test_an_unknown_path_is_refused_without_a_traceback(cast, path):
    opened = await communicator(user=cast.dina, path=path)
    assert await opened.connect(timeout=10) == (False, 1000)


# --- what it says -----------------------------------------------------------------------------


@pytest.mark.asyncio
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


@pytest.mark.asyncio
async def test_every_open_socket_of_the_recipient_gets_each_notice_once_in_order(cast):
    async with socket(cast.dina) as phone, socket(cast.dina) as desk, socket(cast.eve) as stranger:
        for _ in range(3):
            await say(cast.dina)
        for opened in (phone, desk):
            assert [frame["seq"] for frame in await frames(opened, 3)] == [1, 2, 3]
            assert await opened.receive_nothing()
        assert await stranger.receive_nothing()


@pytest.mark.asyncio
async def test_a_notice_told_from_a_thread_without_a_loop_reaches_the_socket(cast):
    async with socket(cast.dina) as opened:

        def tell():
            notify(NEW_BOOKING, to=cast.dina.pk, lot=4)
            connection.close()

        thread = threading.Thread(target=tell)
        thread.start()
        (frame,) = await frames(opened, 1)
        assert (frame["type"], frame["message"]) == ("info", "New booking received for Lot #4")
        await asyncio.to_thread(thread.join)


@pytest.mark.asyncio
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
        assert [frame["seq"] for frame in await frames(opened, 5)] == [1, 2, 3, 4, 5]
        assert await opened.receive_nothing()


@pytest.mark.asyncio
async def test_what_was_told_before_the_hello_is_replayed_and_marked(cast):
    await say(cast.dina)
    async with socket(cast.dina) as opened:
        await say(cast.dina)
        assert [(frame["seq"], frame["replayed"]) for frame in await frames(opened, 2)] == [
            (1, True),
            (2, False),
        ]


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["{", "null", '{"type":"notice"}', '{"type":"websocket.disconnect"}'])
async def test_two_mistakes_are_answered_and_the_socket_stays_open(cast, text):
    async with socket(cast.dina) as opened:
        await opened.send_to(text_data=text)
        await opened.send_to(bytes_data=b"\x00\xff")
        await say(cast.dina)
        *mistakes, notice = await frames(opened, 3)
        assert [(frame["type"], frame["code"]) for frame in mistakes] == [("error", "bad_message")] * 2
        assert notice["seq"] == 1


@pytest.mark.asyncio
async def test_text_from_a_person_stays_text_in_the_frame(cast):
    async with socket(cast.dina) as opened:
        await say(cast.dina, event=NEW_BOOKING, lot="<script>alert(1)</script>\u2028")
        (frame,) = await frames(opened, 1)
        assert frame["message"] == "New booking received for Lot #<script>alert(1)</script>\u2028"
        stored = Notification.objects.filter(recipient=cast.dina, seq=1)
        assert (await database_sync_to_async(stored.get)()).message == frame["message"]
