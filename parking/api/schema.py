"""How the OpenAPI document is made: what a view declares, plus what holds for every answer."""

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

from django.conf import settings
from django.core.validators import RegexValidator
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, extend_schema

F = TypeVar("F", bound=Callable[..., Any])

REFUSALS = {
    "400": "A value is not right: `fields` says which and why.",
    "401": "Nobody is signed in.",
    "402": "The payment was declined.",
    "403": "Not yours to do, or a request from another site.",
    "404": "There is no such thing, or it is not yours to see.",
    "406": "Only JSON is answered.",
    "409": "The rules forbid it now: `code` says which.",
    "413": "The body is too large.",
    "415": "Only JSON is read.",
    "422": "The Idempotency-Key was used for another request.",
    "429": "Too many attempts: `Retry-After` says when to come back.",
    "503": "The database or the payment provider is away, or too many ask: `Retry-After` says when.",
}


ERROR = {
    "type": "object",
    "description": "What every refusal looks like. Some rules add facts, such as `next_free_at`.",
    "properties": {
        "code": {"type": "string", "description": "Never changes: for programs."},
        "message": {"type": "string", "description": "For people."},
        "fields": {"type": "object", "description": "For each wrong field, the reasons."},
    },
    "required": ["code", "message"],
    "example": {"code": "not_found", "message": "There is no such booking."},
}


def takes(body: Any, *, answers: Any, status: int = 200, example: Any = None) -> Callable[[F], F]:
    """Declare what a view's method reads and answers; `example` is a body that works."""
    examples = [OpenApiExample("A body that works", value=example, request_only=True)] if example else []
    return extend_schema(request=body, responses={status: answers}, examples=examples)


def answers(shape: Any, *, parameters: Any = None) -> Callable[[F], F]:
    """Declare what a view's `get` answers, and the query it takes."""
    return extend_schema(responses={200: shape}, parameters=[parameters] if parameters else [])


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The browsers' way to sign in."""

    target_class = "parking.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "From `auth/login/`. What writes also needs the CSRF token, as `X-CSRFToken`.",
        }


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The way of clients without cookies."""

    target_class = "parking.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "From `auth/token/`."}


class TextFields(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Text that must not be blank is more than space."""

    target_class = "parking.api.fields.CharField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """The plain field's schema, with the pattern."""
        plain = _plain(self.target, auto_schema, direction)
        ruled = any(isinstance(rule, RegexValidator) for rule in self.target.validators)
        if self.target.allow_blank or ruled:
            return plain
        return {**plain, "pattern": r"^[^\u0000]*\S[^\u0000]*$"}


class PlateFields(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A number plate, as it may be written."""

    target_class = "parking.api.fields.VehicleNumberField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """The plain field's schema, with the pattern."""
        return {
            **_plain(self.target, auto_schema, direction),
            "pattern": "^[ -]*([A-Za-z0-9][ -]*){4,12}$",
            "example": "KA 01 AB 1234",
        }


class AmountFields(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """An amount in a string, with the digits that it may have."""

    target_class = "parking.api.fields.DecimalField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """The plain field's schema, with a pattern of our own: at least a digit, and no sign at prices."""
        field = self.target
        whole, places = field.max_digits - field.decimal_places, field.decimal_places
        sign = "-?" if field.min_value is None or field.min_value < 0 else ""
        pattern = rf"^{sign}[0-9]{{1,{whole}}}(\.[0-9]{{1,{places}}})?$"
        return {**_plain(field, auto_schema, direction), "pattern": pattern}


def _plain(field: Any, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
    make: Any = auto_schema._map_serializer_field
    made: dict[str, Any] = make(field, direction, bypass_extensions=True)
    return made


class Schema(AutoSchema):
    """Drf-spectacular's, with our lists' parameters, and one tag for each noun."""

    def get_override_parameters(self) -> list[Any]:
        parameters = getattr(self.view, "parameters", None)
        return [parameters] if parameters and self.method == "GET" else []

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/").split("/")[0] or "index"]


class Once(SchemaGenerator):
    """Makes the document once, for the first to ask; the others of this process wait for it.

    Two that began together would have a 500: drf-spectacular loads its extensions then, one step at a time.
    """

    _making = Lock()
    _made: Any = None

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        with Once._making:
            if Once._made is None:
                Once._made = super().get_schema(request, public)  # type: ignore[no-untyped-call]
            return Once._made


def add_refusals(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The hook that adds to every operation the refusals it may answer."""
    result["components"]["schemas"]["Error"] = ERROR
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            for status in _refusals(path, method, operation):
                operation["responses"].setdefault(status, _refusal(status))
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return result


def close_bodies(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The hook that says of every body what `Strict` does: it has no other fields."""
    schemas = result["components"]["schemas"]
    for methods in result["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                _close(content["schema"], schemas)
    return result


def _close(schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/")[-1]]
    if "properties" in schema:
        schema["additionalProperties"] = False
        for part in schema["properties"].values():
            _close(part, schemas)
    if "items" in schema:
        _close(schema["items"], schemas)


def _refusals(path: str, method: str, operation: dict[str, Any]) -> set[str]:
    found = {"406", "503"}
    parameters = operation.get("parameters", [])
    if {} not in operation.get("security", [{}]):
        found |= {"401", "403"}
    # An id may be in the address, in the body, or be that of a page.
    if "{" in path or method != "get" or any(p["name"] in ("page", "cursor") for p in parameters):
        found |= {"404"}
    if parameters or method != "get":
        found |= {"400"}
    if method != "get":
        found |= {"403", "409", "413", "415"}
    if any(parameter["name"] == "Idempotency-Key" for parameter in parameters):
        found |= {"402", "422"}
    if path.startswith("/api/auth/"):
        found |= {"401", "429"}
    return found


def _refusal(status: str) -> dict[str, Any]:
    shape = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": REFUSALS[status], "content": shape}
