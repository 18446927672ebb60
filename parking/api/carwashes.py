"""Car washes: what a lot offers, and what was ordered."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.actions import carwashes as verbs
from parking.actions import lots
from parking.api.authentication import signed_in
from parking.api.fields import (
    BooleanField,
    CharField,
    DecimalField,
    IdField,
    IntegerInQuery,
    PaymentFields,
    Strict,
)
from parking.api.idempotency import idempotent
from parking.api.pages import Listing, PageParameters
from parking.api.requests import body, no_body
from parking.api.schema import answers, takes
from parking.models import CarWash, CarWashType, Lot, User


class WashTypeSummary(serializers.ModelSerializer[CarWashType]):
    """A kind of wash that a lot offers."""

    class Meta:
        model = CarWashType
        fields: ClassVar = ["id", "lot", "name", "price", "is_offered"]
        read_only_fields = fields


class WashTypeFields(Strict):
    """What an owner says of a kind of wash."""

    name = CharField(max_length=50)
    price = DecimalField(max_digits=8, decimal_places=2, min_value=0)
    is_offered = BooleanField(required=False)


class WashTypes(APIView):
    """The kinds of wash of a lot."""

    @answers(WashTypeSummary(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """The kinds of wash of a lot, by name."""
        lot = get_object_or_404(Lot, pk=pk)
        return Response(WashTypeSummary(lot.car_wash_types.order_by("name", "id"), many=True).data)

    @takes(WashTypeFields, answers=WashTypeSummary, status=201, example={"name": "Quick", "price": "10.00"})
    def post(self, request: Request, pk: int) -> Response:
        """Offer another one, as the lot's owner."""
        fields = body(request, WashTypeFields).validated_data
        return Response(WashTypeSummary(lots.offer_wash(pk, by=signed_in(request), fields=fields)).data, 201)


class OneWashType(APIView):
    """One kind of wash."""

    @takes(WashTypeFields, answers=WashTypeSummary)
    def patch(self, request: Request, pk: int) -> Response:
        """Change it, as the lot's owner; what is ordered stays, at its price."""
        fields = body(request, WashTypeFields, partial=True).validated_data
        return Response(WashTypeSummary(lots.change_wash(pk, by=signed_in(request), fields=fields)).data)


class WashSummary(serializers.ModelSerializer[CarWash]):
    """A wash as its driver and the lot's owner see it."""

    driver_name = serializers.CharField(source="driver.username", read_only=True)
    lot = serializers.IntegerField(source="wash_type.lot_id", read_only=True)
    type_name = serializers.CharField(source="wash_type.name", read_only=True)
    employee_name = serializers.CharField(
        source="employee.name", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = CarWash
        fields: ClassVar = [
            "id",
            "status",
            "driver",
            "driver_name",
            "lot",
            "wash_type",
            "type_name",
            "booking",
            "employee",
            "employee_name",
            "price",
            "created_at",
            "started_at",
            "completed_at",
        ]
        read_only_fields = fields


class NewWash(PaymentFields):
    """What it takes to order a wash: with a booking at that lot, or by itself."""

    wash_type = IdField()
    booking = IdField(required=False, allow_null=True, default=None)


class WashEmployee(Strict):
    """Who does the wash."""

    employee = IdField()


class WashParameters(PageParameters):
    """How the list of washes is narrowed."""

    status = serializers.ChoiceField(choices=CarWash.Status.choices, required=False)
    lot = IntegerInQuery()
    booking = IntegerInQuery()
    employee = IntegerInQuery()


class Washes(Listing):
    """Car washes: one's own, as a driver; those at one's lots, as an owner; newest first."""

    serializer_class = WashSummary
    parameters = WashParameters

    def rows(self, user: User, *, lot: int | None = None, **given: Any) -> QuerySet[CarWash]:
        rows = visible(user).filter(**given).order_by("-id")
        return rows if lot is None else rows.filter(wash_type__lot=lot)

    @takes(
        NewWash,
        answers=WashSummary,
        status=201,
        example={"wash_type": 1, "payment_method": "upi", "payment_token": "tok_visa"},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Order a wash, and pay."""
        wish = body(request, NewWash)
        wash = verbs.order(
            driver=signed_in(request),
            wash_type_id=wish.validated_data["wash_type"],
            booking_id=wish.validated_data["booking"],
            **wish.payment(),
        )
        return Response(WashSummary(wash).data, 201)


class OneWash(APIView):
    """One car wash."""

    @answers(WashSummary)
    def get(self, request: Request, pk: int) -> Response:
        return Response(WashSummary(get_object_or_404(visible(signed_in(request)), pk=pk)).data)


class Assign(APIView):
    """Put one of the owner's employees on a wash that is not over."""

    @takes(WashEmployee, answers=WashSummary, example={"employee": 1})
    def post(self, request: Request, pk: int) -> Response:
        employee = body(request, WashEmployee).validated_data["employee"]
        return Response(WashSummary(verbs.assign(pk, by=signed_in(request), employee_id=employee)).data)


class Move(APIView):
    """A step in a wash's life; the address says which `verb`."""

    verb: Callable[..., CarWash]

    @takes(None, answers=WashSummary)
    def post(self, request: Request, pk: int) -> Response:
        no_body(request)
        return Response(WashSummary(self.verb(pk, by=signed_in(request))).data)


class Start(Move):
    """The wash begins, says the lot's owner."""

    verb = staticmethod(verbs.start)


class Complete(Move):
    """The wash is done, says the lot's owner; its driver is told."""

    verb = staticmethod(verbs.complete)


class CancelWash(Move):
    """Call off a wash that has not begun, as its driver or the owner; what was paid is refunded."""

    verb = staticmethod(verbs.cancel)


def visible(user: User) -> QuerySet[CarWash]:
    """The washes this person may see, with what an answer tells of them."""
    return CarWash.objects.visible_to(user).select_related("wash_type", "employee", "driver")
