"""What was paid, how, and who verified it. No card data is ever here, only the gateway's reference."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self, TypeAlias

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Now

from .base import HasLife, one_of
from .bookings import Booking
from .carwashes import CarWash
from .users import User


class PaymentMethod(models.TextChoices):
    CARD = "card", "Card"
    UPI = "upi", "UPI"
    CASH = "cash", "Cash"


class PaymentStatus(models.TextChoices):
    PENDING = "PENDING", "Pending: cash not yet verified, or not yet captured"
    PAID = "PAID", "Paid"
    VERIFIED = "VERIFIED", "Cash verified"
    FAILED = "FAILED", "Failed"


# The legal moves, from → to. Everything not here is refused. A refund is recorded beside them.
MOVES: dict[str, frozenset[str]] = {
    PaymentStatus.PENDING: frozenset({PaymentStatus.PAID, PaymentStatus.VERIFIED, PaymentStatus.FAILED}),
    PaymentStatus.PAID: frozenset(),
    PaymentStatus.VERIFIED: frozenset(),
    PaymentStatus.FAILED: frozenset(),
}


class PaymentQuerySet(models.QuerySet["Payment"]):
    """The questions asked of payments."""

    def visible_to(self, user: User) -> Self:
        """Those this person may see: a driver's own, those at an owner's lots, all for staff."""
        if user.is_staff:
            return self
        return self.filter(Q(booking__driver=user) | Q(car_wash__driver=user) | self._at_lots_of(user))

    def at_lots_of(self, owner: User) -> Self:
        """Those for bookings and washes at this owner's lots."""
        return self.filter(self._at_lots_of(owner))

    @staticmethod
    def _at_lots_of(owner: User) -> Q:
        return Q(booking__slot__lot__owner=owner) | Q(car_wash__wash_type__lot__owner=owner)

    def received(self, *, since: datetime, before: datetime | None = None) -> Self:
        """Money that came in that time and was not given back.

        Cash comes when it is verified; the rest, right after it was asked for.
        """
        came = self.alias(came_at=Coalesce("verified_at", "created_at")).filter(
            status__in=(PaymentStatus.PAID, PaymentStatus.VERIFIED),
            refund_due_at__isnull=True,
            came_at__gte=since,
        )
        return came if before is None else came.filter(came_at__lt=before)


class Payment(HasLife):
    """Money for one booking or one car wash; the amount is always computed by the server.

    A card or UPI payment is PENDING with a `reference` until it is captured, right after its commit.
    A refund is due from `refund_due_at` on, and given since `refunded_at`.
    """

    Method: TypeAlias = PaymentMethod
    Status: TypeAlias = PaymentStatus
    MOVES = MOVES

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
    refund_due_at = models.DateTimeField(null=True, blank=True)
    refunded_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = PaymentQuerySet.as_manager()

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
            models.CheckConstraint(
                condition=Q(refunded_at__isnull=True) | Q(refund_due_at__isnull=False),
                name="payment_refunded_when_due",
            ),
            models.CheckConstraint(
                condition=Q(refund_due_at__isnull=True) | Q(status__in=("PAID", "VERIFIED")),
                name="payment_refund_of_what_came",
            ),
            one_of("method", PaymentMethod, name="payment_method_known"),
            one_of("status", PaymentStatus, name="payment_status_known"),
        ]
        indexes: ClassVar = [
            # The question of `finish`: what was begun with the provider and is not done?
            models.Index(
                fields=["id"],
                condition=~Q(method="cash")
                & (Q(status="PENDING") | Q(refund_due_at__isnull=False, refunded_at__isnull=True)),
                name="payment_unfinished",
            ),
            # The owners' question: which cash is to be verified?
            models.Index(
                fields=["id"], condition=Q(method="cash", status="PENDING"), name="payment_cash_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} by {self.method}: {self.status}"

    @property
    def driver_id(self) -> int:
        """Who pays."""
        return self.thing.driver_id

    @property
    def owner_id(self) -> int:
        """Whose lot it is for."""
        thing = self.thing
        return (thing.slot.lot if isinstance(thing, Booking) else thing.wash_type.lot).owner_id

    @property
    def thing(self) -> Booking | CarWash:
        """What is paid for."""
        return self.booking or self.car_wash  # type: ignore[return-value]  # by a constraint, one of them

    def facts(self) -> dict[str, Any]:
        """What a notice about this payment carries: JSON values only."""
        paid = {"id": self.pk, "amount": str(Decimal(self.amount)), "status": self.status}
        return {**self.thing.facts(), "payment": paid}
