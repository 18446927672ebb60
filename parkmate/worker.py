"""What a Celery worker does when the broker is lost, besides waiting for it."""

import gc

from celery.worker import consumer


class Consumer(consumer.Consumer):
    """Celery's, which gives back what it has lost."""

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """redis-py leaves lost connections in cycles, with their sockets: what was lost before goes now,

        and not when the collector happens to come by.
        """
        super().on_connection_error_after_connected(exc)
        gc.collect()
