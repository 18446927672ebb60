"""How bodies are read: JSON, and whatever is wrong with it is a 400."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    """DRF's strict parser, which also survives nesting that is too deep for Python."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        except ParseError as error:
            # Python's own words may be advice to programmers of Python.
            raise ParseError("The body is not valid JSON.") from error
