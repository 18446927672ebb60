"""What a web process does from its start to its end, besides answering: it listens for the canary."""

import asyncio
import contextlib
from typing import Any

from parking.sockets import stay_alert


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI's lifespan. The start waits for nothing: Redis may come later."""
    await receive()
    alert = asyncio.create_task(stay_alert())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    alert.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await alert
    await send({"type": "lifespan.shutdown.complete"})
