"""Lots, their slots, and when each is free; and how an owner adds and changes them."""

from datetime import timedelta
from typing import Any, ClassVar

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking import availability, timers
from parking.actions import lots as verbs
from parking.api.authentication import signed_in
from parking.api.fields import BooleanField, BooleanInQuery, CharField, DecimalField, IntegerField, Strict
from parking.api.pages import Listing, PageParameters
from parking.api.requests import body
from parking.api.schema import answers, takes
from parking.models import Booking, Lot, Slot, User

# How far ahead `lots/{id}` tells when a slot is free.
OUTLOOK = timedelta(days=7)


class LotSummary(serializers.ModelSerializer[Lot]):
    """A lot in the list: where it is, and what it has free at this moment."""

    slot_count = serializers.IntegerField(read_only=True)
    free_now = serializers.IntegerField(read_only=True)
    hourly_rate_from = serializers.DecimalField(
        max_digits=8, decimal_places=2, read_only=True, allow_null=True
    )

    class Meta:
        model = Lot
        fields: ClassVar = [
            "id",
            "owner",
            "name",
            "address",
            "latitude",
            "longitude",
            "slot_count",
            "free_now",
            "hourly_rate_from",
        ]
        read_only_fields = fields


class SlotSummary(serializers.ModelSerializer[Slot]):
    """A slot."""

    class Meta:
        model = Slot
        fields: ClassVar = ["id", "number", "vehicle_type", "hourly_rate", "is_active"]
        read_only_fields = fields


class FreePeriod(serializers.Serializer[Any]):
    """When nothing holds a slot."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class SlotWithFreedom(SlotSummary):
    """A slot, and when it is free in the coming days."""

    free_now = serializers.BooleanField()
    free = FreePeriod(many=True)

    class Meta(SlotSummary.Meta):
        fields: ClassVar = [*SlotSummary.Meta.fields, "free_now", "free"]


class LotWithSlots(LotSummary):
    """A lot, and its slots: for its owner and staff also those that are out of use."""

    outlook_until = serializers.DateTimeField()
    slots = SlotWithFreedom(many=True)

    class Meta(LotSummary.Meta):
        fields: ClassVar = [*LotSummary.Meta.fields, "outlook_until", "slots"]


class LotFields(Strict):
    """What an owner says of a lot."""

    name = CharField(max_length=100)
    address = CharField(max_length=300)
    latitude = DecimalField(
        max_digits=9, decimal_places=6, min_value=-90, max_value=90, required=False, allow_null=True
    )
    longitude = DecimalField(
        max_digits=9, decimal_places=6, min_value=-180, max_value=180, required=False, allow_null=True
    )


class SlotFields(Strict):
    """What an owner says of a slot."""

    number = IntegerField(min_value=1, max_value=99_999)
    vehicle_type = serializers.ChoiceField(choices=Slot.VehicleType.choices, required=False)
    hourly_rate = DecimalField(max_digits=8, decimal_places=2, min_value=0)
    is_active = BooleanField(required=False)


class NewSlots(Strict):
    """Slots to add, all or none."""

    slots = serializers.ListField(child=SlotFields(), min_length=1, max_length=100)


class SlotsFields(Strict):
    """What an owner says of all slots of a lot."""

    hourly_rate = DecimalField(max_digits=8, decimal_places=2, min_value=0, required=False)
    is_active = BooleanField(required=False)


class LotParameters(PageParameters):
    """How the list of lots is narrowed."""

    q = CharField(
        required=False, allow_blank=True, max_length=100, help_text="Words of the name or the address."
    )
    mine = BooleanInQuery(help_text="Only one's own.")


EXAMPLE_SLOT = {"number": 1, "vehicle_type": "car", "hourly_rate": "6.00"}


class Lots(Listing):
    """The lots, and how many slots each has free at this moment."""

    serializer_class = LotSummary
    parameters = LotParameters

    def rows(self, user: User, *, q: str = "", mine: bool = False, **_: Any) -> QuerySet[Lot]:
        found = Lot.objects.filter(owner=user) if mine else Lot.objects.all()
        for word in q.split():
            found = found.filter(Q(name__icontains=word) | Q(address__icontains=word))
        return with_counts(found).order_by("id")

    @takes(LotFields, answers=LotSummary, status=201, example={"name": "North", "address": "9 Hill Road"})
    def post(self, request: Request) -> Response:
        """Add a lot, as an owner."""
        lot = verbs.create_lot(owner=signed_in(request), **body(request, LotFields).validated_data)
        return Response(_summary(lot), 201)


class OneLot(APIView):
    """A lot with its slots, each with the periods of the coming days in which it is free."""

    @answers(LotWithSlots)
    def get(self, request: Request, pk: int) -> Response:
        """A lot with its slots, each with the periods of the coming days in which it is free."""
        lot = get_object_or_404(with_counts(Lot.objects.all()), pk=pk)
        own = signed_in(request).is_staff or lot.owner_id == request.user.pk
        slots = list((lot.slots.all() if own else lot.slots.filter(is_active=True)).order_by("number"))
        after = timers.now()
        free = availability.free_periods(slots, after=after, until=after + OUTLOOK)
        told = [{**SlotSummary(slot).data, **_freedom(slot, free[slot.pk], after)} for slot in slots]
        return Response({**LotSummary(lot).data, "outlook_until": after + OUTLOOK, "slots": told})

    @takes(LotFields, answers=LotSummary)
    def patch(self, request: Request, pk: int) -> Response:
        """Change a lot, as its owner."""
        fields = body(request, LotFields, partial=True).validated_data
        return Response(_summary(verbs.change_lot(pk, by=signed_in(request), fields=fields)))


class LotSlots(APIView):
    """The slots of a lot."""

    @takes(NewSlots, answers=SlotSummary(many=True), status=201, example={"slots": [EXAMPLE_SLOT]})
    def post(self, request: Request, pk: int) -> Response:
        """Add up to a hundred slots in one call, as the lot's owner: all of them or none."""
        wish = body(request, NewSlots).validated_data["slots"]
        added = verbs.add_slots(pk, by=signed_in(request), slots=wish)
        return Response(SlotSummary(added, many=True).data, 201)

    @takes(SlotsFields, answers=SlotSummary(many=True), example={"is_active": False})
    def patch(self, request: Request, pk: int) -> Response:
        """Change all slots of a lot, as its owner. What is booked stays booked, at its price."""
        fields = body(request, SlotsFields).validated_data
        changed = verbs.change_all_slots(pk, by=signed_in(request), fields=fields)
        return Response(SlotSummary(changed, many=True).data)


class OneSlot(APIView):
    """One slot."""

    @takes(SlotFields, answers=SlotSummary)
    def patch(self, request: Request, pk: int) -> Response:
        """Change a slot, as the lot's owner. What is booked stays booked, at its price."""
        fields = body(request, SlotFields, partial=True).validated_data
        return Response(SlotSummary(verbs.change_slot(pk, by=signed_in(request), fields=fields)).data)


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


def _summary(lot: Lot) -> dict[str, Any]:
    return dict(LotSummary(with_counts(Lot.objects.all()).get(pk=lot.pk)).data)


def _freedom(slot: Slot, periods: list[availability.Period], now: Any) -> dict[str, Any]:
    return {
        "free_now": slot.is_active and bool(periods) and periods[0][0] == now,
        "free": [{"starts_at": starts_at, "ends_at": ends_at} for starts_at, ends_at in periods],
    }
