"""Tokens: how clients without cookies sign in, one token per device."""

from typing import Any, ClassVar

from django.contrib.auth.signals import user_logged_in
from django.db.models import QuerySet
from django.db.models.functions import Now
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.actions.accounts import issue_token, revoke_token
from parking.api.accounts import Account, Credentials, prove
from parking.api.authentication import signed_in
from parking.api.fields import CharField
from parking.api.pages import Listing
from parking.api.schema import takes
from parking.models import DeviceToken, User


class DeviceCredentials(Credentials):
    """What it takes to sign a device in."""

    device = CharField(max_length=100)


class Device(serializers.ModelSerializer[DeviceToken]):
    """A device that is signed in; never its token, which is told once and not kept."""

    expires_at = serializers.DateTimeField(source="expiry", read_only=True)

    class Meta:
        model = DeviceToken
        fields: ClassVar = ["id", "device", "created", "expires_at"]
        read_only_fields = fields


class NewDevice(Device):
    """A device that has just signed in, and its token, told this once."""

    token = serializers.CharField(read_only=True)
    user = Account(read_only=True)

    class Meta(Device.Meta):
        fields: ClassVar = [*Device.Meta.fields, "token", "user"]


class Issue(APIView):
    """Sign a device in. It reads no cookie, so that there is nothing for CSRF to abuse."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @takes(
        DeviceCredentials,
        answers=NewDevice,
        status=201,
        example={"username": "dina", "password": "a long passphrase", "device": "Dina's phone"},
    )
    def post(self, request: Request) -> Response:
        credentials = DeviceCredentials(data=request.data)
        credentials.is_valid(raise_exception=True)
        device = credentials.validated_data.pop("device")
        user = prove(request, **credentials.validated_data)
        row, token = issue_token(user, device=device)
        user_logged_in.send(sender=User, request=request._request, user=user)
        body = {**Device(row).data, "token": token, "user": Account(user).data}
        return Response(body, 201, headers={"Cache-Control": "no-store"})


class Tokens(Listing):
    """One's own devices, the latest first."""

    serializer_class = Device

    def rows(self, user: User, **_: Any) -> QuerySet[DeviceToken]:
        return user.device_tokens.filter(expiry__gt=Now()).order_by("-pk")


class OneToken(APIView):
    """Sign one of one's own devices out."""

    @takes(None, answers=None, status=204)
    def delete(self, request: Request, pk: int) -> Response:
        revoke_token(pk, by=signed_in(request))
        return Response(status=204)
