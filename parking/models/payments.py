"""What was paid, how, and who verified it. No card data is ever here, only the gateway's reference."""

from typing import ClassVar, TypeAlias

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .base import one_of
from .bookings import Booking
from .carwashes import CarWash


class PaymentMethod(models.TextChoices):
    CARD = "card", "Card"
    UPI = "upi", "UPI"
    CASH = "cash", "Cash"


class PaymentStatus(models.TextChoices):
    PENDING = "PENDING", "Pending: cash not yet verified"
    PAID = "PAID", "Paid"
    VERIFIED = "VERIFIED", "Cash verified"
    FAILED = "FAILED", "Failed"


class Payment(models.Model):
    """Money for one booking or one car wash; the amount is always computed by the server."""

    Method: TypeAlias = PaymentMethod
    Status: TypeAlias = PaymentStatus

    booking = models.ForeignKey(Booking, models.PROTECT, null=True, blank=True, related_name="payments")
    car_wash = models.ForeignKey(CarWash, models.PROTECT, null=True, blank=True, related_name="payments")
    method = models.CharField(max_length=4, choices=PaymentMethod)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    status = models.CharField(max_length=8, choices=PaymentStatus)
    reference = models.CharField(max_length=100, blank=True)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="verified_payments"
    )
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(booking__isnull=False, car_wash__isnull=True)
                | Q(booking__isnull=True, car_wash__isnull=False),
                name="payment_for_one_thing",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="payment_amount_not_negative"),
            models.CheckConstraint(
                condition=~Q(status="VERIFIED") | Q(verified_by__isnull=False, verified_at__isnull=False),
                name="payment_verified_by_someone",
            ),
            one_of("method", PaymentMethod, name="payment_method_known"),
            one_of("status", PaymentStatus, name="payment_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} by {self.method}: {self.status}"
