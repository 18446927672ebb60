"""Schemathesis as a browser: the CSRF token in its cookie, as in the header."""

from typing import Any

import schemathesis

CSRF_TOKEN = "x" * 32


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    case.cookies = {**(case.cookies or {}), "csrftoken": CSRF_TOKEN}
