"""Car washes: what a lot offers, and what was ordered."""

from typing import Any, ClassVar, Self, TypeAlias

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .base import HasLife, one_of
from .bookings import Booking
from .lots import Lot
from .staff import Employee
from .users import User


class CarWashType(models.Model):
    """A kind of wash that a lot offers, and its price."""

    lot = models.ForeignKey(Lot, models.PROTECT, related_name="car_wash_types")
    name = models.CharField(max_length=50)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    is_offered = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lot", "name"], name="car_wash_type_once_per_lot"),
            models.CheckConstraint(
                condition=Q(price__gte=0),
                name="car_wash_type_price_not_negative",
                violation_error_message="A price is not negative.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CarWashStatus(models.TextChoices):
    REQUESTED = "REQUESTED", "Requested"
    IN_PROGRESS = "IN_PROGRESS", "In progress"
    COMPLETED = "COMPLETED", "Completed"
    CANCELLED = "CANCELLED", "Cancelled"


# The legal moves, from → to. Everything not here is refused.
MOVES: dict[str, frozenset[str]] = {
    CarWashStatus.REQUESTED: frozenset({CarWashStatus.IN_PROGRESS, CarWashStatus.CANCELLED}),
    CarWashStatus.IN_PROGRESS: frozenset({CarWashStatus.COMPLETED}),
    CarWashStatus.COMPLETED: frozenset(),
    CarWashStatus.CANCELLED: frozenset(),
}


class CarWashQuerySet(models.QuerySet["CarWash"]):
    """The questions asked of car washes."""

    def visible_to(self, user: User) -> Self:
        """Those this person may see: a driver's own, those at an owner's lots, all for staff."""
        if user.is_staff:
            return self
        return self.filter(Q(driver=user) | Q(wash_type__lot__owner=user))


class CarWash(HasLife):
    """A wash that a driver ordered, with a booking or by itself. The price is the one of its day."""

    Status: TypeAlias = CarWashStatus
    MOVES = MOVES

    driver = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="car_washes")
    booking = models.ForeignKey(Booking, models.PROTECT, null=True, blank=True, related_name="car_washes")
    wash_type = models.ForeignKey(CarWashType, models.PROTECT, related_name="car_washes")
    employee = models.ForeignKey(Employee, models.PROTECT, null=True, blank=True, related_name="car_washes")
    status = models.CharField(max_length=11, choices=CarWashStatus, default=CarWashStatus.REQUESTED)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    objects = CarWashQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "car washes"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(price__gte=0), name="car_wash_price_not_negative"),
            one_of("status", CarWashStatus, name="car_wash_status_known"),
        ]
        indexes: ClassVar = [models.Index(fields=["driver", "-id"], name="car_wash_of_driver")]

    def __str__(self) -> str:
        return f"{self.wash_type} for {self.driver_id}: {self.status}"

    def facts(self) -> dict[str, Any]:
        """What a notice about this wash carries: JSON values only."""
        return {
            "car_wash": {"id": self.pk, "status": self.status, "type": self.wash_type.name},
            "lot": self.wash_type.lot_id,
        }
