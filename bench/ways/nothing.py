"""A web process that does nothing but send frames, by turns to all who are there.

`/<frames>/<sockets>/<user>/`: how many, when so many are there.
"""

from itertools import cycle
from typing import Any

FRAME = "x" * 300

_there: list[Any] = []


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Accept; the last one to come sends all frames."""
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await receive()
    await send({"type": "websocket.accept"})
    _there.append(send)
    _, frames, sockets, *_ = scope["path"].split("/")
    if len(_there) == int(sockets):
        turns = cycle(_there)
        for _ in range(int(frames)):
            await next(turns)({"type": "websocket.send", "text": FRAME})
    await receive()
