"""The open sockets of this process, and what keeps their promise when Redis does not.

Every ten seconds one query for all of them tells which inboxes have moved past their sockets, and those
read what they missed. So a push may be lost, Redis may be flushed or away, and no client needs to know.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import InterfaceError, OperationalError

from parking.credentials import Credentials, still_hold
from parking.delivery import acknowledge, heads

logger = logging.getLogger(__name__)

# How often acknowledgements are written, in seconds: at most once in this time for each user.
ACKS_EVERY = 1.0
# Every how many position checks the sign-ins are looked at: within a minute, also without Redis.
CREDENTIALS_EVERY = 4


class OpenSocket(Protocol):
    """What is asked of a socket here."""

    user_id: int
    cursor: int
    epoch: UUID
    credentials: Credentials
    channel_name: str


class OpenSockets:
    """The sockets of one event loop, by user, and one task that watches over them."""

    def __init__(self) -> None:
        self._sockets: defaultdict[int, list[OpenSocket]] = defaultdict(list)
        self._seen: dict[int, int] = {}
        self._watching: asyncio.Task[None] | None = None

    def add(self, socket: OpenSocket) -> None:
        """Watch over this socket, too."""
        self._sockets[socket.user_id].append(socket)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    async def discard(self, socket: OpenSocket) -> None:
        """This socket has closed. The last one to go writes what was acknowledged."""
        mine = self._sockets.get(socket.user_id, [])
        if socket in mine:
            mine.remove(socket)
        if not mine:
            self._sockets.pop(socket.user_id, None)
        if not self._sockets and self._watching is not None:
            self._watching.cancel()
            self._watching = None
            await self._carefully(self.write_acks())

    def of_user(self, user_id: int) -> list[OpenSocket]:
        """This user's sockets, oldest first."""
        return list(self._sockets.get(user_id, ()))

    def acked(self, user_id: int, seq: int) -> None:
        """A client has seen everything up to this number; written within a second."""
        self._seen[user_id] = max(seq, self._seen.get(user_id, 0))

    async def write_acks(self) -> None:
        """Write what was acknowledged since the last time."""
        seen, self._seen = self._seen, {}
        if seen:
            await database_sync_to_async(acknowledge)(seen)

    async def check_positions(self) -> None:
        """Wake the sockets that have fallen behind their inbox, and those whose numbers began anew."""
        layer = get_channel_layer()
        now = await database_sync_to_async(heads)(list(self._sockets))
        for user_id, (head, epoch) in now.items():
            for socket in self.of_user(user_id):
                if socket.epoch != epoch or socket.cursor > head:
                    layer.send_here(socket.channel_name, {"type": "begin.anew"})
                elif socket.cursor < head:
                    layer.send_here(socket.channel_name, {"type": "catch.up"})

    async def check_credentials(self) -> None:
        """End the sockets whose sign-in does not hold any more."""
        layer = get_channel_layer()
        open_ = [socket for sockets in self._sockets.values() for socket in sockets]
        good = await database_sync_to_async(still_hold)([socket.credentials for socket in open_])
        for socket in open_:
            if socket.credentials not in good:
                layer.send_here(socket.channel_name, {"type": "signed.out"})

    async def check_hearing(self) -> None:
        """Subscribe anew if this process does not hear its own voice through Redis."""
        layer = get_channel_layer()
        if not await layer.hears():
            await layer.resubscribe()

    async def _watch(self) -> None:
        rounds = max(1, round(settings.POSITION_CHECK_SECONDS / ACKS_EVERY))
        turn = 0
        while True:
            await asyncio.sleep(ACKS_EVERY)
            turn += 1
            await self._carefully(self.write_acks())
            if turn % rounds == 0:
                await self._carefully(self.check_positions())
                await self._carefully(self.check_hearing())
            if turn % (rounds * CREDENTIALS_EVERY) == 0:
                await self._carefully(self.check_credentials())

    async def _carefully(self, check: Coroutine[Any, Any, None]) -> None:
        """A check that fails must not be the last one."""
        try:
            await check
        except (OperationalError, InterfaceError) as error:
            logger.warning("The sockets could not be checked", extra={"error": str(error).strip()})
        except Exception:
            logger.exception("A check of the sockets failed")


_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, OpenSockets] = WeakKeyDictionary()


def open_sockets() -> OpenSockets:
    """Those of the running event loop: in a web process, all of the process."""
    return _by_loop.setdefault(asyncio.get_running_loop(), OpenSockets())
