"""What people usually write: a REST framework view that looks for an overlap, then creates.

ParkMate's peer in `bench.book`: same process, middleware, sessions and database pool; a table alike.
"""

from typing import Any, ClassVar

from django.db import models, transaction
from django.urls import path
from rest_framework import serializers
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.models import Slot, User
from parkmate.urls import urlpatterns as parkmates


class PlainBooking(models.Model):
    """A booking as in the tutorials: nothing but the view keeps two from overlapping."""

    driver = models.ForeignKey(User, models.PROTECT, related_name="+")
    slot = models.ForeignKey(Slot, models.PROTECT, related_name="+")
    vehicle_number = models.CharField(max_length=15)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.CharField(max_length=20, default="BOOKED")
    price = models.DecimalField(max_digits=10, decimal_places=2, default=0)

    class Meta:
        app_label = "plain"

    def __str__(self) -> str:
        return f"Booking {self.pk} of slot {self.slot_id}"


class PlainSerializer(serializers.ModelSerializer[PlainBooking]):
    class Meta:
        model = PlainBooking
        fields = "__all__"
        read_only_fields: ClassVar = ["driver", "status", "price"]


class PlainBookings(APIView):
    """Look, then write."""

    parser_classes: ClassVar = [JSONParser]

    @transaction.atomic
    def post(self, request: Request) -> Response:
        given = PlainSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wish: dict[str, Any] = given.validated_data
        taken = PlainBooking.objects.filter(
            slot=wish["slot"], status="BOOKED", starts_at__lt=wish["ends_at"], ends_at__gt=wish["starts_at"]
        )
        if taken.exists():
            return Response({"detail": "The slot is taken."}, 409)
        given.save(driver=request.user, price=wish["slot"].hourly_rate)
        return Response(given.data, 201)


urlpatterns = [path("plain/bookings/", PlainBookings.as_view()), *parkmates]
