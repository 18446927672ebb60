"""An owner's day at a glance: what is occupied, arriving, to be verified, and what came in."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, QuerySet, Sum
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking import timers
from parking.actions.permissions import only_owners
from parking.api.authentication import signed_in
from parking.api.fields import Strict, ZoneField
from parking.api.lots import with_counts
from parking.api.requests import query
from parking.api.schema import answers
from parking.models import Booking, Lot, Payment, User


class ZoneParameters(Strict):
    """Whose midnight the day begins at."""

    zone = ZoneField(
        required=False, max_length=50, help_text="An IANA time zone, such as Asia/Kolkata; UTC if not given."
    )


class LotToday(serializers.Serializer[Any]):
    """One lot, now and today."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    slot_count = serializers.IntegerField(help_text="Slots in use.")
    occupied_now = serializers.IntegerField()
    arriving_today = serializers.IntegerField(help_text="Bookings that start later today.")
    income_today = serializers.DecimalField(max_digits=12, decimal_places=2)


class Today(serializers.Serializer[Any]):
    """An owner's day."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    slot_count = serializers.IntegerField()
    occupied_now = serializers.IntegerField()
    arriving_today = serializers.IntegerField()
    income_today = serializers.DecimalField(
        max_digits=12, decimal_places=2, help_text="Paid or verified today, less what is to be given back."
    )
    cash_to_verify = serializers.IntegerField()
    cash_to_verify_amount = serializers.DecimalField(max_digits=12, decimal_places=2)
    cash_to_hand_back = serializers.IntegerField()
    lots = LotToday(many=True)


class OwnerToday(APIView):
    """Today's occupancy and income at one's lots. Staff see all lots."""

    @answers(Today, parameters=ZoneParameters)
    def get(self, request: Request) -> Response:
        user = signed_in(request)
        if not user.is_staff:
            only_owners(user, "have a day at a glance")
        now = timers.now()
        zone = ZoneInfo(query(request, ZoneParameters).get("zone", "UTC"))
        starts_at = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        # By the calendar, not by 24 hours: days are longer and shorter where clocks change.
        ends_at = starts_at + timedelta(days=1)
        return Response(Today(_today(user, now=now, starts_at=starts_at, ends_at=ends_at)).data)


def _today(user: User, *, now: datetime, starts_at: datetime, ends_at: datetime) -> dict[str, Any]:
    lots = _lots(user, now=now, starts_at=starts_at, ends_at=ends_at)
    cash = _payments(user).filter(method=Payment.Method.CASH)
    due = cash.filter(status=Payment.Status.PENDING).aggregate(count=Count("pk"), sum=Sum("amount"))
    totals = ("slot_count", "occupied_now", "arriving_today", "income_today")
    return {
        "starts_at": starts_at,
        "ends_at": ends_at,
        **{name: sum((lot[name] for lot in lots), start=0) for name in totals},
        "cash_to_verify": due["count"],
        "cash_to_verify_amount": due["sum"] or Decimal(0),
        "cash_to_hand_back": cash.filter(refund_due_at__isnull=False, refunded_at__isnull=True).count(),
        "lots": lots,
    }


def _lots(user: User, *, now: datetime, starts_at: datetime, ends_at: datetime) -> list[dict[str, Any]]:
    holding = Booking.objects.holding().filter(slot__lot__in=_own(user))
    arriving = _by_lot(holding.filter(starts_at__gt=now, starts_at__lt=ends_at), "slot__lot", Count("pk"))
    received = _payments(user).received(since=starts_at, before=ends_at)
    parked = _by_lot(received, "booking__slot__lot", Sum("amount"))
    washed = _by_lot(received, "car_wash__wash_type__lot", Sum("amount"))
    counted: Iterable[Any] = with_counts(_own(user)).order_by("id")
    return [
        {
            "id": lot.pk,
            "name": lot.name,
            "slot_count": lot.slot_count,
            "occupied_now": lot.slot_count - lot.free_now,
            "arriving_today": arriving.get(lot.pk, 0),
            "income_today": parked.get(lot.pk, Decimal(0)) + washed.get(lot.pk, Decimal(0)),
        }
        for lot in counted
    ]


def _own(user: User) -> QuerySet[Lot]:
    return Lot.objects.all() if user.is_staff else Lot.objects.filter(owner=user)


def _payments(user: User) -> Any:
    return Payment.objects.all() if user.is_staff else Payment.objects.at_lots_of(user)


def _by_lot(rows: QuerySet[Any], lot: str, total: Any) -> dict[int, Any]:
    found = rows.filter(**{f"{lot}__isnull": False}).order_by().values_list(lot).annotate(total=total)
    return dict(found)
