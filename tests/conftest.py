"""The named cast, and the database they live in. Every test commits for real: notices follow commits."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from celery import current_app
from channels.layers import get_channel_layer
from django.db import connection
from django.test import Client, TransactionTestCase

from parking import readiness, timers
from parking.actions import bookings
from parking.models import Booking, Lot, Notification, Payment, Pulse, Slot, Timer, User
from parkmate.embedded import free_port as find_free_port
from tests.world import World, build


@pytest.fixture(scope="session")
def django_db_modify_db_settings(services: Any) -> None:
    """pytest-django makes its database right after this: by then the server runs."""


@pytest.fixture(scope="session", autouse=True)
def emptied_quickly() -> Iterator[None]:
    """After a test only what it wrote is deleted: `flush` truncates all tables and makes all permissions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: empty())
        yield


def empty() -> None:
    """Delete all rows but those that are there from the beginning, without looking at who refers to whom."""
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY)


_EMPTY = """
DO $$
DECLARE
    name text;
    written boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
        AND tablename NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO written;
        IF written AND pg_relation_size(format('%I', name)::regclass) > 262144 THEN
            -- Deleted rows stay in the file, and later tests would read past them.
            EXECUTE format('TRUNCATE %I CASCADE', name);
        ELSIF written THEN
            EXECUTE format('DELETE FROM %I', name);
        END IF;
    END LOOP;
END $$
"""


@pytest.fixture
def db(transactional_db: None) -> None:
    """The database, with real commits."""


@dataclass
class Cast:
    """Dina drives, Omar owns a lot, Ada is staff, Eve is a stranger who must be refused."""

    dina: User
    omar: User
    ada: User
    eve: User
    lot: Lot
    slot: Slot


@pytest.fixture
def cast(db: None) -> Cast:
    def person(name: str, **fields: Any) -> User:
        return User.objects.create(username=name, password="!", **fields)

    omar = person("omar", role=User.Role.OWNER)
    lot = Lot.objects.create(owner=omar, name="Central", address="1 High Street")
    return Cast(
        dina=person("dina"),
        omar=omar,
        ada=person("ada", is_staff=True, is_superuser=True),
        eve=person("eve"),
        lot=lot,
        slot=Slot.objects.create(lot=lot, number=7, hourly_rate=Decimal("6.00")),
    )


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The Celery messages that were sent, instead of sending them."""
    sent: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **kw: sent.append((name, kw)))
    # Another test's broker may have failed a moment ago.
    monkeypatch.setattr(timers, "_quiet_until", 0.0)
    return sent


@pytest.fixture
def book(cast: Cast, alarms: Any) -> Callable[..., Booking]:
    """Dina books Omar's slot for an hour from now, unless told otherwise."""

    def book(*, minutes: float = 60, **wish: Any) -> Booking:
        start = wish.get("starts_at") or timers.now()
        wish = {
            "driver": cast.dina,
            "slot_id": cast.slot.pk,
            "vehicle_number": "KA01AB1234",
            "ends_at": start + timedelta(minutes=minutes),
            "method": Payment.Method.CARD,
            "token": "tok_visa",
            **wish,
        }
        return bookings.book(**wish)

    return book


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """One of everything, made once for a file whose tests undo what they do."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(current_app, "send_task", lambda name, **kw: None)
        yield build()
        empty()


def time_passes(booking: Booking, **delta: float) -> None:
    """Move a booking and its timers into the past: the database's clock cannot be set, but rows can."""
    by = timedelta(**delta)
    Booking.objects.filter(pk=booking.pk).update(
        starts_at=booking.starts_at - by, ends_at=booking.ends_at - by
    )
    for timer in booking.timers.all():
        Timer.objects.filter(pk=timer.pk).update(due_at=timer.due_at - by)
    booking.refresh_from_db()


def told(user: User) -> list[str]:
    """The events of a user's inbox, in the order of their numbers."""
    rows = Notification.objects.filter(recipient=user).order_by("seq", "id")
    return [row.event for row in rows]


def timer_states(booking: Booking) -> dict[str, str]:
    """The state of each kind's latest timer."""
    return {timer.kind: timer.state for timer in booking.timers.order_by("id")}


@pytest.fixture
def as_user() -> Callable[[User], Client]:
    """An HTTP client signed in as somebody."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def soon(**delta: float) -> datetime:
    """A moment from now, by the database's clock."""
    return timers.now() + timedelta(**delta)


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps are completed all through the test; and whether we are ready is asked of the rows each time."""
    monkeypatch.setattr(readiness, "GOOD_FOR", -1.0)
    Pulse.objects.create(name=readiness.SWEEP, at=soon(hours=1))


@pytest_asyncio.fixture
async def layer() -> AsyncIterator[Any]:
    """The channel layer of the test's event loop; its connections end with the test."""
    yield get_channel_layer()
    await get_channel_layer().flush()


@pytest.fixture
def free_port() -> int:
    """A loopback port where nobody listens."""
    return find_free_port()
