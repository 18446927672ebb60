"""A TCP proxy of ours between a process and its server: it does to a line what networks do to lines."""

import asyncio
import os
import socket
import struct
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from parkmate.embedded import free_port
from tests.faults.lines import Lines

# The two directions: what the client says, and what the server says.
UP, DOWN = "up", "down"
OTHER = {UP: DOWN, DOWN: UP}
# A socket that is closed with this says RST instead of FIN.
AT_ONCE = struct.pack("ii", 1, 0)
PIECE = 65536


class When(Enum):
    """When a connection is cut: the server has not heard, has heard, or has even answered to nobody."""

    BEFORE = auto()
    AFTER = auto()
    ANSWERED = auto()


@dataclass
class Cut:
    """Cut a connection at these bytes, or after this number of them, in this direction; so many times."""

    at: bytes | int
    when: When = When.AFTER
    direction: str = UP
    times: int = 1

    def end(self, data: bytes, *, carried: int) -> int | None:
        """How much of a piece is still carried, if the cut comes in it; `carried`: bytes before it."""
        if isinstance(self.at, int):
            return max(0, self.at - carried) if carried + len(data) >= self.at else None
        if self.at not in data:
            return None
        return 0 if self.when is When.BEFORE else len(data)


class Proxy:
    """A door of its own to one server. To be used from any thread but the lines' own."""

    def __init__(self, lines: Lines, target: str | int) -> None:
        """`target`: a loopback port, or the path of a Unix socket. Nobody listens before `open`."""
        self.target, self.port = target, free_port()
        self.cut: Cut | None = None
        self.delay = 0.0  # seconds that each piece is late
        self.slice = PIECE  # bytes that go on at once
        self.said: Counter[str] = Counter()
        self.cuts = 0
        self.open_now: set[_Connection] = set()
        self.flowing = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        self._lines = lines
        self._server: asyncio.Server | None = None

    def open(self) -> "Proxy":
        """Listen; everything passes."""
        self.heal()
        return self

    def close(self) -> None:
        """Listen no more, and drop everybody."""
        self.refuse()
        self.reset()

    def heal(self) -> None:
        """Everything passes again; what was held is delivered."""
        self.delay, self.slice, self.cut = 0.0, PIECE, None
        self._lines.do(self._listen())

    def refuse(self) -> None:
        """Nobody gets in any more. Who is in, stays."""
        self._lines.do(self._refuse())

    def reset(self) -> int:
        """Break every connection at once, in both directions; return how many those were."""
        return int(self._lines.do(self._reset()))

    def hold(self, *directions: str) -> None:
        """A black hole: what is said in these directions (both, if none is named) does not arrive."""
        self._lines.do(self._hold(directions or (UP, DOWN)))

    def passes(self, direction: str) -> bool:
        """Whether nothing at all is done to what is said in this direction."""
        whole = self.slice == PIECE and not self.delay
        return whole and self.cut is None and self.flowing[direction].is_set()

    async def _listen(self) -> None:
        for event in self.flowing.values():
            event.set()
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._serve, "127.0.0.1", self.port)

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _reset(self) -> int:
        broken = list(self.open_now)
        for connection in broken:
            connection.reset()
        return len(broken)

    async def _hold(self, directions: tuple[str, ...]) -> None:
        for direction in directions:
            self.flowing[direction].clear()

    def _serve(self) -> asyncio.Protocol:
        return _End(_Connection(self), UP)


class _End(asyncio.Protocol):
    """One end of a carried connection: what is said there goes in this direction."""

    def __init__(self, connection: "_Connection", direction: str) -> None:
        self._connection, self._direction = connection, direction

    def connection_made(self, transport: Any) -> None:
        self._connection.joined(self._direction, transport)

    def data_received(self, data: bytes) -> None:
        self._connection.heard(self._direction, data)

    def eof_received(self) -> bool:
        self._connection.heard(self._direction, b"")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.left(self._direction, broken=exc is not None)

    def pause_writing(self) -> None:
        self._connection.full(OTHER[self._direction])

    def resume_writing(self) -> None:
        self._connection.drained(OTHER[self._direction])


