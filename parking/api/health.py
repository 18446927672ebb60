"""For machines: is the process alive, and can it serve?"""

from typing import Any

from django.db import connection
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.api.schema import answers


class Health(serializers.Serializer[Any]):
    """How the process is."""

    status = serializers.CharField()


class Live(APIView):
    """The process answers."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @answers(Health)
    def get(self, request: Request) -> Response:
        return Response({"status": "live"})


class Ready(APIView):
    """The process reaches the database; 503 if it does not."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @answers(Health)
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return Response({"status": "ready"})
