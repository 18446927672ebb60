"""The WebSocket door: a user's own notices, live and in order of their numbers. See docs/socket.md."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from time import time_ns
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from channels.consumer import get_handler_name
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.conf import settings
from django.http import parse_cookie

from parking.connections import AWAY
from parking.credentials import Credentials, still_hold, take_ticket
from parking.delivery import Position, Welcome, missed
from parking.frames import group_of
from parking.messages import (
    BIGGEST_NUMBER,
    MESSAGES_PER_MINUTE,
    MISTAKES_PER_MINUTE,
    Mistake,
    PerMinute,
    number_of,
    parse,
    topics_of,
)
from parking.sockets import end_all, open_sockets

COME_BACK = 1012
BAD_INPUT = 4400
NOT_SIGNED_IN = 4401
NOT_YOUR_INBOX = 4403
TOO_MANY = 4429

SOCKETS_PER_USER = 10
_NUMBER = re.compile(r"[0-9]{1,19}")


class Refused(Exception):
    """The socket is not to be; `code` says why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class NotificationConsumer(AsyncWebsocketConsumer):
    """One socket. It holds one cursor: the number of the last notice it has sent.

    The next number is sent, an old one dropped, and a gap is read from the database: a push may be
    lost, doubled or late, and the socket still shows every notice once, in order.
    """

    user_id: int
    cursor: int
    epoch: UUID
    credentials: Credentials
    words: Mapping[str, str]
    joined = False
    accepted = False
    closed = False

    # --- The frame around it ---------------------------------------------------------------

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The base class's, but however a socket ends, what it held is given back."""
        self.scope, self.base_send = scope, send
        self.channel_layer = get_channel_layer()
        self.channel_name = await self.channel_layer.new_channel()
        self.newer: set[str] = set()
        self.born = time_ns()
        self.heard = PerMinute(MESSAGES_PER_MINUTE + 1)
        self.mistakes = PerMinute(MISTAKES_PER_MINUTE)
        self.turn = asyncio.Lock()
        listen = partial(self.channel_layer.receive, self.channel_name)
        hearing = [asyncio.create_task(self.hear(source)) for source in (receive, listen)]
        try:
            ended, _ = await asyncio.wait(hearing, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        except StopConsumer:
            pass
        finally:
            await end_all(hearing)
            await self.leave()

    async def hear(self, source: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        """Handle what comes from there, for ever; one message at a time of both sources.

        Channels' own `await_many_dispatch` makes a task for every message, and waits for both sources anew.
        """
        while True:
            message = await source()
            async with self.turn:
                await self.dispatch(message)

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        """Call the handler. Unlike the base class, no thread hop for frames that touch no database."""
        if self.closed and message["type"] != "websocket.disconnect":
            return
        try:
            await getattr(self, get_handler_name(message))(message)
        except Refused as refused:
            await self.end(refused.code)
        except AWAY:
            await self.end(COME_BACK)

    async def end(self, code: int) -> None:
        """Close. A browser sees the code only on a socket that was accepted."""
        if not self.accepted:
            await self.accept()
        self.closed = True
        await self.close(code)

    async def leave(self) -> None:
        if self.joined:
            self.joined = False
            await open_sockets().discard(self)
            await self.channel_layer.group_discard(group_of(self.user_id), self.channel_name)
            await self.tell_my_others("left")

    # --- Coming in -------------------------------------------------------------------------

    async def connect(self) -> None:
        async with open_sockets().turnstile:
            come = await self.come_in()
        self.cursor, self.epoch = come.hello["seq"], come.epoch
        await self.accept()
        self.accepted = True
        open_sockets().add(self)
        await self.send(text_data=json.dumps(come.hello))
        for _, text in come.frames:
            await self.send(text_data=text)
        await self.tell_my_others("arrived")

    async def come_in(self) -> Welcome:
        """Who this is, and what they missed. Raises Refused."""
        self.credentials = await self.authenticate()
        self.user_id = self.credentials.user_id
        if self.scope["url_route"]["kwargs"]["user_id"] not in ("me", str(self.user_id)):
            raise Refused(NOT_YOUR_INBOX)
        position = _position(self.scope["query_string"])
        # Join first, then read the head: what is told in between waits in the channel, none is missed.
        self.joined = True
        await self.channel_layer.group_add(group_of(self.user_id), self.channel_name)
        come = await open_sockets().welcomes((self.user_id, position))
        if come is None:
            raise Refused(NOT_SIGNED_IN)
        return come

    async def authenticate(self) -> Credentials:
        """Whose socket this is, by a ticket or the session cookie. Raises Refused."""
        found: Credentials | None = None
        if "ticket" in self.scope:
            take = partial(take_ticket, self.scope["ticket"], origin=self.scope["origin"])
            found = await database_sync_to_async(take)()
        elif key := _cookies(self.scope["headers"]).get(settings.SESSION_COOKIE_NAME):
            found = await open_sockets().sign_ins(key)
        if found is None:
            raise Refused(NOT_SIGNED_IN)
        return found

    async def tell_my_others(self, what: str) -> None:
        """Let this user's other sockets know, in every process, that this one came or went."""
        message = {"type": what, "socket": self.channel_name, "born": self.born}
        if not await self.channel_layer.group_send(group_of(self.user_id), message):
            for other in open_sockets().of_user(self.user_id):
                self.channel_layer.send_here(other.channel_name, message)

    async def arrived(self, message: Mapping[str, Any]) -> None:
        """A newer socket of the same user. If there seem to be too many, they are called by name:

        one whose process was killed has not said that it left.
        """
        if message["socket"] != self.channel_name:
            self.newer.add(message["socket"])
        if len(self.newer) >= SOCKETS_PER_USER:
            self.newer.clear()
            await self.tell_my_others("roll.call")

    async def roll_call(self, message: Mapping[str, Any]) -> None:
        await self.tell_my_others("present")

    async def present(self, message: Mapping[str, Any]) -> None:
        """A socket answered the roll call: the oldest of too many goes."""
        if message["born"] > self.born:
            self.newer.add(message["socket"])
        if len(self.newer) >= SOCKETS_PER_USER:
            raise Refused(TOO_MANY)

    async def left(self, message: Mapping[str, Any]) -> None:
        self.newer.discard(message["socket"])

    # --- What the server says --------------------------------------------------------------

    async def notice(self, message: Mapping[str, Any]) -> None:
        """A push came in: keep the order, whatever order pushes come in."""
        if message["seq"] == self.cursor + 1:
            await self.show(message["seq"], message["text"])
        elif message["seq"] > self.cursor:
            await self.catch_up({"to": message["seq"]})

    async def catch_up(self, message: Mapping[str, Any]) -> None:
        """Something was missed: read it, and send it in order. Raises Refused if it was purged meanwhile:

        the client comes back and is told to read the inbox anew.
        """
        while self.cursor < message["to"]:
            frames = await database_sync_to_async(missed)(self.user_id, after=self.cursor)
            if not frames:
                raise Refused(COME_BACK)
            for seq, text in frames:
                if seq != self.cursor + 1:
                    raise Refused(COME_BACK)
                await self.show(seq, text)

    async def show(self, seq: int, text: str) -> None:
        self.cursor = seq
        await self.send(text_data=text)

    async def changed(self, message: Mapping[str, Any]) -> None:
        """Something that this client draws is not as it was. Not a notice, and only for those who asked."""
        if topics := open_sockets().followers.untold(self.channel_name):
            told = [self.words[topic] for topic in sorted(topics)]
            await self.send(text_data=json.dumps({"type": "changed", "topics": told}))

    async def begin_anew(self, message: Mapping[str, Any]) -> None:
        """The numbers began anew (a database restored): the client comes back and is told so."""
        raise Refused(COME_BACK)

    async def credentials_changed(self, message: Mapping[str, Any]) -> None:
        """Somebody signed out, or was disabled: was it this one?"""
        if not await database_sync_to_async(still_hold)([self.credentials]):
            raise Refused(NOT_SIGNED_IN)

    async def signed_out(self, message: Mapping[str, Any]) -> None:
        raise Refused(NOT_SIGNED_IN)

    # --- What the client says --------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.heard.reached():
            raise Refused(TOO_MANY)
        try:
            await self.understand(parse(text_data))
        except Mistake as mistake:
            answer = {"type": "error", "code": "bad_message", "message": str(mistake)}
            await self.send(text_data=json.dumps(answer))
            if self.mistakes.reached():
                raise Refused(BAD_INPUT) from mistake

    async def understand(self, message: dict[str, Any]) -> None:
        """Do what a client's message asks. Raises Mistake."""
        if message.get("type") == "ping":
            await self.send(text_data=json.dumps({"type": "pong"}))
        elif message.get("type") == "ack":
            open_sockets().acked(self.user_id, min(number_of(message), self.cursor))
        elif message.get("type") == "follow":
            await self.follow(topics_of(message, user_id=self.user_id))
        else:
            raise Mistake("A message is an ack, a ping or a follow.")

    async def follow(self, topics: Mapping[str, str]) -> None:
        """Be told from now on when these change; `topics` has the client's words for them."""
        self.words = topics
        await open_sockets().followers.follow(self.channel_name, topics)
        await self.send(text_data=json.dumps({"type": "following", "topics": list(topics.values())}))


def _cookies(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Those that the browser sent. (Channels' middleware would keep a copy of the scope for each socket.)"""
    sent = (value.decode("latin1") for name, value in headers if name == b"cookie")
    return parse_cookie(next(sent, ""))


def _position(query: bytes) -> Position:
    """`after` and `epoch` of the address. Raises Refused."""
    given = parse_qs(query.decode("latin1"), keep_blank_values=True)
    after, epoch = given.get("after", [None])[-1], given.get("epoch", [None])[-1]
    if after is not None and not (_NUMBER.fullmatch(after) and int(after) <= BIGGEST_NUMBER):
        raise Refused(BAD_INPUT)
    return Position(None if after is None else int(after), epoch)
