"""For machines: is the process alive, and can every promise be kept?"""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.api.exceptions import RETRY_AFTER, UNAVAILABLE
from parking.api.schema import answers
from parking.readiness import readiness


class Health(serializers.Serializer[Any]):
    """How the process is."""

    status = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """What is wrong, and what to do about it."""

    code = serializers.CharField(help_text="database_away, not_swept, clock_overdue or layer_deaf.")
    message = serializers.CharField()


class NotReady(Health):
    """Why notices may be late: an error like any other, and each problem by itself."""

    code = serializers.CharField(help_text="Always `unavailable`.")
    message = serializers.CharField()
    problems = Problem(many=True)


class Live(APIView):
    """The process answers. For load balancers: a clock that stands must not take the doors away."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @answers(Health)
    def get(self, request: Request) -> Response:
        return Response({"status": "live"})


class Ready(APIView):
    """The database answers, the clock goes, and what it tells is heard here; 503 with what is wrong if not.

    For monitoring. Answered within two seconds.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses={200: Health, 503: NotReady})
    def get(self, request: Request) -> Response:
        problems = readiness.problems()
        if not problems:
            return Response({"status": "ready"})
        body = {
            "status": "not_ready",
            "code": UNAVAILABLE["code"],
            "message": " ".join(problem.message for problem in problems),
            "problems": problems,
        }
        return Response(NotReady(body).data, 503, headers=RETRY_AFTER)
