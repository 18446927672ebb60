"""Open sockets that cost little: who measures shares the machine with what is measured."""

import asyncio
import json
import resource
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import uvloop

TEXT, PING = 0x1, 0x9
# How many handshakes are under way at once.
TOGETHER = 50
_MASK = bytes(4)


class Heard(NamedTuple):
    """A frame: when it came (seconds since 1970), on whose socket, and its text."""

    at: float
    user: int
    text: bytes

    def json(self) -> Any:
        return json.loads(self.text)


class Socket(asyncio.Protocol):
    """One WebSocket that listens. Frames of a server are never masked, and ours never in pieces."""

    def __init__(self, audience: "Audience", user: int, request: bytes) -> None:
        self._audience = audience
        self._user = user
        self._request = request
        self._buffer = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        at = time.time()
        buffer = self._buffer + data if self._buffer else data
        if not self.opened.done():
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            status = head.split(b" ", 2)[1]
            if status == b"101":
                self.opened.set_result(None)
            else:
                self.opened.set_exception(ConnectionError(f"The handshake was answered with {status!r}."))
        begin = 0
        while len(buffer) - begin >= 2:
            size, start = buffer[begin + 1], begin + 2
            if size == 126:
                size, start = int.from_bytes(buffer[start : start + 2]), start + 2
            elif size == 127:
                size, start = int.from_bytes(buffer[start : start + 8]), start + 8
            if len(buffer) < start + size:
                break
            self._take(buffer[begin] & 0xF, buffer[start : start + size], at)
            begin = start + size
        self._buffer = buffer[begin:]

    def _take(self, kind: int, payload: bytes, at: float) -> None:
        if kind == TEXT:
            self._audience.hear(Heard(at, self._user, payload))
        elif kind == PING:
            self.transport.write(bytes((0x8A, 0x80 | len(payload))) + _MASK + payload)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("Closed before it was open."))


class Audience:
    """Sockets at one address, in a thread with a loop of its own; what they hear is kept in `heard`."""

    def __init__(
        self, address: str, *, path: str = "/ws/notifications/me/", together: int = TOGETHER
    ) -> None:
        self._address = address
        self._path = path
        self._together = together
        self.heard: list[Heard] = []
        self.sockets: list[Socket] = []
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def open(self, sessions: Mapping[int, str], *, after: Mapping[int, str] | None = None) -> float:
        """A socket for each of these users; return how many seconds it took until all were open.

        `after`: what each one's address says of where it stands. Raises ConnectionError.
        """
        begun = time.monotonic()
        self._run(self._open(sessions, after or {}))
        return time.monotonic() - begun

    def hear(self, frame: Heard) -> None:
        """A frame came in."""
        self.heard.append(frame)

    def listen(self, count: int, *, seconds: float, each: Callable[[], object] = lambda: None) -> list[Heard]:
        """Wait until so many frames were heard, or the last came so long ago; return them, and begin anew.

        `each` is called whenever there were new ones, last after the last.
        """
        begun, known = time.time(), 0
        while True:
            time.sleep(0.02)
            if (now := len(self.heard)) > known:
                known = now
                each()
            elif time.time() - (self.heard[-1].at if self.heard else begun) > seconds:
                break
            if known >= count:
                break
        heard, self.heard = self.heard, []
        return heard

    def until_silent(self, *, seconds: float) -> list[Heard]:
        """All that was heard, when nothing has come for so long; begin anew."""
        return self.listen(sys.maxsize, seconds=seconds)

    def cut(self) -> None:
        """End all sockets at once, without a word."""

        async def abort() -> None:
            for socket in self.sockets:
                socket.transport.abort()
            self.sockets.clear()

        self._run(abort())

    def close(self) -> None:
        """End everything."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _open(self, sessions: Mapping[int, str], after: Mapping[int, str]) -> None:
        gate = asyncio.Semaphore(self._together)
        host, _, port = self._address.partition(":")

        async def one(user: int, key: str) -> Socket:
            request = (
                f"GET {self._path.format(user=user)}{after.get(user, '')} HTTP/1.1\r\n"
                f"Host: {self._address}\r\n"
                f"Origin: http://{self._address}\r\nCookie: sessionid={key}\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            async with gate:
                _, socket = await self._loop.create_connection(
                    lambda: Socket(self, user, request.encode()), host, int(port)
                )
                await socket.opened
                return socket

        self.sockets += await asyncio.gather(*(one(user, key) for user, key in sessions.items()))
