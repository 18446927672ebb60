"""Payments: what came, what has to be verified, and what has to go back."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from parking.actions import payments
from parking.admin.base import History, link_to, linked
from parking.admin.verbs import ActingPage, Verb
from parking.models import Payment


class ToDo(admin.SimpleListFilter):
    """What waits for a person."""

    title = "to do"
    parameter_name = "todo"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("verify", "Cash to verify"), ("hand_back", "Cash to hand back")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payment]) -> QuerySet[Payment]:
        cash = queryset.filter(method=Payment.Method.CASH)
        if self.value() == "verify":
            return cash.filter(status=Payment.Status.PENDING)
        if self.value() == "hand_back":
            return cash.filter(refund_due_at__isnull=False, refunded_at__isnull=True)
        return queryset


@admin.display(description="for")
def thing(payment: Payment) -> SafeString:
    """What is paid for."""
    return link_to(payment.thing)


@admin.display(description="driver")
def driver(payment: Payment) -> SafeString:
    """Who pays."""
    return link_to(payment.thing.driver)


@admin.register(Payment)
class Payments(ActingPage, History):
    list_display = (
        "id",
        thing,
        driver,
        "method",
        "amount",
        "status",
        "created_at",
        linked("verified_by"),
        "refunded_at",
    )
    list_select_related = (
        "booking__driver",
        "car_wash__driver",
        "car_wash__wash_type",
        "verified_by",
    )
    list_filter = (ToDo, "method", "status", "created_at")
    search_fields = (
        "id__exact",
        "reference",
        "booking__id__exact",
        "booking__driver__username",
        "car_wash__driver__username",
    )
    search_help_text = "A payment's or a booking's number, the provider's reference or a driver"
    verbs = (
        Verb(
            "verify",
            "Verify",
            "Verify the cash of the selected payments",
            done="Verified",
            do=payments.verify,
            consequence="You have seen this cash. The drivers are told, and their bookings are confirmed."
            " This cannot be undone.",
        ),
        Verb(
            "hand_back",
            "Handed back",
            "Record that the cash of the selected payments was handed back",
            done="Recorded as handed back",
            do=payments.hand_back,
            consequence="This cash is with the drivers again. This cannot be undone.",
        ),
    )

    def describe(self, row: Payment) -> str:
        return f"Payment {row.pk}: {row.amount} by {row.method} from {row.thing.driver}, {row.status}"
