"""Who is in a measurement: drivers with their sessions, a lot, and bookings that end when they shall."""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING

# Django is set up only once the servers run: until then, its models cannot be imported.
if TYPE_CHECKING:
    from parking.models import Booking

HOUR = timedelta(hours=1)

# No two people have the same name.
_names = itertools.count()


def make_drivers(count: int) -> list[int]:
    """So many drivers; return their ids."""
    from parking.models import User

    made = User.objects.bulk_create(
        User(username=f"driver{next(_names)}", password="!") for _ in range(count)
    )
    return [user.pk for user in made]


def sign_in(drivers: Sequence[int]) -> dict[int, str]:
    """A session for each of these drivers, as a sign-in makes it; return the session's key for each id."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.utils import timezone

    from parking.models import User

    store = import_module(settings.SESSION_ENGINE).SessionStore
    rows = {}
    for user in User.objects.in_bulk(drivers).values():
        session = store()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        rows[user.pk] = store.get_model_class()(
            session_key=session._get_new_session_key(),
            session_data=session.encode(session._session),
            expire_date=timezone.now() + timedelta(days=1),
        )
    store.get_model_class().objects.bulk_create(rows.values())
    return {pk: row.session_key for pk, row in rows.items()}


def make_slots(count: int) -> list[int]:
    """An owner's lot with so many slots; return their ids."""
    from parking.models import Lot, Slot, User

    owner = User.objects.create(username=f"owner{next(_names)}", password="!", role=User.Role.OWNER)
    lot = Lot.objects.create(owner=owner, name="Large", address="Everywhere")
    slots = Slot.objects.bulk_create(
        Slot(lot=lot, number=number, hourly_rate=60) for number in range(1, count + 1)
    )
    return [slot.pk for slot in slots]


def book(
    slots: Sequence[int], drivers: Sequence[int], *, due_at: datetime, spread: float = 0
) -> list["Booking"]:
    """A booking of each slot, ending at `due_at` or evenly over `spread` seconds from then; no timers.

    The drivers take turns.
    """
    from parking.models import Booking

    step = timedelta(seconds=spread) / len(slots)
    made = (
        Booking(
            driver_id=drivers[number % len(drivers)],
            slot_id=slot,
            vehicle_number="KA01AB1234",
            starts_at=due_at - HOUR,
            ends_at=due_at + number * step,
            status=Booking.Status.BOOKED,
            price=60,
        )
        for number, slot in enumerate(slots)
    )
    # A statement has at most 65,535 parameters.
    return Booking.objects.bulk_create(made, batch_size=2000)
