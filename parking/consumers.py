"""The WebSocket door: a user's own notices, live and in order of their numbers."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from channels.consumer import get_handler_name
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from redis import RedisError

from parking.models import Inbox, Notification
from parking.notifications import frame, group_of, instant, unread_counts
from parking.timers import now

COME_BACK_LATER = 1012
NOT_SIGNED_IN = 4401
NOT_YOUR_INBOX = 4403


class NotificationConsumer(AsyncWebsocketConsumer):
    """One socket. It holds one cursor: the number of the last notice it has sent.

    The next number is sent, an old one dropped, and a gap is read from the database: a push may be
    lost, doubled or late, and the socket still shows every notice once, in order.
    """

    user_id: int
    cursor: int

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        """Call the handler. Unlike the base class, no thread hop for frames that touch no database."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.refuse(NOT_SIGNED_IN)
        elif self.scope["url_route"]["kwargs"]["user_id"] not in ("me", str(user.pk)):
            await self.refuse(NOT_YOUR_INBOX)
        else:
            await self.welcome(user.pk)

    async def refuse(self, code: int) -> None:
        """Say why. A browser sees the code only on a socket that was accepted."""
        await self.accept()
        await self.close(code)

    async def welcome(self, user_id: int) -> None:
        """Join first, then read the head: what is told in between waits in the channel, none is missed."""
        self.user_id = user_id
        try:
            await self.channel_layer.group_add(group_of(user_id), self.channel_name)
        except (RedisError, OSError):
            await self.refuse(COME_BACK_LATER)
            return
        hello = await _hello(user_id)
        self.cursor = hello["seq"]
        await self.accept()
        await self.send(text_data=json.dumps(hello))

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "user_id"):
            with suppress(RedisError, OSError):
                await self.channel_layer.group_discard(group_of(self.user_id), self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Clients have nothing to say yet; what they send is passed over."""

    async def notice(self, message: Mapping[str, Any]) -> None:
        """A push came in: keep the order, whatever order pushes come in."""
        if message["seq"] == self.cursor + 1:
            await self._show(message["seq"], message["text"])
        elif message["seq"] > self.cursor:
            for seq, text in await _frames(self.user_id, after=self.cursor, upto=message["seq"]):
                await self._show(seq, text)

    async def _show(self, seq: int, text: str) -> None:
        self.cursor = seq
        await self.send(text_data=text)


@database_sync_to_async
def _hello(user_id: int) -> dict[str, Any]:
    """The first frame: where this inbox stands. Makes the inbox of a user who never had a notice."""
    inbox, _ = Inbox.objects.get_or_create(user_id=user_id)
    return {
        "type": "info",
        "message": "Connected to real-time notifications",
        "connected": True,
        "user_id": user_id,
        "seq": inbox.head,
        "epoch": str(inbox.epoch),
        "reset": False,
        "unread": unread_counts([user_id]).get(user_id, 0),
        "server_time": instant(now()),
    }


@database_sync_to_async
def _frames(user_id: int, *, after: int, upto: int) -> list[tuple[int, str]]:
    """The frames of a gap, in order of number."""
    rows = Notification.objects.filter(recipient=user_id, seq__gt=after, seq__lte=upto).order_by("seq")
    unread = unread_counts([user_id]).get(user_id, 0)
    return [(row.seq or 0, json.dumps(frame(row, unread=unread))) for row in rows]
