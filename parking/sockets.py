"""The open sockets of this process, and what keeps their promise when Redis does not.

Every ten seconds one query for all of them tells which inboxes have moved past their sockets, and those
read what they missed. So a push may be lost, Redis may be flushed or away, and no client needs to know.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings

from parking.canary import ear
from parking.changes import HEALTH
from parking.connections import AWAY
from parking.credentials import Credentials, of_sessions, still_hold
from parking.delivery import acknowledge, heads, welcome
from parking.followers import Followers
from parking.readiness import readiness
from parking.together import Together
from parking.turnstile import Turnstile

logger = logging.getLogger(__name__)

# How often acknowledgements are written, in seconds: at most once in this time for each user.
ACKS_EVERY = 1.0
# How often it is looked for those who follow it whether the process is ready, in seconds.
READY_EVERY = 2.0
# How soon a listener that failed listens again, in seconds.
LISTEN_AGAIN = 1.0


class OpenSocket(Protocol):
    """What is asked of a socket here."""

    user_id: int
    cursor: int
    epoch: UUID
    credentials: Credentials
    channel_name: str


class OpenSockets:
    """The sockets of one event loop, by user, and the tasks that watch over them."""

    def __init__(self) -> None:
        self._sockets: defaultdict[int, list[OpenSocket]] = defaultdict(list)
        self._seen: dict[int, int] = {}
        self.followers = Followers()
        self.turnstile = Turnstile()
        self.sign_ins = Together(of_sessions)
        self.welcomes = Together(welcome)
        self._watching: list[asyncio.Task[None]] = []
        # What was wrong when it was looked at last; None: nobody has looked.
        self._wrong: set[str] | None = None

    def add(self, socket: OpenSocket) -> None:
        """Watch over this socket, too."""
        self._sockets[socket.user_id].append(socket)
        if not self._watching:
            self._watching = [asyncio.create_task(watch) for watch in self._watches()]

    async def discard(self, socket: OpenSocket) -> None:
        """This socket has closed. The last one to go writes what was acknowledged."""
        mine = self._sockets.get(socket.user_id, [])
        if socket in mine:
            mine.remove(socket)
        self.followers.leave(socket.channel_name)
        if not mine:
            self._sockets.pop(socket.user_id, None)
        if not self._sockets:
            watching, self._watching = self._watching, []
            await end_all(watching)
            await _carefully(self.write_acks)

    def of_user(self, user_id: int) -> list[OpenSocket]:
        """This user's sockets, oldest first."""
        return list(self._sockets.get(user_id, ()))

    def acked(self, user_id: int, seq: int) -> None:
        """A client has seen everything up to this number; written within a second."""
        self._seen[user_id] = max(seq, self._seen.get(user_id, 0))

    async def write_acks(self) -> None:
        """Write what was acknowledged since the last time."""
        seen, self._seen = self._seen, {}
        if not seen:
            return
        later = seen
        try:
            later = await database_sync_to_async(acknowledge)(seen)
        finally:
            for user_id, seq in later.items():
                self.acked(user_id, seq)

    async def check_positions(self) -> None:
        """Wake the sockets that have fallen behind their inbox, and those whose numbers began anew."""
        layer = get_channel_layer()
        # As they stood before the question: a socket that moves on meanwhile is not ahead of its inbox.
        before = [(socket, socket.cursor) for sockets in self._sockets.values() for socket in sockets]
        now = await database_sync_to_async(heads)(list(self._sockets))
        for socket, cursor in before:
            head, epoch = now.get(socket.user_id, (cursor, socket.epoch))
            if socket.epoch != epoch or cursor > head:
                layer.send_here(socket.channel_name, {"type": "begin.anew"})
            elif socket.cursor < head:
                layer.send_here(socket.channel_name, {"type": "catch.up", "to": head})

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
        await get_channel_layer().keep_hearing()

    async def keep_hearing_alone(self) -> None:
        """The same while no socket is open, and nobody else looks: the canary is to be heard all the same."""
        if not self._watching:
            await self.check_hearing()

    async def check_readiness(self) -> None:
        """Tell those who follow it that something is wrong here now, or is right again."""
        if HEALTH not in self.followers.topics:
            self._wrong = None
            return
        found = await sync_to_async(readiness.problems, thread_sensitive=False)()
        wrong = {problem.code for problem in found}
        if wrong != self._wrong:
            self._wrong = wrong
            self.followers.heard([HEALTH])

    def _watches(self) -> list[Coroutine[Any, Any, None]]:
        return [
            _always(self.followers.listen),
            _every(ACKS_EVERY, self.write_acks),
            _every(settings.POSITION_CHECK_SECONDS, self.check_positions),
            _every(settings.POSITION_CHECK_SECONDS, self.followers.check),
            _every(settings.POSITION_CHECK_SECONDS, self.check_hearing),
            _every(READY_EVERY, self.check_readiness),
            _every(settings.CREDENTIALS_CHECK_SECONDS, self.check_credentials),
        ]


async def end_all(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel them until they have ended: one that is in the middle of a query forgets that it was cancelled.

    (asgiref waits for the query's thread, and then returns its answer instead of raising.)
    """
    left = tasks
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.05)
    # What one of them raised meanwhile nobody asks for any more.
    await asyncio.gather(*tasks, return_exceptions=True)


async def _always(listen: Callable[[], Awaitable[None]]) -> None:
    """Again if it ends: what it missed meanwhile, the checks find."""
    while True:
        await _carefully(listen)
        await asyncio.sleep(LISTEN_AGAIN)


async def _every(seconds: float, check: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await _carefully(check)


async def _carefully(check: Callable[[], Awaitable[None]]) -> None:
    """The sockets' sweep: whatever one check hits, the next must come."""
    try:
        await check()
    except AWAY as error:
        logger.warning("The sockets could not be checked", extra={"error": str(error).strip()})
    except Exception:
        logger.exception("A check of the sockets failed")


_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, OpenSockets] = WeakKeyDictionary()


def open_sockets() -> OpenSockets:
    """Those of the running event loop: in a web process, all of the process."""
    loop = asyncio.get_running_loop()
    if loop not in _by_loop:
        _by_loop[loop] = OpenSockets()
    return _by_loop[loop]


async def stay_alert() -> None:
    """Listen for the canary, sockets or none, until cancelled."""
    await asyncio.gather(
        _always(ear.listen), _every(settings.POSITION_CHECK_SECONDS, open_sockets().keep_hearing_alone)
    )
