"""The channel layer: Redis pub/sub, never waited for long, and noticed when it has gone deaf."""

import asyncio
import uuid
from collections.abc import Awaitable, Sequence
from time import monotonic
from typing import Any

import redis
from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.backoff import NoBackoff
from redis.retry import Retry

# What Redis is asked may cost the caller this long, in seconds, and no more.
TIMEOUT = 0.5
# After a failure nothing is asked for this long: a Redis that is away is not asked by everybody.
PAUSE_AFTER_FAILURE = 1.0
# How long a message to ourselves may take.
ECHO_TIMEOUT = 2.0
# Groups in one SUBSCRIBE.
GROUPS_PER_BATCH = 500
# How many messages wait for one socket. The oldest go first: a gap is read from the database.
WAITING = 64


class Newest:
    """The newest messages for one socket, which alone reads them: a slow reader costs little.

    So does one to whom nothing is said: an `asyncio.Queue` takes 2.5 kB for it.
    """

    __slots__ = ("_messages", "_reader")

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._reader: asyncio.Future[None] | None = None

    def put_nowait(self, message: bytes) -> None:
        """Keep it; if too many wait, the oldest goes."""
        if len(self._messages) >= WAITING:
            del self._messages[0]
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> bytes:
        """The oldest that waits, as soon as there is one."""
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._messages.pop(0)


class RedisLayer(RedisPubSubChannelLayer):
    """channels-redis' pub/sub layer, which may fail, and then only costs its callers punctuality.

    Workers, the sweeper and web threads push from synchronous code with `group_send_many`. Through
    `async_to_sync` each push would make an event loop and a connection of its own; here a process
    keeps one connection.
    """

    def __init__(self, *, url: str, prefix: str = "parkmate") -> None:
        super().__init__(hosts=[url], prefix=prefix)
        self._prefix = prefix
        self._quiet_until = 0.0
        self._pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=1,
            timeout=TIMEOUT,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = redis.Redis(connection_pool=self._pool)

    # --- Asynchronous, for sockets ---------------------------------------------------------

    async def new_channel(self, prefix: str = "specific.") -> str:
        """A name for one socket's messages. It stays in this process: we send to groups only.

        So a socket costs Redis no subscription of its own, and can be opened while Redis is away.
        """
        layer = self._get_layer()
        channel = f"{layer.prefix}{prefix}{uuid.uuid4().hex}"
        layer.channels[channel] = Newest()
        return channel

    def send_here(self, channel: str, message: dict[str, Any]) -> None:
        """Send to a socket of this process, without Redis."""
        queue = self._get_layer().channels.get(channel)
        if queue is not None:
            queue.put_nowait(self.serialize(message))

    async def group_add(self, group: str, channel: str) -> None:
        """Join. Without an answer of Redis it is a promise, which `keep_hearing` keeps."""
        layer = self._get_layer()
        name = layer._get_group_channel_name(group)
        layer.groups.setdefault(name, set()).add(channel)
        await self._soon(layer._get_shard(name).subscribe(name))

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave; the last one to leave ends the subscription."""
        layer = self._get_layer()
        name = layer._get_group_channel_name(group)
        members = layer.groups.get(name, set())
        members.discard(channel)
        if name in layer.groups and not members:
            del layer.groups[name]
            await self._soon(layer._get_shard(name).unsubscribe(name))

    async def group_send(self, group: str, message: dict[str, Any]) -> bool:
        """Publish; whether Redis took it."""
        layer = self._get_layer()
        name = layer._get_group_channel_name(group)
        return await self._soon(layer._get_shard(name).publish(name, self.serialize(message)))

    async def hears(self) -> bool:
        """Whether a message that this process publishes comes back to it."""
        channel = await self.new_channel("canary.")
        group = f"canary.{uuid.uuid4().hex}"
        queue = self._get_layer().channels[channel]
        await self.group_add(group, channel)
        try:
            if not await self.group_send(group, {}):
                return False
            async with asyncio.timeout(ECHO_TIMEOUT):
                await queue.get()
        except TimeoutError:
            return False
        finally:
            await self.group_discard(group, channel)
            self._get_layer().channels.pop(channel, None)
        return True

    async def keep_hearing(self) -> None:
        """Begin anew, on a new connection, if nothing is heard; subscribe to whatever group is missing."""
        layer = self._get_layer()
        if not await self.hears():
            for shard in layer._shards:
                await self._soon(shard.flush())
        for shard in layer._shards:
            names = [name for name in layer.groups if layer._get_shard(name) is shard]
            missing = [name for name in names if name not in shard._subscribed_to]
            for start in range(0, len(missing), GROUPS_PER_BATCH):
                await self._soon(_subscribe(shard, missing[start : start + GROUPS_PER_BATCH]))

    async def _soon(self, asked: Awaitable[None]) -> bool:
        """Wait for Redis a moment; whether it answered."""
        try:
            # `wait_for` of Python 3.11 forgets that it was cancelled if the answer comes in that moment.
            async with asyncio.timeout(TIMEOUT):
                await asked
        except (redis.RedisError, OSError, RuntimeError):
            # RuntimeError is uvloop's word for a connection that broke while it was written to.
            return False
        return True

    # --- Synchronous, for everybody --------------------------------------------------------

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


async def _subscribe(shard: Any, names: Sequence[str]) -> None:
    """Subscribe to many groups at once; the base class does it one by one."""
    async with shard._lock:
        # Those that were left while we waited would stay subscribed for ever.
        names = [name for name in names if name in shard.channel_layer.groups]
        if not names:
            return
        shard._ensure_redis()
        shard._ensure_receiver()
        await shard._pubsub.subscribe(*names)
        shard._subscribed_to.update(names)
