"""Which socket paths exist, and which pages may open them."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from channels.routing import URLRouter
from django.conf import settings
from django.urls import re_path

from parking.consumers import NotificationConsumer


class ExactOrigin:
    """Lets a socket through only from one of our own pages: scheme, host and port, letter for letter.

    A browser sends the session cookie along with any page's socket, so the origin is what tells ours
    from a stranger's. None, several or `null` are refused. A ticket knows its own origin: a socket with
    one goes through to whoever checks it, and the ticket leaves the address, which may be logged.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        origins = [value.decode("latin1") for name, value in scope["headers"] if name == b"origin"]
        query = parse_qsl(scope["query_string"].decode("latin1"), keep_blank_values=True)
        tickets = [value for name, value in query if name == "ticket"]
        if tickets and len(origins) <= 1:
            scope["ticket"], scope["origin"] = tickets[-1], "".join(origins)
            scope["query_string"] = urlencode([pair for pair in query if pair[0] != "ticket"]).encode()
            await self.app(scope, receive, send)
        elif not tickets and len(origins) == 1 and origins[0] in settings.ALLOWED_ORIGINS:
            await self.app(scope, receive, send)
        else:
            await refuse(scope, receive, send)


async def refuse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Refuse the handshake: the client sees HTTP 403."""
    await receive()
    await send({"type": "websocket.close"})


websocket = ExactOrigin(
    URLRouter(
        [
            re_path(
                r"^ws/notifications/(?P<user_id>[^/]+)/\Z",
                NotificationConsumer.as_asgi(),
            ),
            re_path(r"", refuse),  # type: ignore[arg-type]  # Django's stubs know only HTTP views
        ]
    )
)
