"""A request goes to its thread once and comes back once, with all of its middleware and its view.

Under ASGI Django would change threads for each half of each middleware, some fifteen times a request,
and on a busy process each change waits for the interpreter's lock.
"""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse
from django.middleware import security

# How many threads without a request are kept: as many as there are connections to the database.
KEPT = 10


class OneThreadHandler(ASGIHandler):
    """Django's, with all from the static files' middleware down to the view in its synchronous mode.

    What comes before stays on the event loop, so that a static file needs no thread. A thread that is done
    with its request takes another: Django would make one for each, and in each its objects anew.
    """

    _middleware_chain: Any

    def __init__(self) -> None:
        self._idle: list[ThreadPoolExecutor] = []
        super().__init__()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request in a thread that nobody else is in."""
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(1)
        try:
            # Django's own, inside, leaves the outer one alone.
            async with ThreadSensitiveContext(executor=thread):
                await super().__call__(scope, receive, send)
        finally:
            if len(self._idle) < KEPT:
                self._idle.append(thread)
            else:
                thread.shutdown(wait=False)

    def load_middleware(self, is_async: bool = False) -> None:
        """As for WSGI; but the last step, which would make a thread wait for the event loop, is undone."""
        super().load_middleware(is_async=False)
        self._middleware_chain = self._middleware_chain.awaitable


class SecurityMiddleware(security.SecurityMiddleware):
    """Django's. It reads settings and writes headers: for that it needs no thread."""

    get_response: Callable[[HttpRequest], Awaitable[HttpResponse]]

    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        answer = self.process_request(request) or await self.get_response(request)
        return self.process_response(request, answer)
