"""What there is, for a person who opens the address in a browser."""

from typing import Any

from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.api.schema import answers

PATHS = {
    "/api/docs/": "every path with its fields, and a page to try them",
    "/api/auth/me/": "who you are, and the CSRF token for everything that writes",
    "/api/auth/token/": "POST username, password, device: a token for `Authorization: Bearer`",
    "/api/lots/": "the lots, and how many slots each has free now",
    "/api/lots/{id}/": "its slots, and when each is free in the next seven days",
    "/api/bookings/": "yours; POST slot, vehicle_number, ends_at, starts_at (left out: now),"
    " payment_method (card, upi or cash), payment_token",
    "/api/payments/": "what you paid",
    "/api/carwashes/": "the washes you ordered",
    "/api/notifications/": "what you were told",
    "/api/owner/today/": "an owner's day at a glance",
    "/api/health/ready/": "whether the clock goes and is heard; 503 with what is wrong",
    "/ws/notifications/me/": "the WebSocket with your notices",
    "/admin/": "the operators' desk",
}


class IndexAnswer(serializers.Serializer[Any]):
    """The paths."""

    name = serializers.CharField()
    paths = serializers.DictField(child=serializers.CharField())


class Index(APIView):
    """The paths, each with what it is for."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @answers(IndexAnswer)
    def get(self, request: Request) -> Response:
        return Response({"name": "ParkMate", "paths": PATHS})
