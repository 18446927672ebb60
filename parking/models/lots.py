"""Lots and their slots. Whether a slot is free is a question to the bookings, never a column here."""

from typing import ClassVar, TypeAlias

from django.conf import settings
from django.db import models
from django.db.models import Q

from .base import one_of


class Lot(models.Model):
    """A place with slots, and its owner."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="lots")
    name = models.CharField(max_length=100)
    address = models.CharField(max_length=300)
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                # Each must be there: a comparison with NULL is unknown, which a constraint lets pass.
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
                name="lot_position_on_earth",
                violation_error_message="A position needs both, a latitude from -90 to 90 and a longitude"
                " from -180 to 180.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class SlotVehicleType(models.TextChoices):
    CAR = "car", "Car"
    MOTORCYCLE = "motorcycle", "Motorcycle"
    VAN = "van", "Van"


class Slot(models.Model):
    """One place for one vehicle. An inactive slot takes no new bookings."""

    VehicleType: TypeAlias = SlotVehicleType

    lot = models.ForeignKey(Lot, models.PROTECT, related_name="slots")
    number = models.PositiveIntegerField()
    vehicle_type = models.CharField(max_length=12, choices=SlotVehicleType, default=SlotVehicleType.CAR)
    hourly_rate = models.DecimalField(max_digits=8, decimal_places=2)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lot", "number"], name="slot_number_once_per_lot"),
            models.CheckConstraint(
                condition=Q(hourly_rate__gte=0),
                name="slot_rate_not_negative",
                violation_error_message="A rate is not negative.",
            ),
            one_of("vehicle_type", SlotVehicleType, name="slot_vehicle_type_known"),
        ]

    def __str__(self) -> str:
        return f"{self.lot} #{self.number}"
