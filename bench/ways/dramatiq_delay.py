"""A delayed message of dramatiq per booking."""

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.ways import REDELIVER, work

if TYPE_CHECKING:
    from parking.models import Booking

options = {}
if seconds := os.environ.get(REDELIVER):
    # By default one command in a thousand looks for the messages of the dead.
    options = {"heartbeat_timeout": round(float(seconds) * 1000), "maintenance_chance": 100_000}
dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"], **options))

expire = dramatiq.actor(work.expire, actor_name="expire")


def arm(bookings: Sequence["Booking"]) -> None:
    """One delayed message for each."""
    for booking in bookings:
        delay = booking.ends_at.timestamp() - time.time()
        expire.send_with_options(args=(booking.pk,), delay=max(0, round(delay * 1000)))
