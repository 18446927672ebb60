"""A channel layer that loses, doubles, delays and reorders what comes through Redis, by a seed."""

import asyncio
from random import Random
from typing import Any

from parkmate.channel_layer import Newest, RedisLayer

SEED = 20261122
# What becomes of a message: nothing, one, two; and within which time, in seconds.
TIMES, ODDS = (0, 1, 2), (0.3, 0.6, 0.1)
LATEST = 0.05


class LossyQueue(Newest):
    """One socket's messages from Redis, each with a fate of its own."""

    def __init__(self, luck: Random) -> None:
        super().__init__()
        self._luck = luck

    def put_nowait(self, item: bytes) -> None:
        (times,) = self._luck.choices(TIMES, ODDS)
        for _ in range(times):
            asyncio.get_running_loop().call_later(self._luck.uniform(0, LATEST), self.surely, item)

    def surely(self, item: bytes) -> None:
        """What this process tells itself is not lost."""
        super().put_nowait(item)


class LossyLayer(RedisLayer):
    """The real layer, on a bad day."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self._luck = Random(SEED)  # the same bad day every time

    async def new_channel(self, prefix: str = "specific.") -> str:
        channel = await super().new_channel(prefix)
        self._get_layer().channels[channel] = LossyQueue(self._luck)
        return channel

    def send_here(self, channel: str, message: dict[str, Any]) -> None:
        queue = self._get_layer().channels.get(channel)
        if queue is not None:
            queue.surely(self.serialize(message))
