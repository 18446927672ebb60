"""A socket: it hands on what its user is told while it is open."""

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer


class NotificationConsumer(AsyncJsonWebsocketConsumer):
    """As in the tutorial of Channels, with a group per user."""

    group = ""

    async def connect(self) -> None:
        user = self.scope["user"]
        if user.is_anonymous:
            await self.close()
            return
        self.group = f"user.{user.pk}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def notice(self, message: dict[str, Any]) -> None:
        await self.send_json(message["notice"])
