"""What a web process does from its start to its end, besides answering: it listens for the canary."""

import asyncio
import contextlib
import gc
from typing import Any

from asgiref.sync import sync_to_async

from parking.connections import keep_one
from parking.sockets import stay_alert


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI's lifespan. The start waits for nothing: Redis may come later."""
    await receive()
    # What was loaded stays: the collector need not look through it, for a tenth of a second each time.
    gc.collect()
    gc.freeze()
    # The thread in which Channels lets all sockets ask the database.
    await sync_to_async(keep_one)()
    alert = asyncio.create_task(stay_alert())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    alert.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await alert
    await send({"type": "lifespan.shutdown.complete"})
