"""Live pages: whoever draws something is told, by topic, that it has changed, and reads it anew.

A word about a change is only a hint, said after the commit. It may be lost; `versions` finds what
nobody told. A topic is a lot as anyone sees it, an owner's desk, or all that is one person's own.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from typing import Any

from channels.layers import get_channel_layer
from django.db import connection
from django.db.models import Model

from parking.connections import after_commit_once
from parking.models import (
    Booking,
    CarWash,
    CarWashType,
    Employee,
    EmployeeAssignment,
    Lot,
    Payment,
    Slot,
)

logger = logging.getLogger(__name__)

# Whether every promise can be kept: told by the web process itself, when it finds that this has changed.
HEALTH = "health"

# The channel-layer group of all processes that have sockets: each picks what its own follow.
EVERYBODY = "changes"


def lot(lot_id: int) -> str:
    """The topic of a lot: its slots, their prices, and when they are free."""
    return f"lot:{lot_id}"


def desk(owner_id: int) -> str:
    """The topic of an owner's desk: all that happens at their lots."""
    return f"desk:{owner_id}"


def me(user_id: int) -> str:
    """The topic of what is one person's own: bookings, payments, washes, what is read, preferences."""
    return f"me:{user_id}"


TOPICS: dict[type[Model], Callable[[Any], Collection[str]]] = {
    Lot: lambda row: (lot(row.pk), desk(row.owner_id)),
    Slot: lambda row: (lot(row.lot_id), desk(row.lot.owner_id)),
    CarWashType: lambda row: (lot(row.lot_id), desk(row.lot.owner_id)),
    Booking: lambda row: (lot(row.slot.lot_id), desk(row.slot.lot.owner_id), me(row.driver_id)),
    CarWash: lambda row: (desk(row.wash_type.lot.owner_id), me(row.driver_id)),
    Payment: lambda row: (desk(row.owner_id), me(row.driver_id)),
    Employee: lambda row: (desk(row.owner_id),),
    EmployeeAssignment: lambda row: (desk(row.lot.owner_id),),
}


def changed(*rows: Model) -> None:
    """Say, if and when the present transaction commits, that these rows are not as they were."""
    say({topic for row in rows for topic in TOPICS[type(row)](row)})


def say(topics: Collection[str]) -> None:
    """Say, if and when the present transaction commits, that these topics are not as they were."""
    if topics:
        after_commit_once(_say, topics)


def versions(topics: Iterable[str]) -> dict[str, int]:
    """A number for each of these topics that is another one when what is drawn of it has changed.

    One query. A topic without anything to draw is absent; so is HEALTH, which is no row.
    """
    ids: dict[str, list[int]] = {"lot": [], "desk": [], "me": []}
    for topic in set(topics) - {HEALTH}:
        kind, _, pk = topic.partition(":")
        ids[kind].append(int(pk))
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS, ids)
        return {topic: int(version) for topic, version in cursor.fetchall()}


def _say(topics: Collection[str]) -> None:
    message = {"type": "changed", "topics": sorted(topics)}
    try:
        get_channel_layer().group_send_many([(EVERYBODY, message)])
    except OSError as error:
        logger.warning("Pages were not told of a change", extra={"error": str(error)})


# What is open is drawn as it is; what leaves it (a booking that is over, cash that was verified) changes
# the sum as well. So nobody's past is read.
_VERSIONS = """
WITH lots AS (
    SELECT 'lot:' || id AS topic, id FROM parking_lot WHERE id = ANY(%(lot)s)
    UNION ALL
    SELECT 'desk:' || owner_id, id FROM parking_lot WHERE owner_id = ANY(%(desk)s)
), bookings AS (
    -- A booking that was made for later takes its slot by the clock alone.
    SELECT lots.topic, b.starts_at <= clock_timestamp() AS begun, b.* FROM lots
    JOIN parking_slot s ON s.lot_id = lots.id JOIN parking_booking b ON b.slot_id = s.id
    WHERE b.status IN ('PENDING', 'BOOKED') OR (b.status = 'EXPIRED' AND starts_with(lots.topic, 'desk:'))
    UNION ALL
    SELECT 'me:' || b.driver_id, b.starts_at <= clock_timestamp(), b.* FROM parking_booking b
    WHERE b.driver_id = ANY(%(me)s) AND b.status IN ('PENDING', 'BOOKED', 'EXPIRED')
), washes AS (
    SELECT lots.topic, w.* FROM lots
    JOIN parking_carwashtype t ON t.lot_id = lots.id JOIN parking_carwash w ON w.wash_type_id = t.id
    WHERE w.status IN ('REQUESTED', 'IN_PROGRESS') AND starts_with(lots.topic, 'desk:')
    UNION ALL
    SELECT 'me:' || w.driver_id, w.* FROM parking_carwash w
    WHERE w.driver_id = ANY(%(me)s) AND w.status IN ('REQUESTED', 'IN_PROGRESS')
), drawn AS (
    SELECT lots.topic, l::text AS row FROM lots JOIN parking_lot l ON l.id = lots.id
    UNION ALL SELECT lots.topic, s::text FROM lots JOIN parking_slot s ON s.lot_id = lots.id
    UNION ALL SELECT lots.topic, t::text FROM lots JOIN parking_carwashtype t ON t.lot_id = lots.id
    UNION ALL SELECT topic, bookings::text FROM bookings
    UNION ALL SELECT topic, washes::text FROM washes
    UNION ALL SELECT topic, p::text FROM bookings JOIN parking_payment p ON p.booking_id = bookings.id
        WHERE NOT starts_with(topic, 'lot:')
    UNION ALL SELECT topic, p::text FROM washes JOIN parking_payment p ON p.car_wash_id = washes.id
    UNION ALL SELECT 'desk:' || owner_id, e::text FROM parking_employee e WHERE owner_id = ANY(%(desk)s)
    UNION ALL SELECT lots.topic, a::text FROM lots JOIN parking_employeeassignment a ON a.lot_id = lots.id
        WHERE starts_with(lots.topic, 'desk:')
    UNION ALL SELECT 'me:' || user_id, m::text FROM parking_mute m WHERE user_id = ANY(%(me)s)
    UNION ALL SELECT 'me:' || recipient_id, id::text FROM parking_notification
        WHERE recipient_id = ANY(%(me)s) AND read_at IS NULL AND seq IS NOT NULL
)
SELECT topic, sum(hashtextextended(row, 0)) FROM drawn GROUP BY topic
"""
