"""Idempotency-Key: a write that was sent twice is done once, and answered twice alike.

The answer is stored in the transaction of what it tells. So after a crash between the commit and the
answer the retry finds it, and after a crash before the commit it finds nothing and does the work. While
the first is under way it holds an advisory lock, which ends with its transaction, however that ends.
"""

import hashlib
import json
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import connection, transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from parking.api.authentication import signed_in
from parking.api.exceptions import refuse
from parking.errors import ParkingError
from parking.models import StoredAnswer

HEADER = "Idempotency-Key"

PARAMETER = OpenApiParameter(
    HEADER,
    location=OpenApiParameter.HEADER,
    required=False,
    type={"type": "string", "pattern": "^[!-~]{1,200}$"},
    description="Made by the client, new for each wish. The same key and body again answers the same.",
)

Post = Callable[..., Response]


class InFlight(exceptions.APIException):
    """The first request with this key is still being worked on."""

    status_code = 409
    default_code = "in_flight"
    default_detail = "A request with this Idempotency-Key is still under way."
    wait = 1


class KeyReused(exceptions.APIException):
    """The key came before, with another body."""

    status_code = 422
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used for another request. Take a new key for a new wish."


def idempotent(post: Post) -> Post:
    """Let a view's `post` be repeated safely by clients that send an Idempotency-Key."""

    @extend_schema(parameters=[PARAMETER])
    @wraps(post)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        if HEADER not in request.headers:
            return post(view, request, *args, **kwargs)
        return _once(request, lambda: post(view, request, *args, **kwargs))

    return once


def _once(request: Request, work: Callable[[], Response]) -> Response:
    user = signed_in(request)
    place = {
        "user": user,
        "route": f"{request.method} {request.path}",
        "key": _key(request.headers[HEADER]),
    }
    fingerprint = hashlib.sha256(json.dumps(request.data, sort_keys=True).encode()).hexdigest()
    with transaction.atomic():
        if not _lock(f"{user.pk} {place['route']} {place['key']}"):
            raise InFlight
        stored = StoredAnswer.objects.filter(**place).first()
        if stored is None:
            answer = _work(work)
            if answer.status_code < 500:
                text = JSONRenderer().render(answer.data).decode()
                row = {**place, "fingerprint": fingerprint, "status": answer.status_code, "body": text}
                StoredAnswer.objects.create(**row)
            return answer
    if stored.fingerprint != fingerprint:
        raise KeyReused
    return Response(json.loads(stored.body), stored.status, headers={"Idempotent-Replayed": "true"})


def _key(given: str) -> str:
    if not re.fullmatch(r"[!-~]{1,200}", given):
        raise exceptions.ValidationError({HEADER: ["A key has 1 to 200 visible ASCII characters."]})
    return given


def _lock(name: str) -> bool:
    """Take the lock of this name until the transaction ends; False if somebody has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        taken: bool = cursor.fetchone()[0]
    return taken


def _work(work: Callable[[], Response]) -> Response:
    """The view's answer. A refusal by the rules is one, too: what it left behind, a notice, is kept."""
    try:
        return work()
    except ParkingError as error:
        return refuse(error)
