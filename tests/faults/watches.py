"""Who of a box comes to a watched moment waits there, until the test lets it go.

The processes report (`inside.py`) to the test's own process, by a Unix socket.
"""

import asyncio
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.lines import Lines


@dataclass
class Watch:
    """The nth time that one of these processes (by the beginning of its name) comes to the moment."""

    name: str
    of: str = ""
    nth: int = 1
    pid: int = 0
    parent: int = 0
    process: str = ""
    came: threading.Event = field(default_factory=threading.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    def wait(self, seconds: float) -> "Watch":
        """Wait until somebody stands there. Raises AssertionError if nobody comes."""
        assert self.came.wait(seconds), f"nobody of {self.of or 'all'} came to {self.name!r} in {seconds} s"
        return self


class Watches:
    """Hears what the processes report, and holds those that are watched for."""

    def __init__(self, lines: Lines, path: Path) -> None:
        self._lines, self.path = lines, path
        self._watches: list[Watch] = []
        self._server: Any = lines.do(asyncio.start_unix_server(self._hear, str(path)))

    def watch(self, name: str, *, of: str = "", nth: int = 1) -> Watch:
        """Hold the nth process that comes there from now on."""
        watch = Watch(name, of, nth)
        self._watches.append(watch)
        return watch

    def let_go(self, watch: Watch) -> None:
        """Go on. Who was killed does not mind."""
        self._lines.do(self._let_go([watch]))

    def close(self) -> None:
        """Let everybody go, and listen no more."""
        self._lines.do(self._close())

    async def _close(self) -> None:
        self._server.close()
        await self._let_go(self._watches)

    async def _let_go(self, watches: list[Watch]) -> None:
        for watch in watches:
            watch.go.set()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            report = json.loads(await reader.readline() or "{}")
            if watch := self._watched(report):
                await watch.go.wait()
        finally:
            writer.close()

    def _watched(self, report: dict[str, Any]) -> Watch | None:
        """The watch that this report is for, if its time has come."""
        for watch in self._watches:
            if watch.came.is_set() or watch.name != report.get("name"):
                continue
            if report["process"].startswith(watch.of):
                watch.nth -= 1
                if watch.nth == 0:
                    watch.pid, watch.parent = report["pid"], report["parent"]
                    watch.process = report["process"]
                    watch.came.set()
                    return watch
        return None
