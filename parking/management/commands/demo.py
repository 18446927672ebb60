"""Something to look at: three people, two lots, and a booking whose warning comes within half a minute."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from parking import timers
from parking.actions import bookings
from parking.models import Booking, CarWashType, Employee, Lot, Payment, Slot, User

DEMO_PASSWORD = "parkmate-demo"  # noqa: S105 - printed for everyone at the start
DEMO_USERS = {"dina": "driver", "omar": "owner", "ada": "staff"}

# The demo booking's warning comes this long after the start, time enough to open a second terminal.
WARNING_AFTER = timedelta(seconds=25)


class Command(BaseCommand):
    """Loads people and lots once, and gives the demo driver a booking at each start that finds none."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            if not User.objects.filter(username__in=DEMO_USERS).exists():
                _load()
        driver = User.objects.filter(username="dina").first()
        slot = Slot.objects.filter(lot__owner__username="omar", is_active=True).order_by("pk").first()
        if driver and slot and not driver.bookings.filter(status__in=_OPEN).exists():
            _book(driver, slot)


_OPEN = (Booking.Status.PENDING, Booking.Status.BOOKED, Booking.Status.EXPIRED)


def _load() -> None:
    User.objects.create_user("dina", password=DEMO_PASSWORD, role=User.Role.DRIVER)
    User.objects.create_superuser("ada", password=DEMO_PASSWORD)
    omar = User.objects.create_user("omar", password=DEMO_PASSWORD, role=User.Role.OWNER)
    central = Lot.objects.create(
        owner=omar,
        name="Central Garage",
        address="1 High Street",
        latitude="12.975600",
        longitude="77.605000",
    )
    station = Lot.objects.create(
        owner=omar, name="Station Yard", address="Station Road", latitude="12.978200", longitude="77.569500"
    )
    _washes(central)
    _slots(central, count=8, hourly_rate=Decimal("60.00"))
    _slots(station, count=4, hourly_rate=Decimal("35.00"))


def _washes(lot: Lot) -> None:
    for name, price in (("Quick rinse", "150.00"), ("Inside and out", "400.00")):
        CarWashType.objects.create(lot=lot, name=name, price=Decimal(price))
    for name in ("Wahid", "Meera"):
        Employee.objects.create(owner=lot.owner, name=name)


def _slots(lot: Lot, *, count: int, hourly_rate: Decimal) -> None:
    Slot.objects.bulk_create(
        Slot(lot=lot, number=number, hourly_rate=hourly_rate) for number in range(1, count + 1)
    )


def _book(driver: User, slot: Slot) -> None:
    lead = timedelta(seconds=settings.WARNING_LEAD_SECONDS)
    bookings.book(
        driver=driver,
        slot_id=slot.pk,
        vehicle_number="KA01AB1234",
        ends_at=timers.now() + lead + WARNING_AFTER,
        method=Payment.Method.CARD,
        token="tok_visa",  # noqa: S106 - the sandbox's
    )
