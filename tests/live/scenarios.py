"""Every event of the catalogue and the ways it comes about, door by door: one table for all who test it.

A scenario is a generator: what it does before its `yield` only prepares; what it does after is the cause.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from parking import timers
from parking.actions import bookings
from parking.errors import ParkingError
from parking.models import Booking, CarWash, CarWashType, Employee, EmployeeAssignment, Payment
from tests.conftest import Cast, time_passes

CARD = {"payment_method": "card", "payment_token": "tok_visa"}
DECLINED_CARD = {**CARD, "payment_token": "tok_declined"}
CASH = {"payment_method": "cash"}


@dataclass
class World:
    """The cast, and what they can do through each door."""

    cast: Cast
    post: Callable[..., dict[str, Any]]
    admin: Callable[..., None]

    def booking(self, door: str = "shell", *, paid: dict[str, str] = CARD) -> Booking:
        """Dina holds Omar's slot for an hour: booked over HTTP, or made in a shell."""
        ends_at = timers.now() + timedelta(hours=1)
        if door == "http":
            wish = {"slot": self.cast.slot.pk, "vehicle_number": "KA01AB1234", "ends_at": ends_at.isoformat()}
            made = self.post(self.cast.dina, "bookings/", {**wish, **paid})
            return Booking.objects.get(pk=made["id"])
        return Booking.objects.create(
            driver=self.cast.dina,
            slot=self.cast.slot,
            vehicle_number="KA01AB1234",
            starts_at=timers.now(),
            ends_at=ends_at,
            status=Booking.Status.BOOKED if paid == CARD else Booking.Status.PENDING,
            price=Decimal("6.00"),
        )

    def expired(self, door: str = "shell") -> Booking:
        """A booking of Dina's whose time was up a minute ago."""
        booking = self.booking(door)
        time_passes(booking, minutes=61)
        bookings.run_due()
        booking.refresh_from_db()
        return booking

    def renew(self, booking: Booking, door: str, *, paid: dict[str, str] = CARD) -> None:
        """Dina asks for another hour, and takes no for an answer."""
        ends_at = timers.now() + timedelta(hours=1)
        if door == "http":
            self.post(
                self.cast.dina, f"bookings/{booking.pk}/renew/", {"ends_at": ends_at.isoformat(), **paid}
            )
            return
        method, token = Payment.Method(paid["payment_method"]), paid.get("payment_token", "")
        with suppress(ParkingError):
            bookings.renew(booking.pk, by=self.cast.dina, ends_at=ends_at, method=method, token=token)

    def cash_payment(self) -> Payment:
        """What Dina is to pay at the desk."""
        booking = self.booking(paid=CASH)
        return Payment.objects.create(
            booking=booking, amount=booking.price, method=Payment.Method.CASH, status=Payment.Status.PENDING
        )

    def wash(self) -> CarWash:
        """Dina's car is being washed at Omar's lot."""
        wash_type = CarWashType.objects.create(lot=self.cast.lot, name="Quick", price=Decimal("10.00"))
        return CarWash.objects.create(
            driver=self.cast.dina,
            wash_type=wash_type,
            price=wash_type.price,
            status=CarWash.Status.IN_PROGRESS,
        )

    def employee(self) -> Employee:
        """Somebody who works for Omar."""
        return Employee.objects.create(owner=self.cast.omar, name="Wahid")


Scenario = Callable[[World, str], Iterator[None]]


def booking_warning(w: World, door: str) -> Iterator[None]:
    booking = w.booking(door)
    yield
    time_passes(booking, minutes=56)
    bookings.run_due()


def booking_expired(w: World, door: str) -> Iterator[None]:
    booking = w.booking("http" if door == "http" else "shell")
    yield
    if door == "row":
        _save(booking, status=Booking.Status.EXPIRED)
        return
    time_passes(booking, minutes=61)
    bookings.run_due()


def slot_auto_expired(w: World, door: str) -> Iterator[None]:
    booking = w.expired("http" if door == "http" else "shell")
    yield
    if door == "row":
        _save(booking, status=Booking.Status.COMPLETED)
        return
    time_passes(booking, minutes=10)
    bookings.run_due()


def renew_success(w: World, door: str) -> Iterator[None]:
    booking = w.expired()
    yield
    w.renew(booking, door)


def renew_failure(w: World, door: str) -> Iterator[None]:
    booking = w.expired()
    yield
    w.renew(booking, door, paid=DECLINED_CARD)


def renew_too_early(w: World, door: str) -> Iterator[None]:
    booking = w.booking()
    yield
    w.renew(booking, door)


def booking_declined(w: World, door: str) -> Iterator[None]:
    booking = w.booking()
    yield
    if door == "http":
        w.post(w.cast.omar, f"bookings/{booking.pk}/decline/")
    elif door == "admin":
        w.admin("booking", "decline", booking)
    else:
        _save(booking, status=Booking.Status.CANCELLED_BY_ADMIN)


def cash_verified(w: World, door: str) -> Iterator[None]:
    payment = w.cash_payment()
    yield
    if door == "http":
        w.post(w.cast.omar, f"owner/payments/{payment.pk}/verify/")
    elif door == "admin":
        w.admin("payment", "verify", payment)
    else:
        _save(
            payment, status=Payment.Status.VERIFIED, verified_by_id=w.cast.omar.pk, verified_at=timers.now()
        )


def new_booking(w: World, door: str) -> Iterator[None]:
    yield
    w.booking(door)


