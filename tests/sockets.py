"""Sockets of the cast, inside this process: opened, read, and compared with the inbox at the end."""

import json
from contextlib import asynccontextmanager
from urllib.parse import urlencode

from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

from parking.events import BOOKING_EXPIRED
from parking.models import Notification
from parking.notifications import notify
from parkmate.asgi import application
from tests.frames import read

OURS = "http://testserver"
PATIENCE = 10


class Socket(WebsocketCommunicator):
    """One client: its hello, and the numbers of the notices it was shown."""

    hello: dict

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.numbers = []
        self.follows = False

    async def open(self):
        """Connect, and read the hello."""
        connected, _ = await self.connect(timeout=PATIENCE)
        assert connected
        self.hello = await self.next()
        return self

    async def next(self):
        """The next frame; waits for it."""
        frame = read(await self.receive_from(timeout=PATIENCE))
        if "seq" in frame and "connected" not in frame:
            self.numbers.append(frame["seq"])
        return frame

    async def frames(self, count):
        """So many frames; waits for them."""
        return [await self.next() for _ in range(count)]

    async def read_up_to(self, seq):
        """Read until this number was shown."""
        while not self.numbers or self.numbers[-1] < seq:
            await self.next()

    async def say(self, **message):
        self.follows |= message.get("type") == "follow"
        await self.send_to(text_data=json.dumps(message))

    async def settled(self):
        """Everything that was sent so far has been understood; what came meanwhile."""
        await self.say(type="ping")
        came = []
        while (frame := await self.next())["type"] != "pong":
            came.append(frame)
        return came

    async def close_code(self):
        """Read until the server closes; the code."""
        while (output := await self.receive_output(timeout=PATIENCE))["type"] != "websocket.close":
            frame = read(output["text"]) if output["type"] == "websocket.send" else {}
            if "seq" in frame and "connected" not in frame:
                self.numbers.append(frame["seq"])
        await self.leave()
        return output.get("code", 1000)

    async def refusal(self):
        """The code with which the socket is closed at once; of a handshake that was refused, 1000."""
        await self.send_input({"type": "websocket.connect"})
        return await self.close_code()

    async def leave(self, code=1000):
        """Close from the client's side; returns when the server has let go."""
        await self.disconnect(code, timeout=PATIENCE)


def cookie_of(user):
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


async def communicator(
    *, user=None, path="/ws/notifications/me/", origin=OURS, session=None, ticket=None, **query
):
    """A socket that was not opened yet; of this user's session, or nobody's."""
    headers = [] if origin is None else [(b"origin", origin.encode("latin1"))]
    if user is not None and ticket is None:
        session = await database_sync_to_async(cookie_of)(user)
    if session is not None:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode("latin1")))
    if ticket is not None:
        query["ticket"] = ticket
    if query:
        path += "?" + urlencode(query)
    return Socket(application, path, headers=headers)


@asynccontextmanager
async def socket(user, **options):
    """An open socket. At the end it must have shown all of the inbox that came after its beginning, once."""
    opened = await (await communicator(user=user, **options)).open()
    yield opened
    rows = Notification.objects.filter(recipient=user, seq__isnull=False).order_by("seq")
    inbox = await database_sync_to_async(lambda: list(rows.values_list("seq", flat=True)))()
    if opened.follows:
        # One change may be told twice: once by a word, once by the comparison.
        await opened.say(type="follow", topics=[])
    await opened.settled()
    if opened.numbers or (inbox and inbox[-1] > opened.hello["seq"]):
        await opened.read_up_to(inbox[-1])
        assert opened.numbers == inbox[-len(opened.numbers) :]
    assert await opened.receive_nothing()
    await opened.leave()


def say(user, *, event=BOOKING_EXPIRED, **facts):
    """Tell the user something, from another thread."""
    return database_sync_to_async(notify)(event, to=user.pk, **facts)
