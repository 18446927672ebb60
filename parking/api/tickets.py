"""A ticket for a socket: for clients without cookies, and for pages that prefer it."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.api.authentication import signed_in
from parking.api.requests import no_body
from parking.api.schema import takes
from parking.credentials import TICKET_LIFE, issue_ticket
from parking.models import DeviceToken


class TicketAnswer(serializers.Serializer[Any]):
    """The ticket, and for how many seconds it opens one socket: `?ticket=…`."""

    ticket = serializers.CharField()
    expires_in = serializers.IntegerField()


class WsTicket(APIView):
    """A ticket that opens one socket within 30 s, from the origin of this request."""

    @takes(None, answers=TicketAnswer, status=201)
    def post(self, request: Request) -> Response:
        no_body(request)
        token = request.auth if isinstance(request.auth, DeviceToken) else None
        ticket = issue_ticket(
            signed_in(request),
            origin=request.headers.get("Origin", "")[:200],
            session_key="" if token else request._request.session.session_key or "",
            token_id=token and token.pk,
        )
        return Response({"ticket": ticket, "expires_in": int(TICKET_LIFE.total_seconds())}, 201)
