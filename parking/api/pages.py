"""How long answers are cut, and which parameters a list takes."""

import re
from typing import Any

from django.db.models import Model, QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination, PageNumberPagination
from rest_framework.request import Request

from parking.api.authentication import signed_in
from parking.api.fields import CharField, IntegerInQuery, Strict
from parking.api.requests import query
from parking.models import User


class Pages(PageNumberPagination):
    """50 rows a page; `page_size` asks for up to 100."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 100


class NewestFirst(CursorPagination):
    """Pages that stay whole while new rows come in: each tells the address of the next."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 100
    ordering = "-seq"

    def decode_cursor(self, request: Request) -> Any:
        """The cursor, or None. Raises NotFound for one that we did not make."""
        cursor = super().decode_cursor(request)
        position = "0" if cursor is None or cursor.position is None else str(cursor.position)
        if not re.fullmatch(r"[0-9]{1,18}", position, re.ASCII):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class PageParameters(Strict):
    """What every list takes."""

    page = IntegerInQuery(help_text="Which page, from 1.")
    page_size = IntegerInQuery(max_value=100, help_text="Rows a page; 50 if not given.")


class CursorParameters(Strict):
    """What a list of moving rows takes."""

    cursor = CharField(required=False, help_text="From the `next` or `previous` address.")
    page_size = IntegerInQuery(max_value=100, help_text="Rows a page; 50 if not given.")


class Listing(ListAPIView[Any]):
    """A list of what one may see, narrowed by the `parameters` that were given."""

    pagination_class: Any = Pages
    parameters: type[Strict] = PageParameters

    def rows(self, user: User, **given: Any) -> QuerySet[Any]:
        """What this person may see, narrowed."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Model]:
        given = query(self.request, self.parameters)
        for name in ("page", "page_size", "cursor"):
            given.pop(name, None)
        return self.rows(signed_in(self.request), **given)
