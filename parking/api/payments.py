"""Payments: what a driver paid, and what an owner is to verify."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.actions import payments as verbs
from parking.actions.permissions import only_owners
from parking.api.authentication import signed_in
from parking.api.fields import IntegerInQuery
from parking.api.pages import Listing, PageParameters
from parking.api.requests import no_body
from parking.api.schema import answers, takes
from parking.models import Payment, User


class PaymentSummary(serializers.ModelSerializer[Payment]):
    """A payment: for a booking or a car wash. The amount is ours, never the client's."""

    driver = serializers.IntegerField(source="driver_id", read_only=True)
    driver_name = serializers.CharField(source="thing.driver.username", read_only=True)

    class Meta:
        model = Payment
        fields: ClassVar = [
            "id",
            "booking",
            "car_wash",
            "driver",
            "driver_name",
            "method",
            "amount",
            "status",
            "reference",
            "verified_at",
            "refund_due_at",
            "refunded_at",
            "created_at",
        ]
        read_only_fields = fields


class PaymentParameters(PageParameters):
    """How a list of payments is narrowed."""

    booking = IntegerInQuery()
    car_wash = IntegerInQuery()
    method = serializers.ChoiceField(choices=Payment.Method.choices, required=False)
    status = serializers.ChoiceField(choices=Payment.Status.choices, required=False)


class Payments(Listing):
    """Payments: one's own, as a driver; those at one's lots, as an owner; newest first."""

    serializer_class = PaymentSummary
    parameters = PaymentParameters

    def rows(self, user: User, **given: Any) -> QuerySet[Payment]:
        return visible(user).filter(**given).order_by("-id")


class OnePayment(APIView):
    """One payment."""

    @answers(PaymentSummary)
    def get(self, request: Request, pk: int) -> Response:
        return Response(PaymentSummary(get_object_or_404(visible(signed_in(request)), pk=pk)).data)


class OwnerPayments(Listing):
    """The payments at one's lots; `?method=cash&status=PENDING` are those to verify."""

    serializer_class = PaymentSummary
    parameters = PaymentParameters

    def rows(self, user: User, **given: Any) -> QuerySet[Payment]:
        if user.is_staff:
            return visible(user).filter(**given).order_by("-id")
        only_owners(user, "have payments to verify")
        return _with_things(Payment.objects.at_lots_of(user)).filter(**given).order_by("-id")


class Verify(APIView):
    """The cash came, says the lot's owner; saying it again changes nothing."""

    @takes(None, answers=PaymentSummary)
    def post(self, request: Request, pk: int) -> Response:
        no_body(request)
        return Response(PaymentSummary(verbs.verify(pk, by=signed_in(request))).data)


class HandBack(APIView):
    """The cash of a cancelled booking or wash went back, says the lot's owner; again changes nothing."""

    @takes(None, answers=PaymentSummary)
    def post(self, request: Request, pk: int) -> Response:
        no_body(request)
        return Response(PaymentSummary(verbs.hand_back(pk, by=signed_in(request))).data)


def visible(user: User) -> QuerySet[Payment]:
    """The payments this person may see, with what an answer tells of them."""
    return _with_things(Payment.objects.visible_to(user))


def _with_things(payments: QuerySet[Payment]) -> QuerySet[Payment]:
    return payments.select_related("booking__driver", "car_wash__driver")
