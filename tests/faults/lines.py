"""The event loop of all proxies, and of whatever else must not wait for a busy test."""

import asyncio
import sys
import threading
from collections.abc import Coroutine
from typing import Any

import uvloop


class Lines(threading.Thread):
    """The event loop of all proxies, in a thread of its own, so that no busy test holds up a line."""

    def __init__(self) -> None:
        super().__init__(name="lines", daemon=True)
        self._loop = uvloop.new_event_loop()

    def run(self) -> None:
        # Every word to a server goes through here: it must not wait 5 ms each time for a busy test.
        sys.setswitchinterval(0.0002)
        self._loop.run_forever()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _end(self) -> None:
        """Whoever is still carried is let go, so that no socket outlives the thread."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run this in the loop, and wait for what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def close(self) -> None:
        """End the thread. Whoever opened proxies has closed them before."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join()
