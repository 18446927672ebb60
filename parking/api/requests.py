"""How a view reads what it was sent: the body and the query, each checked whole, or a 400."""

from typing import Any, TypeVar

from rest_framework.request import Request

from parking.api.fields import Strict

S = TypeVar("S", bound=Strict)


def body(request: Request, shape: type[S], *, partial: bool = False) -> S:
    """The request's body in this shape, checked. Raises ValidationError."""
    given = shape(data=request.data, partial=partial)
    given.is_valid(raise_exception=True)
    return given


def query(request: Request, shape: type[Strict]) -> dict[str, Any]:
    """The query's parameters in this shape, those that were given. Raises ValidationError."""
    given = shape(data=request.query_params.dict())
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


class Nothing(Strict):
    """What a verb takes that needs no more than its address."""


def no_body(request: Request) -> None:
    """Refuse what a verb would ignore: whoever sends it expects something of it."""
    body(request, Nothing)
