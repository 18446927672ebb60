"""A request goes to its thread once and comes back once, with all of its middleware and its view.

Under ASGI Django would change threads for each half of each middleware, some fifteen times a request,
and on a busy process each change waits for the interpreter's lock. And it would make a thread for each
request, however many come.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware import security

from parking.api.exceptions import RETRY_AFTER

BUSY = {"code": "unavailable", "message": "Too many requests at once. Try again in a moment."}

# They begin with their first request, and then stay. The last to come back is the first to go, so that
# those which are not needed never begin.
Threads = asyncio.LifoQueue[ThreadPoolExecutor]


class OneThreadHandler(ASGIHandler):
    """Django's, with all from the static files' middleware down to the view in its synchronous mode.

    What comes before stays on the event loop; and so does who waits for a thread. There it costs a few
    kilobytes, where a thread each, for all who come together while the database is away, would leave
    megabytes behind. What asks no database has threads of its own: pages load, and the process says that
    it lives, however many wait.
    """

    _middleware_chain: Any

    def __init__(self) -> None:
        pool = settings.DATABASES["default"]["OPTIONS"]["pool"]
        self._patience: float = pool["timeout"]
        # As many work with a connection as wait for one.
        self._threads = _threads(2 * pool["max_size"])
        self._threads_without_database = _threads(4)
        super().__init__()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request in a thread that nobody else is in; 503 if none is free for too long."""
        free = self._threads if _asks_database(scope["path"]) else self._threads_without_database
        try:
            async with asyncio.timeout(self._patience):
                thread = await free.get()
        except TimeoutError:
            await self.send_response(JsonResponse(BUSY, status=503, headers=RETRY_AFTER), send)
            return
        try:
            # Django's own, inside, leaves the outer one alone.
            async with ThreadSensitiveContext(executor=thread):
                await super().__call__(scope, receive, send)
        finally:
            free.put_nowait(thread)

    def load_middleware(self, is_async: bool = False) -> None:
        """As for WSGI; but the last step, which would make a thread wait for the event loop, is undone."""
        super().load_middleware(is_async=False)
        self._middleware_chain = self._middleware_chain.awaitable


def _threads(number: int) -> Threads:
    threads = Threads()
    for _ in range(number):
        threads.put_nowait(ThreadPoolExecutor(1))
    return threads


def _asks_database(path: str) -> bool:
    """Whether it may: not the client's page and its files, and not the process' health."""
    return path.startswith(("/api/", "/admin/")) and not path.startswith("/api/health/")


class SecurityMiddleware(security.SecurityMiddleware):
    """Django's. It reads settings and writes headers: for that it needs no thread."""

    get_response: Callable[[HttpRequest], Awaitable[HttpResponse]]

    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        answer = self.process_request(request) or await self.get_response(request)
        return self.process_response(request, answer)
