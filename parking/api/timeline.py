"""What became of a booking's promises: for each timer and notice, when it was due, done, sent, seen."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.db.models.fields.json import KT
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.api.authentication import signed_in
from parking.api.bookings import visible
from parking.api.schema import answers
from parking.models import Booking, Notification, Timer, User


class TimelineEntry(serializers.Serializer[Any]):
    """A timer, a notice, or a timer with the notice it made. What has not happened is null."""

    timer = serializers.ChoiceField(choices=Timer.Kind.choices, allow_null=True)
    state = serializers.ChoiceField(choices=Timer.State.choices, allow_null=True)
    event = serializers.CharField(allow_null=True)
    message = serializers.CharField(allow_null=True)
    to = serializers.CharField(allow_null=True, help_text="The name of who was told.")
    due_at = serializers.DateTimeField(allow_null=True)
    fired_at = serializers.DateTimeField(allow_null=True)
    committed_at = serializers.DateTimeField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)


class TimelineAnswer(serializers.Serializer[Any]):
    """The entries, in order of time."""

    booking = serializers.IntegerField()
    entries = TimelineEntry(many=True)


class Timeline(APIView):
    """For each timer and notice of a booking when it was due, fired, committed, sent, acknowledged, read.

    Drivers and owners see their own notices, staff all.
    """

    @answers(TimelineAnswer)
    def get(self, request: Request, pk: int) -> Response:
        user = signed_in(request)
        booking = get_object_or_404(visible(user), pk=pk)
        entries = sorted(_entries(booking, user), key=_moment)
        return Response(TimelineAnswer({"booking": pk, "entries": entries}).data)


def _entries(booking: Booking, user: User) -> Iterator[dict[str, Any]]:
    notices = list(_notices(booking, user))
    made = {notice.facts["timer"]: notice for notice in notices if "timer" in notice.facts}
    for timer in booking.timers.all():
        yield _entry(timer, made.get(timer.pk))
    for notice in notices:
        if "timer" not in notice.facts:
            yield _entry(None, notice)


def _notices(booking: Booking, user: User) -> QuerySet[Notification]:
    about = Notification.objects.alias(about=KT("facts__booking__id")).filter(
        about=str(booking.pk), facts__has_key="booking"
    )
    return (about if user.is_staff else about.filter(recipient=user)).select_related("recipient")


def _entry(timer: Timer | None, notice: Notification | None) -> dict[str, Any]:
    return {
        "timer": timer and timer.kind,
        "state": timer and timer.state,
        "event": notice and notice.event,
        "message": notice and notice.message,
        "to": notice and notice.recipient.username,
        "due_at": timer and timer.due_at,
        "fired_at": timer and timer.fired_at,
        "committed_at": notice and notice.committed_at,
        "sent_at": notice and notice.pushed_at,
        "acknowledged_at": notice and notice.acked_at,
        "read_at": notice and notice.read_at,
        "at": timer.due_at if timer else notice and notice.created_at,
    }


def _moment(entry: dict[str, Any]) -> datetime:
    at: datetime = entry["at"]
    return at
