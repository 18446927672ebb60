"""The channel layer: Redis pub/sub, and one way for synchronous code to push to many groups at once."""

import asyncio
import uuid
from collections.abc import Sequence
from time import monotonic
from typing import Any

import redis
from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.backoff import NoBackoff
from redis.retry import Retry

# A push may cost its caller this long, in seconds, and no more.
PUSH_TIMEOUT = 0.5
# After a failed push, none is tried for this long: a Redis that is away is not asked by everybody.
PAUSE_AFTER_FAILURE = 1.0


class RedisLayer(RedisPubSubChannelLayer):
    """channels-redis' pub/sub layer, with `group_send_many`.

    Workers, the sweeper and web threads push from synchronous code. Through `async_to_sync` each
    push would make an event loop and a connection of its own; here a process keeps one connection.
    """

    def __init__(self, *, url: str, prefix: str = "parkmate") -> None:
        super().__init__(hosts=[url], prefix=prefix)
        self._prefix = prefix
        self._quiet_until = 0.0
        self._pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=1,
            timeout=PUSH_TIMEOUT,
            socket_timeout=PUSH_TIMEOUT,
            socket_connect_timeout=PUSH_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = redis.Redis(connection_pool=self._pool)

    async def new_channel(self, prefix: str = "specific.") -> str:
        """A name for one socket's messages. It stays in this process: we send to groups only.

        So a socket costs Redis no subscription of its own, and can be opened while Redis is away.
        """
        layer = self._get_layer()
        channel = f"{layer.prefix}{prefix}{uuid.uuid4().hex}"
        layer.channels[channel] = asyncio.Queue()
        return channel

    def group_send_many(self, sends: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Publish each (group, message) in one pipeline. Raises ConnectionError, within about a second.

        Safe to call from any thread, and after a fork.
        """
        if monotonic() < self._quiet_until:
            raise ConnectionError("Redis did not answer a moment ago")
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for group, message in sends:
                    pipe.publish(f"{self._prefix}__group__{group}", self.serialize(message))
                pipe.execute()
        except redis.RedisError as error:
            self._quiet_until = monotonic() + PAUSE_AFTER_FAILURE
            raise ConnectionError(f"Redis did not take the push: {error}") from error
