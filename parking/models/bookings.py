"""A booking, the states it goes through, and the one table of legal moves."""

from typing import Any, ClassVar, Self, TypeAlias

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now

from .base import HasLife, one_of
from .lots import Slot
from .users import User


class BookingStatus(models.TextChoices):
    """The states of a booking's life."""

    PENDING = "PENDING", "Pending: cash not yet verified"
    BOOKED = "BOOKED", "Booked"
    EXPIRED = "EXPIRED", "Expired: slot free, may be renewed"
    COMPLETED = "COMPLETED", "Completed"
    CANCELLED = "CANCELLED", "Cancelled by the driver"
    CANCELLED_BY_ADMIN = "CANCELLED_BY_ADMIN", "Declined"


# These hold the slot, for their own period only.
HOLDING = (BookingStatus.PENDING, BookingStatus.BOOKED)

# The legal moves, from → to. Everything not here is refused.
MOVES: dict[str, frozenset[str]] = {
    BookingStatus.PENDING: frozenset(
        {
            BookingStatus.BOOKED,
            BookingStatus.EXPIRED,
            BookingStatus.CANCELLED,
            BookingStatus.CANCELLED_BY_ADMIN,
        }
    ),
    BookingStatus.BOOKED: frozenset(
        {BookingStatus.EXPIRED, BookingStatus.CANCELLED, BookingStatus.CANCELLED_BY_ADMIN}
    ),
    BookingStatus.EXPIRED: frozenset({BookingStatus.COMPLETED}),
    BookingStatus.COMPLETED: frozenset(),
    BookingStatus.CANCELLED: frozenset(),
    BookingStatus.CANCELLED_BY_ADMIN: frozenset(),
}


class BookingQuerySet(models.QuerySet["Booking"]):
    """The questions asked of bookings."""

    def holding(self) -> Self:
        """Those that hold their slot."""
        return self.filter(status__in=HOLDING)

    def visible_to(self, user: User) -> Self:
        """Those this person may see: a driver's own, those at an owner's lots, all for staff."""
        if user.is_staff:
            return self
        return self.filter(Q(driver=user) | Q(slot__lot__owner=user))


class Booking(HasLife):
    """One slot held for one driver, from `starts_at` up to, not including, `ends_at`."""

    Status: TypeAlias = BookingStatus
    MOVES = MOVES

    driver = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="bookings")
    slot = models.ForeignKey(Slot, models.PROTECT, related_name="bookings")
    vehicle_number = models.CharField(max_length=15)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.CharField(max_length=20, choices=BookingStatus)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    renewed_from = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="renewed_by"
    )
    created_at = models.DateTimeField(db_default=Now())

    objects = BookingQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            # A range of one id stands for the id, so that GiST needs no extension.
            ExclusionConstraint(
                name="booking_slot_held_once",
                expressions=[
                    (
                        Func(F("slot_id"), F("slot_id"), Value("[]"), function="int8range"),
                        RangeOperators.EQUAL,
                    ),
                    (Func(F("starts_at"), F("ends_at"), function="tstzrange"), RangeOperators.OVERLAPS),
                ],
                condition=Q(status__in=HOLDING),
            ),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="booking_ends_after_start"),
            models.CheckConstraint(condition=Q(price__gte=0), name="booking_price_not_negative"),
            one_of("status", BookingStatus, name="booking_status_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["driver", "-id"], name="booking_of_driver"),
            # The question of `keep_astray`: what ends soon?
            models.Index(fields=["ends_at"], condition=Q(status__in=HOLDING), name="booking_ends"),
        ]

    def __str__(self) -> str:
        return f"Booking {self.pk} of slot {self.slot_id}"

    def facts(self) -> dict[str, Any]:
        """What a notice about this booking carries: JSON values only."""
        return {
            "booking": {"id": self.pk, "status": self.status, "ends_at": self.ends_at.isoformat()},
            "slot": self.slot.number,
            "lot": self.slot.lot_id,
        }
