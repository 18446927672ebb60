"""ParkMate's web process with the bare Channels consumer beside it, at `/plain/<user>/`."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "parkmate.settings")

from typing import Any

from parkmate.asgi import application as parkmates

from bench.ways.consumer import sockets  # isort: skip - it imports models


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The plain sockets, and all else is ParkMate's."""
    of_plain = scope["type"] == "websocket" and scope["path"].startswith("/plain/")
    await (sockets if of_plain else parkmates)(scope, receive, send)
