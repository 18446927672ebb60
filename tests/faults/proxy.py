"""A TCP proxy of ours between a process and its server: it does to a line what networks do to lines."""

import asyncio
import os
import socket
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from parkmate.embedded import free_port
from tests.faults.lines import Lines

# The two directions: what the client says, and what the server says.
UP, DOWN = "up", "down"
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

    async def _listen(self) -> None:
        for event in self.flowing.values():
            event.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self.target, int):
                server = await asyncio.open_connection("127.0.0.1", self.target)
            else:
                server = await asyncio.open_unix_connection(self.target)
        except BaseException as error:
            _break(writer)
            if not isinstance(error, OSError):
                raise
            return
        connection = _Connection(self, (reader, writer), server)
        self.open_now.add(connection)
        try:
            await connection.live()
        finally:
            self.open_now.discard(connection)


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Connection:
    """One client's connection, and ours to the server for it."""

    def __init__(self, proxy: Proxy, client: Stream, server: Stream) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._keeps_answer = False
        self._tasks: list[asyncio.Task[None]] = []

    async def live(self) -> None:
        """Returns when both directions have ended."""
        self._tasks = [
            asyncio.create_task(self._carry(UP, self._client[0], self._server[1])),
            asyncio.create_task(self._carry(DOWN, self._server[0], self._client[1])),
        ]
        try:
            await asyncio.wait(self._tasks)
        finally:
            self._client[1].close()
            self._server[1].close()

    def reset(self) -> None:
        """The client hears of it at once; the server gets what was carried, and the end."""
        _break(self._client[1])
        self._server[1].close()
        for task in self._tasks:
            task.cancel()

    async def _carry(
        self, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        carried = 0
        try:
            while data := await reader.read(PIECE):
                await self._proxy.flowing[direction].wait()
                await asyncio.sleep(self._proxy.delay)
                if direction == DOWN and self._keeps_answer:
                    return self.reset()
                end, when = self._cut(direction, data, carried)
                carried += len(data)
                self._proxy.said[direction] += len(data)
                await self._write(writer, data[:end])
                if when is When.ANSWERED:
                    self._keeps_answer = True
                elif when:
                    return self.reset()
            writer.write_eof()
        except OSError:
            self.reset()
        return None

    def _cut(self, direction: str, data: bytes, carried: int) -> tuple[int | None, When | None]:
        """How much of this piece is carried (None: all), and whether the connection is cut then."""
        cut = self._proxy.cut
        if cut is None or cut.direction != direction or not cut.times:
            return None, None
        end = cut.end(data, carried=carried)
        if end is None:
            return None, None
        cut.times -= 1
        self._proxy.cuts += 1
        return end, cut.when

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for start in range(0, len(data), self._proxy.slice):
            writer.write(data[start : start + self._proxy.slice])
            await writer.drain()


def _break(writer: asyncio.StreamWriter) -> None:
    """Close without a word: the other side sees a reset connection."""
    line = writer.get_extra_info("socket")
    if line is not None and line.family != socket.AF_UNIX:
        # uvloop lets nobody set options on its sockets; on a copy it cannot forbid it.
        with suppress(OSError), socket.socket(fileno=os.dup(line.fileno())) as copy:
            copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    writer.transport.abort()
