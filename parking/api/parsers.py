"""How bodies are read: JSON, and whatever is wrong with it is a 400."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    """JSON in UTF-8 and nothing beyond it: no NaN, no key twice, no nesting that Python cannot follow."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return json.loads(
                stream.read().decode("utf-8"), object_pairs_hook=_each_once, parse_constant=_no_constant
            )
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        except ValueError as error:
            # Python's own words may be advice to programmers of Python.
            raise ParseError("The body is not valid JSON.") from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, unless a key comes twice: readers differ on which one counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ParseError("A key comes twice in one JSON object.")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)
