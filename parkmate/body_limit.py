"""Request bodies over 64 KiB are answered with 413 before they cost memory or disk."""

import json
from typing import Any

LIMIT = 64 * 1024
# So much of a body that is too large is read and dropped, so that its sender gets to hear the answer.
DRAIN = 2 * 1024 * 1024

ANSWER = json.dumps(
    {"code": "body_too_large", "message": f"A request's body is at most {LIMIT // 1024} KiB."}
).encode()


class BodyLimit:
    """ASGI: reads the body, then calls the app with it, or answers 413.

    Django itself trusts the Content-Length that the client states, and a chunked body has none.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = await _read(receive)
        if body is None:
            return
        if len(body) > LIMIT:
            await _too_large(send)
            return
        events = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Any:
            return events.pop() if events else await receive()

        await self.app(scope, replay, send)


async def _read(receive: Any) -> bytes | None:
    """The body, cut a little over the limit if it is longer; None if the client went away."""
    body, size = bytearray(), 0
    while size <= DRAIN:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        size += len(event.get("body", b""))
        if len(body) <= LIMIT:
            body += event.get("body", b"")
        if not event.get("more_body", False):
            break
    return bytes(body)


async def _too_large(send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})
