"""The broker's transport: a Redis that refuses is waited for, like one that is away."""

import logging
from contextlib import suppress
from typing import Any

from kombu.transport import redis, virtual
from redis.exceptions import ResponseError

logger = logging.getLogger(__name__)


class QoS(redis.QoS):
    """What was taken from a queue and is not done, kept in Redis for another worker if this one dies."""

    _refused = False

    def append(self, message: Any, delivery_tag: str) -> None:
        """A message that Redis does not keep is done all the same: it has left its queue already.

        Only if this worker does not come to do it, it is lost.
        """
        try:
            super().append(message, delivery_tag)
            self._refused = False
        except ResponseError as error:
            virtual.QoS.append(self, message, delivery_tag)
            if not self._refused:
                logger.warning("Redis takes no messages", extra={"error": str(error)})
            self._refused = True

    def ack(self, delivery_tag: str) -> None:
        """What was done after its connection was lost comes again, and finds nothing to do.

        So does what Redis did not hear to be done; here it is done with, and makes room for the next.
        """
        if self.channel.closed:
            return
        try:
            super().ack(delivery_tag)
        except Transport.connection_errors as error:
            virtual.QoS.ack(self, delivery_tag)
            logger.warning("Redis was not told that a message is done", extra={"error": str(error)})
        # kombu keeps what is done until the next message comes: of a crowd of alarms, megabytes.
        if 2 * len(self._dirty or ()) >= len(self._delivered or ()):
            self._flush()  # type: ignore[attr-defined]

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Likewise, it comes again."""
        if not self.channel.closed:
            super().reject(delivery_tag, requeue=requeue)


class Channel(redis.Channel):
    """A channel that closes to the end, whatever Redis answers to its goodbye."""

    QoS = QoS
    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        """One for as long as there is one pool: kombu makes one for each message taken, done or sent."""
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[misc]
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = super()._create_client()  # type: ignore[misc]
        return self._kept

    def close(self) -> None:
        """Else its connections, and those of all that would be closed after it, stayed open.

        The first try may stumble over the answer that the channel was waiting for.
        """
        for _ in range(2):
            with suppress(*Transport.connection_errors):
                super().close()
                return
            self._disconnect_pools()  # type: ignore[attr-defined]


class Transport(redis.Transport):
    """A refusal is a lost connection: Celery connects again, later and later, and says so in one line.

    Out of memory, a replica after a failover, a disk that is full: kombu takes such answers for mistakes of
    the program, and the worker ends.
    """

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, ResponseError)

    def establish_connection(self) -> Any:
        """Connected is who may write; who may not would be refused right after, again and again."""
        connection: Any = super().establish_connection()
        channel = self._avail_channels[-1]  # type: ignore[attr-defined]
        try:
            # Nothing, to nowhere: refused like every write, and else without effect.
            channel.client.setrange(channel.unacked_mutex_key, 0, "")
        except BaseException:
            self.close_connection(connection)
            raise
        return connection
