"""Which socket paths exist, and which pages may open them."""

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.conf import settings
from django.urls import re_path

from parking.consumers import NotificationConsumer


class ExactOrigin:
    """Lets a socket through only from one of our own pages: scheme, host and port, letter for letter.

    A browser sends the session cookie along with any page's socket, so the origin is what tells ours
    from a stranger's. None, several or `null` are refused.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        origins = [value.decode("latin1") for name, value in scope["headers"] if name == b"origin"]
        if len(origins) == 1 and origins[0] in settings.ALLOWED_ORIGINS:
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
                AuthMiddlewareStack(NotificationConsumer.as_asgi()),
            ),
            re_path(r"", refuse),  # type: ignore[arg-type]  # Django's stubs know only HTTP views
        ]
    )
)
