"""Lots, their slots, and when each is free."""

from datetime import timedelta
from typing import Any, ClassVar

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking import availability, timers
from parking.api.pages import Pages
from parking.models import Booking, Lot, Slot

# How far ahead `lots/{id}` tells when a slot is free.
OUTLOOK = timedelta(days=7)


class LotSummary(serializers.ModelSerializer[Lot]):
    """A lot in the list: where it is, and what it has free at this moment."""

    slot_count = serializers.IntegerField(read_only=True)
    free_now = serializers.IntegerField(read_only=True)
    hourly_rate_from = serializers.DecimalField(max_digits=8, decimal_places=2, read_only=True)

    class Meta:
        model = Lot
        fields: ClassVar = [
            "id",
            "name",
            "address",
            "latitude",
            "longitude",
            "slot_count",
            "free_now",
            "hourly_rate_from",
        ]


class SlotSummary(serializers.ModelSerializer[Slot]):
    """A slot."""

    class Meta:
        model = Slot
        fields: ClassVar = ["id", "number", "vehicle_type", "hourly_rate"]


class Lots(ListAPIView[Lot]):
    """All lots."""

    serializer_class = LotSummary
    pagination_class = Pages

    def get_queryset(self) -> QuerySet[Lot]:
        return with_counts(Lot.objects.all()).order_by("id")


class OneLot(APIView):
    """A lot with its slots in use, each with the periods of the coming days in which it is free."""

    def get(self, request: Request, pk: int) -> Response:
        lot = get_object_or_404(with_counts(Lot.objects.all()), pk=pk)
        slots = list(lot.slots.filter(is_active=True).order_by("number"))
        after = timers.now()
        until = after + OUTLOOK
        free = availability.free_periods(slots, after=after, until=until)
        return Response(
            {
                **LotSummary(lot).data,
                "outlook_until": until,
                "slots": [{**SlotSummary(slot).data, **_freedom(free[slot.pk], after)} for slot in slots],
            }
        )


def with_counts(lots: QuerySet[Lot]) -> QuerySet[Lot]:
    """The lots with `slot_count`, `free_now` and `hourly_rate_from`, of their slots in use."""
    held = Booking.objects.holding().filter(slot=OuterRef("slots"), starts_at__lte=Now(), ends_at__gt=Now())
    active = Q(slots__is_active=True)
    free = Q(active, ~Exists(held))
    return lots.annotate(
        slot_count=Count("slots", filter=active),
        free_now=Count("slots", filter=free),
        hourly_rate_from=Min("slots__hourly_rate", filter=active),
    )


def _freedom(periods: list[availability.Period], now: Any) -> dict[str, Any]:
    return {
        "free_now": bool(periods) and periods[0][0] == now,
        "free": [{"starts_at": starts_at, "ends_at": ends_at} for starts_at, ends_at in periods],
    }
