"""The life of a booking over HTTP: every view reads the request, calls one verb, answers the booking."""

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.actions import bookings as verbs
from parking.api.authentication import signed_in
from parking.api.fields import (
    AwareDateTimeField,
    IdField,
    IntegerInQuery,
    PaymentFields,
    VehicleNumberField,
)
from parking.api.idempotency import idempotent
from parking.api.pages import Listing, PageParameters
from parking.api.requests import body, no_body
from parking.api.schema import answers, takes
from parking.models import Booking, User


class BookingSummary(serializers.ModelSerializer[Booking]):
    """A booking as its driver and its lot's owner see it."""

    driver_name = serializers.CharField(source="driver.username", read_only=True)
    lot = serializers.IntegerField(source="slot.lot_id", read_only=True)
    lot_name = serializers.CharField(source="slot.lot.name", read_only=True)
    slot_number = serializers.IntegerField(source="slot.number", read_only=True)

    class Meta:
        model = Booking
        fields: ClassVar = [
            "id",
            "status",
            "driver",
            "driver_name",
            "lot",
            "lot_name",
            "slot",
            "slot_number",
            "vehicle_number",
            "starts_at",
            "ends_at",
            "price",
            "renewed_from",
            "created_at",
        ]
        read_only_fields = fields


class NewBooking(PaymentFields):
    """What it takes to book; without `starts_at` the booking starts at once."""

    slot = IdField()
    vehicle_number = VehicleNumberField(max_length=20)
    starts_at = AwareDateTimeField(required=False, allow_null=True, default=None)
    ends_at = AwareDateTimeField()


class NewEnd(PaymentFields):
    """What it takes to extend or renew."""

    ends_at = AwareDateTimeField()


class BookingParameters(PageParameters):
    """How the list of bookings is narrowed."""

    status = serializers.ChoiceField(choices=Booking.Status.choices, required=False)
    lot = IntegerInQuery()
    slot = IntegerInQuery()
    after = AwareDateTimeField(required=False, help_text="Those that end after this moment.")
    before = AwareDateTimeField(required=False, help_text="Those that start before this moment.")


EXAMPLE_PAYMENT = {"payment_method": "card", "payment_token": "tok_visa"}
EXAMPLE_END = {"ends_at": "2026-11-22T11:00:00Z", **EXAMPLE_PAYMENT}
EXAMPLE = {"slot": 1, "vehicle_number": "KA 01 AB 1234", **EXAMPLE_END}


class Bookings(Listing):
    """Bookings: one's own, as a driver; those at one's lots, as an owner; newest first."""

    serializer_class = BookingSummary
    parameters = BookingParameters

    def rows(
        self,
        user: User,
        *,
        lot: int | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
        **exact: Any,
    ) -> QuerySet[Booking]:
        wanted = {**exact, "slot__lot": lot, "ends_at__gt": after, "starts_at__lt": before}
        given = {name: value for name, value in wanted.items() if value is not None}
        return visible(user).filter(**given).order_by("-id")

    @takes(NewBooking, answers=BookingSummary, status=201, example=EXAMPLE)
    @idempotent
    def post(self, request: Request) -> Response:
        """Book a slot, from `starts_at` or now on, and pay."""
        wish = body(request, NewBooking)
        booking = verbs.book(
            driver=signed_in(request),
            slot_id=wish.validated_data["slot"],
            vehicle_number=wish.validated_data["vehicle_number"],
            starts_at=wish.validated_data["starts_at"],
            ends_at=wish.validated_data["ends_at"],
            **wish.payment(),
        )
        return Response(BookingSummary(booking).data, 201)


class OneBooking(APIView):
    """One booking."""

    @answers(BookingSummary)
    def get(self, request: Request, pk: int) -> Response:
        return Response(BookingSummary(get_object_or_404(visible(signed_in(request)), pk=pk)).data)


class Renew(APIView):
    """Book an expired booking's slot again, from now; answers the new booking."""

    @takes(NewEnd, answers=BookingSummary, status=201, example=EXAMPLE_END)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        return Response(_with_new_end(verbs.renew, request, pk), 201)


class Extend(APIView):
    """Move the end of a booking that has not ended, and pay for the time added."""

    @takes(NewEnd, answers=BookingSummary, example=EXAMPLE_END)
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        return Response(_with_new_end(verbs.extend, request, pk))


class Cancel(APIView):
    """Give the slot back, as the driver; what was paid is refunded."""

    @takes(None, answers=BookingSummary)
    def post(self, request: Request, pk: int) -> Response:
        no_body(request)
        return Response(BookingSummary(verbs.cancel(pk, by=signed_in(request))).data)


class Decline(APIView):
    """Refuse a booking, as the lot's owner; what was paid is refunded."""

    @takes(None, answers=BookingSummary)
    def post(self, request: Request, pk: int) -> Response:
        no_body(request)
        return Response(BookingSummary(verbs.decline(pk, by=signed_in(request))).data)


def visible(user: User) -> QuerySet[Booking]:
    """The bookings this person may see, with what an answer tells of them."""
    return Booking.objects.visible_to(user).select_related("slot__lot", "driver")


def _with_new_end(verb: Any, request: Request, pk: int) -> dict[str, Any]:
    wish = body(request, NewEnd)
    booking = verb(pk, by=signed_in(request), ends_at=wish.validated_data["ends_at"], **wish.payment())
    return dict(BookingSummary(booking).data)
