"""What there is, for a person who opens the address in a browser."""

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

PATHS = {
    "/api/auth/me/": "who you are, and the CSRF token for everything that writes",
    "/api/auth/register/": "POST username, password, role (driver or owner)",
    "/api/auth/login/": "POST username, password",
    "/api/auth/logout/": "POST; a token that comes with it is revoked",
    "/api/auth/password/": "POST old_password, new_password",
    "/api/auth/token/": "POST username, password, device: a token for `Authorization: Bearer`",
    "/api/auth/tokens/": "your devices' tokens",
    "/api/auth/tokens/{id}/": "DELETE: revoke one",
    "/api/lots/": "the lots, and how many slots each has free now",
    "/api/lots/{id}/": "its slots, and when each is free in the next seven days",
    "/api/bookings/": "yours; POST slot, vehicle_number, ends_at, starts_at (left out: now),"
    " payment_method (card, upi or cash), payment_token",
    "/api/bookings/{id}/": "one booking",
    "/api/bookings/{id}/extend/": "POST ends_at, payment_method, payment_token",
    "/api/bookings/{id}/renew/": "the same, after the booking has expired",
    "/api/bookings/{id}/cancel/": "POST, as its driver",
    "/api/bookings/{id}/decline/": "POST, as the lot's owner",
    "/api/health/live/": "the process answers",
    "/api/health/ready/": "and reaches its database",
    "/ws/notifications/me/": "the WebSocket with your notices",
}


class Index(APIView):
    """The paths, each with what it is for."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        return Response({"name": "ParkMate", "paths": PATHS})