def carwash_completed(w: World, door: str) -> Iterator[None]:
    wash = w.wash()
    yield
    if door == "http":
        w.post(w.cast.omar, f"carwashes/{wash.pk}/complete/")
    elif door == "admin":
        w.admin("carwash", "complete", wash)
    else:
        _save(wash, status=CarWash.Status.COMPLETED)


def employee_assigned(w: World, door: str) -> Iterator[None]:
    employee = w.employee()
    yield
    where = {"employee": employee.pk, "lot": w.cast.lot.pk}
    if door == "http":
        w.post(w.cast.omar, "employee-assignments/", where)
    elif door == "admin":
        w.admin("employeeassignment", "add", **where)
    else:
        EmployeeAssignment.objects.create(employee=employee, lot=w.cast.lot, assigned_by=w.cast.ada)


# For each event who is told, and how it comes about. `shell`: a row saved, or the verb called, in a
# shell. `row`: the state itself saved in a shell, where `shell` is the clock's doing.
TABLE: dict[str, tuple[str, Scenario, tuple[str, ...]]] = {
    "BOOKING_WARNING": ("dina", booking_warning, ("http", "shell")),
    "BOOKING_EXPIRED": ("dina", booking_expired, ("http", "shell", "row")),
    "RENEW_SUCCESS": ("dina", renew_success, ("http", "shell")),
    "RENEW_FAILURE": ("dina", renew_failure, ("http", "shell")),
    "RENEW_TOO_EARLY": ("dina", renew_too_early, ("http", "shell")),
    "SLOT_AUTO_EXPIRED": ("dina", slot_auto_expired, ("http", "shell", "row")),
    "BOOKING_DECLINED": ("dina", booking_declined, ("http", "shell", "admin")),
    "CASH_VERIFIED": ("dina", cash_verified, ("http", "shell", "admin")),
    "NEW_BOOKING": ("omar", new_booking, ("http", "shell")),
    "CARWASH_COMPLETED": ("dina", carwash_completed, ("http", "shell", "admin")),
    "EMPLOYEE_ASSIGNED": ("omar", employee_assigned, ("http", "shell", "admin")),
}

# What else is told by the same cause: a renewal is also a new booking at the owner's lot.
BESIDES = {"RENEW_SUCCESS": {"omar": ["NEW_BOOKING"]}}

CASES = [(event, door) for event, (_, _, doors) in TABLE.items() for door in doors]


def expected(event: str) -> dict[str, list[str]]:
    """Who hears what in this event's scenarios: nobody else, nothing else."""
    who, _, _ = TABLE[event]
    heard: dict[str, list[str]] = {"dina": [], "omar": [], "ada": [], "eve": []}
    heard[who] = [event]
    return {**heard, **BESIDES.get(event, {})}


# --- Silence ----------------------------------------------------------------------------------

# For each change that signals announce: a row that is about to change, the change, and another field.
Change = tuple[Callable[[World], Any], dict[str, Any], dict[str, Any]]


def changes(cast: Cast) -> dict[str, Change]:
    """The changes of state that signals announce, as somebody in a shell would make them."""
    verified = {"verified_by_id": cast.omar.pk, "verified_at": timers.now()}
    plate = {"vehicle_number": "KA02XY0001"}
    return {
        "BOOKING_EXPIRED": (World.booking, {"status": Booking.Status.EXPIRED}, plate),
        "SLOT_AUTO_EXPIRED": (World.expired, {"status": Booking.Status.COMPLETED}, plate),
        "BOOKING_DECLINED": (World.booking, {"status": Booking.Status.CANCELLED_BY_ADMIN}, plate),
        "CASH_VERIFIED": (
            World.cash_payment,
            {"status": Payment.Status.VERIFIED, **verified},
            {"reference": "receipt 7"},
        ),
        "CARWASH_COMPLETED": (
            World.wash,
            {"status": CarWash.Status.COMPLETED},
            {"price": Decimal("9.00")},
        ),
    }


def an_unrelated_save(row: Any, change: dict[str, Any], other: dict[str, Any]) -> None:
    """Something else is saved, and then all of the unchanged row."""
    _save(row, **other)
    type(row).objects.get(pk=row.pk).save()


def a_save_that_leaves_it_out(row: Any, change: dict[str, Any], other: dict[str, Any]) -> None:
    """The change is made in memory only: `update_fields` leave it out."""
    for name, value in {**change, **other}.items():
        setattr(row, name, value)
    row.save(update_fields=list(other))


def a_rollback(row: Any, change: dict[str, Any], other: dict[str, Any]) -> None:
    """The change is saved, and rolled back."""
    with transaction.atomic():
        _save(row, **change)
        transaction.set_rollback(True)


SILENT = (an_unrelated_save, a_save_that_leaves_it_out, a_rollback)


def _save(row: Any, **fields: Any) -> None:
    """What somebody in a shell does: load, set, save."""
    loaded = type(row).objects.get(pk=row.pk)
    for name, value in fields.items():
        setattr(loaded, name, value)
    loaded.save()


def save_twice(row: Any, change: dict[str, Any]) -> None:
    """The change is saved, and saved again: by the same hand, and by one that loaded it before."""
    early = type(row).objects.get(pk=row.pk)
    _save(row, **change)
    _save(row, **change)
    for name, value in change.items():
        setattr(early, name, value)
    early.save()


PEOPLE = ("dina", "omar", "ada", "eve")
