"""The inbox: what one was told, what one has read, and what one wants to be told where."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.actions import inbox as verbs
from parking.api.authentication import signed_in
from parking.api.fields import BooleanField, BooleanInQuery, IntegerField, Strict
from parking.api.pages import CursorParameters, Listing, NewestFirst
from parking.api.requests import body, no_body
from parking.api.schema import answers, takes
from parking.events import CATALOGUE, Channel
from parking.frames import unread_counts
from parking.models import Inbox, Notification, User


class NoticeSummary(serializers.ModelSerializer[Notification]):
    """A notice; `facts` are what it is about, such as the booking."""

    type = serializers.CharField(source="level", read_only=True, help_text="As in the socket's frames.")

    class Meta:
        model = Notification
        fields: ClassVar = [
            "id",
            "seq",
            "type",
            "event",
            "message",
            "facts",
            "muted",
            "relevant_until",
            "created_at",
            "read_at",
        ]
        read_only_fields = fields


class NoticeParameters(CursorParameters):
    """How the inbox is narrowed."""

    unread = BooleanInQuery(help_text="Only those not read (true), or read (false).")
    event = serializers.ChoiceField(choices=sorted(CATALOGUE), required=False)


class Notifications(Listing):
    """One's notices, newest first."""

    serializer_class = NoticeSummary
    pagination_class = NewestFirst
    parameters = NoticeParameters

    def rows(self, user: User, *, unread: bool | None = None, **given: Any) -> QuerySet[Notification]:
        mine = Notification.objects.filter(recipient=user, seq__isnull=False, **given)
        return mine if unread is None else mine.filter(read_at__isnull=unread)


class UnreadAnswer(serializers.Serializer[Any]):
    """How many notices are unread; `seq` is the number of the latest, `epoch` what the numbers count in."""

    unread = serializers.IntegerField()
    seq = serializers.IntegerField()
    epoch = serializers.UUIDField()


class Unread(APIView):
    """How many of one's notices are unread."""

    @answers(UnreadAnswer)
    def get(self, request: Request) -> Response:
        return Response(_unread(signed_in(request)))


class Read(APIView):
    """Mark one notice as read; the first time counts."""

    @takes(None, answers=NoticeSummary)
    def post(self, request: Request, pk: int) -> Response:
        no_body(request)
        return Response(NoticeSummary(verbs.read(pk, by=signed_in(request))).data)


class UpTo(Strict):
    """Which notices were seen: those up to this number. Left out: all."""

    upto = IntegerField(min_value=0, max_value=2**63 - 1, required=False)


class ReadAll(APIView):
    """Mark notices as read: all, or those up to the number that was on the screen."""

    @takes(UpTo, answers=UnreadAnswer, example={"upto": 41})
    def post(self, request: Request) -> Response:
        user = signed_in(request)
        verbs.read_all(by=user, **body(request, UpTo).validated_data)
        return Response(_unread(user))


class Preference(serializers.Serializer[Any]):
    """On which channels one wants an event. A critical one cannot be kept out of the inbox."""

    event = serializers.CharField()
    words = serializers.CharField(help_text="What it says.")
    cause = serializers.CharField(help_text="When it is said.")
    critical = serializers.BooleanField()
    inbox = serializers.BooleanField()
    toast = serializers.BooleanField()
    sound = serializers.BooleanField()
    vibration = serializers.BooleanField()


class Choice(Strict):
    """What to change of an event's channels."""

    event = serializers.ChoiceField(choices=sorted(CATALOGUE))
    inbox = BooleanField(required=False)
    toast = BooleanField(required=False)
    sound = BooleanField(required=False)
    vibration = BooleanField(required=False)


class Choices(Strict):
    """The changes, all or none."""

    preferences = serializers.ListField(child=Choice(), min_length=1, max_length=100)


class Preferences(APIView):
    """Which events one wants, on which channels."""

    @answers(Preference(many=True))
    def get(self, request: Request) -> Response:
        """Every event, and on which channels one wants it."""
        return Response(_preferences(signed_in(request)))

    @takes(
        Choices,
        answers=Preference(many=True),
        example={"preferences": [{"event": "NEW_BOOKING", "sound": False}]},
    )
    def patch(self, request: Request) -> Response:
        """Change some of it; answers all of it."""
        user = signed_in(request)
        wish = body(request, Choices).validated_data["preferences"]
        verbs.choose(user, ((choice.pop("event"), choice) for choice in wish))
        return Response(_preferences(user))


def _unread(user: User) -> dict[str, Any]:
    inbox, _ = Inbox.objects.get_or_create(user=user)
    return {"unread": unread_counts([user.pk]).get(user.pk, 0), "seq": inbox.head, "epoch": inbox.epoch}


def _preferences(user: User) -> list[dict[str, Any]]:
    return [
        {
            "event": event.code,
            "words": event.words,
            "cause": event.cause,
            "critical": event.critical,
            **{channel.value: channels[channel] for channel in Channel},
        }
        for event, channels in verbs.wanted(user)
    ]
