"""The bare Channels consumer: join the user's group, pass on what comes. Nobody is asked who they are."""

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from django.urls import re_path


class Plain(AsyncWebsocketConsumer):
    """One socket of one user."""

    async def connect(self) -> None:
        self.group = f"plain.{self.scope['url_route']['kwargs']['user']}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def notice(self, message: dict[str, Any]) -> None:
        """Pass it on."""
        await self.send(text_data=message["text"])


sockets = URLRouter([re_path(r"^plain/(?P<user>\d+)/$", Plain.as_asgi())])
