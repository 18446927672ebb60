"""The life of a booking over HTTP: every view reads the request, calls one verb, answers the booking."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.actions import bookings as verbs
from parking.api.authentication import signed_in
from parking.api.fields import AwareDateTimeField, PaymentFields, VehicleNumberField
from parking.api.pages import Pages
from parking.models import Booking

BIGGEST_ID = 2**63 - 1


class BookingSummary(serializers.ModelSerializer[Booking]):
    """A booking as its driver and its lot's owner see it."""

    lot = serializers.IntegerField(source="slot.lot_id", read_only=True)
    slot_number = serializers.IntegerField(source="slot.number", read_only=True)

    class Meta:
        model = Booking
        fields: ClassVar = [
            "id",
            "status",
            "lot",
            "slot",
            "slot_number",
            "vehicle_number",
            "starts_at",
            "ends_at",
            "price",
            "renewed_from",
            "created_at",
        ]


class NewBooking(PaymentFields):
    """What it takes to book; without `starts_at` the booking starts at once."""

    slot = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID)
    vehicle_number = VehicleNumberField(max_length=20)
    starts_at = AwareDateTimeField(required=False, allow_null=True, default=None)
    ends_at = AwareDateTimeField()


class NewEnd(PaymentFields):
    """What it takes to extend or renew."""

    ends_at = AwareDateTimeField()


class Bookings(ListAPIView[Booking]):
    """The bookings one may see, newest first; and a new one."""

    serializer_class = BookingSummary
    pagination_class = Pages

    def get_queryset(self) -> QuerySet[Booking]:
        return Booking.objects.visible_to(signed_in(self.request)).select_related("slot").order_by("-id")

    def post(self, request: Request) -> Response:
        wish = NewBooking(data=request.data)
        wish.is_valid(raise_exception=True)
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

    def get(self, request: Request, pk: int) -> Response:
        visible = Booking.objects.visible_to(signed_in(request)).select_related("slot")
        return Response(BookingSummary(get_object_or_404(visible, pk=pk)).data)


class Renew(APIView):
    """Book an expired booking's slot again, from now; answers the new booking."""

    def post(self, request: Request, pk: int) -> Response:
        return Response(_with_new_end(verbs.renew, request, pk), 201)


class Extend(APIView):
    """Move the end."""

    def post(self, request: Request, pk: int) -> Response:
        return Response(_with_new_end(verbs.extend, request, pk))


class Cancel(APIView):
    """Give the slot back."""

    def post(self, request: Request, pk: int) -> Response:
        return Response(BookingSummary(verbs.cancel(pk, by=signed_in(request))).data)


class Decline(APIView):
    """Refuse a booking, as the lot's owner."""

    def post(self, request: Request, pk: int) -> Response:
        return Response(BookingSummary(verbs.decline(pk, by=signed_in(request))).data)


def _with_new_end(verb: Any, request: Request, pk: int) -> dict[str, Any]:
    wish = NewEnd(data=request.data)
    wish.is_valid(raise_exception=True)
    booking = verb(pk, by=signed_in(request), ends_at=wish.validated_data["ends_at"], **wish.payment())
    return dict(BookingSummary(booking).data)
