"""Every error is one shape: `{code, message, fields?}`, plus the facts of the rule that was broken."""

import logging
import math
import sys
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from parking.connections import is_away
from parking.errors import ParkingError

logger = logging.getLogger(__name__)

UNAVAILABLE = {"code": "unavailable", "message": "The database is away. Try again in a moment."}
BUSY = {"code": "unavailable", "message": "Too many requests at once. Try again in a moment."}
RETRY_AFTER = {"Retry-After": "2"}
TOO_MANY_ATTEMPTS = {"code": "too_many_attempts", "message": "Too many sign-ins failed. Try again later."}


def handle_in_json(error: Exception, context: dict[str, Any]) -> HttpResponseBase | None:
    """DRF's exception handler: JSON, also where a view otherwise answers a page or YAML."""
    answer = handle(error)
    if answer is None or isinstance(context["view"].get_renderers()[0], JSONRenderer):
        return answer
    headers = {name: value for name, value in answer.items() if name != "Content-Type"}
    return JsonResponse(answer.data, status=answer.status_code, headers=headers)


def handle(error: Exception) -> Response | None:
    """The answer to what went wrong, or None for a defect, which becomes a 500."""
    if isinstance(error, ParkingError):
        return refuse(error)
    if is_away(error):
        logger.error("A request found the database away", extra={"error": str(error).strip()})
        return Response(UNAVAILABLE, 503, headers=RETRY_AFTER)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    return _answer(error) if isinstance(error, exceptions.APIException) else None


def refuse(error: ParkingError) -> Response:
    """The answer to something that the rules forbid."""
    headers = RETRY_AFTER if error.status == 503 else None
    body = {"code": error.code, "message": error.message, **error.facts}
    return Response(body, error.status, headers=headers)


def _answer(error: exceptions.APIException) -> Response:
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    if isinstance(error, exceptions.ValidationError):
        fields = error.detail if isinstance(error.detail, dict) else {"": error.detail}
        body = {"code": _invalid(error), "message": "Some values are not right.", "fields": fields}
        return Response(body, error.status_code, headers=headers)
    return Response({"code": _code(error), "message": str(error.detail)}, error.status_code, headers=headers)


def _invalid(error: exceptions.ValidationError) -> str:
    """`unknown_field` if that is all that is wrong, else `invalid`."""
    return "unknown_field" if set(_codes(error.get_codes())) == {"unknown_field"} else "invalid"


def _codes(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict | list):
        for branch in tree.values() if isinstance(tree, dict) else tree:
            yield from _codes(branch)
    else:
        yield str(tree)


def _code(error: exceptions.APIException) -> str:
    if str(error.detail).startswith("CSRF Failed"):
        return "csrf_failed"
    return str(getattr(error.detail, "code", error.default_code))


# --- What Django answers by itself, outside the API's views ------------------------------------


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse({"code": "bad_request", "message": "The request is malformed."}, status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse({"code": "permission_denied", "message": "This is not allowed."}, status=403)


def too_many_attempts(request: HttpRequest, *, seconds: float) -> HttpResponse:
    """The answer while an account or an address is locked for so long: a page in the admin, else JSON."""
    answer: HttpResponse
    if request.resolver_match and request.resolver_match.app_name == "admin":
        context = {**admin.site.each_context(request), "minutes": math.ceil(seconds / 60)}
        answer = render(request, "admin/too_many_attempts.html", context, status=429)
    else:
        answer = JsonResponse(TOO_MANY_ATTEMPTS, status=429)
    answer["Retry-After"] = str(math.ceil(seconds))
    return answer


def page_not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse({"code": "not_found", "message": "There is nothing at this address."}, status=404)


def server_error(request: HttpRequest) -> JsonResponse:
    """A defect; or the database went away where no view could catch it (the session, say)."""
    if is_away(sys.exception() or Exception()):
        return JsonResponse(UNAVAILABLE, status=503, headers=RETRY_AFTER)
    return JsonResponse(
        {"code": "server_error", "message": "This is our mistake; it was logged."}, status=500
    )