class _Connection:
    """One client's connection, and ours to the server for it.

    A piece to which nothing is done is written on as it comes: every statement of a whole box passes here.
    Else a task carries it, and meanwhile that end is not listened to.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._ends: dict[str, asyncio.Transport] = {}
        self._waiting: dict[str, deque[bytes]] = {UP: deque(), DOWN: deque()}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._room = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        self._carried: Counter[str] = Counter()
        self._silent: set[str] = set()
        self._keeps_answer = False
        for event in self._room.values():
            event.set()

    # --- What the ends tell ----------------------------------------------------------------

    def joined(self, direction: str, transport: asyncio.Transport) -> None:
        if direction == DOWN and UP not in self._ends:
            transport.abort()  # the client has left meanwhile, or was made to
            return
        self._ends[direction] = transport
        if direction == UP:
            self._proxy.open_now.add(self)
            self._tasks[UP] = asyncio.get_running_loop().create_task(self._join())

    def heard(self, direction: str, data: bytes) -> None:
        """A piece, or by nothing the end."""
        if direction not in self._tasks and self._proxy.passes(direction) and not self._keeps_answer:
            self._write(direction, data)
            return
        self._waiting[direction].append(data)
        self._hush(direction)
        if direction not in self._tasks:
            self._tasks[direction] = asyncio.get_running_loop().create_task(self._carry(direction))

    def left(self, direction: str, *, broken: bool) -> None:
        if broken:
            self.reset()
        self._ends.pop(direction, None)
        if not self._ends:
            self._proxy.open_now.discard(self)

    def full(self, direction: str) -> None:
        """What goes there is not taken for the moment."""
        self._room[direction].clear()
        self._hush(direction)

    def drained(self, direction: str) -> None:
        self._room[direction].set()
        if direction not in self._tasks:
            self._listen(direction)

    # --- What is done ----------------------------------------------------------------------

    def reset(self) -> None:
        """The client hears of it at once; the server gets what was carried, and the end."""
        if client := self._ends.pop(UP, None):
            _break(client)
        if server := self._ends.get(DOWN):
            server.close()
        for task in self._tasks.values():
            task.cancel()

    async def _join(self) -> None:
        """Connect to the server, and carry what the client has said meanwhile."""
        loop = asyncio.get_running_loop()
        try:
            if isinstance(self._proxy.target, int):
                await loop.create_connection(lambda: _End(self, DOWN), "127.0.0.1", self._proxy.target)
            else:
                await loop.create_unix_connection(lambda: _End(self, DOWN), self._proxy.target)
        except BaseException as error:
            self.reset()
            if not isinstance(error, OSError):
                raise
            return
        await self._carry(UP)

    async def _carry(self, direction: str) -> None:
        """Carry what waits, as the network is now."""
        waiting = self._waiting[direction]
        try:
            while waiting:
                await self._carry_piece(direction, waiting.popleft())
        finally:
            del self._tasks[direction]
        self._listen(direction)

    async def _carry_piece(self, direction: str, data: bytes) -> None:
        await self._proxy.flowing[direction].wait()
        await asyncio.sleep(self._proxy.delay)
        if direction == DOWN and self._keeps_answer:
            self.reset()
            return
        end, when = self._cut(direction, data)
        data = data[:end] if data else data
        size = self._proxy.slice
        for start in range(0, len(data) or 1, size):
            self._write(direction, data[start : start + size])
            await self._room[direction].wait()
        if when is When.ANSWERED:
            self._keeps_answer = True
        elif when:
            self.reset()

    def _cut(self, direction: str, data: bytes) -> tuple[int | None, When | None]:
        """How much of this piece is carried (None: all), and whether the connection is cut then."""
        cut = self._proxy.cut
        if cut is None or cut.direction != direction or not cut.times:
            return None, None
        end = cut.end(data, carried=self._carried[direction])
        if end is None:
            return None, None
        cut.times -= 1
        self._proxy.cuts += 1
        return end, cut.when

    def _write(self, direction: str, data: bytes) -> None:
        self._carried[direction] += len(data)
        self._proxy.said[direction] += len(data)
        to = self._ends.get(OTHER[direction])
        if to is None or to.is_closing():
            return
        if data:
            to.write(data)
            return
        self._silent.add(direction)
        if len(self._silent) < len(OTHER):
            to.write_eof()
            return
        for end in self._ends.values():
            end.close()

    def _hush(self, direction: str) -> None:
        """Leave where it is what is said in this direction."""
        end = self._ends.get(direction)
        if end and end.is_reading():
            end.pause_reading()

    def _listen(self, direction: str) -> None:
        """Hear it again, if there is room for it."""
        end = self._ends.get(direction)
        if end and not end.is_closing() and not end.is_reading() and self._room[direction].is_set():
            end.resume_reading()


def _break(transport: asyncio.Transport) -> None:
    """Close without a word: the other side sees a reset connection."""
    line = transport.get_extra_info("socket")
    if line is not None and line.family != socket.AF_UNIX:
        # uvloop lets nobody set options on its sockets; on a copy it cannot forbid it.
        with suppress(OSError), socket.socket(fileno=os.dup(line.fileno())) as copy:
            copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    transport.abort()
