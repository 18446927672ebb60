"""A request goes to a thread once, with all of its middleware and its view, and to none while it waits.

Under ASGI Django would change threads for each half of each middleware, some fifteen times a request,
and on a busy process each change waits for the interpreter's lock. And it would make a thread for each
request, however many come.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware import security

from parking.api.exceptions import BUSY, RETRY_AFTER

View = Callable[[HttpRequest], HttpResponse]


class OneThreadHandler(ASGIHandler):
    """Django's, with all from below the static files' middleware down to the view in its synchronous mode.

    What comes before stays on the event loop, so that a static file needs no thread; and so does who waits
    for a thread, or for a client to read. There it costs a few kilobytes, where a thread each, for all who
    come together while the database is away, would leave megabytes behind. What asks no database has
    threads of its own: pages load, and the process says that it lives, however many wait.
    """

    _middleware_chain: Any

    def __init__(self) -> None:
        pool = settings.DATABASES["default"]["OPTIONS"]["pool"]
        # One for each connection: nobody sits in a thread and waits for one.
        self._threads = Threads(pool["max_size"], patience=pool["timeout"])
        self._threads_without_database = Threads(4, patience=pool["timeout"])
        self._thread_of_signals = ThreadPoolExecutor(1)
        super().__init__()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request; what Django does before and after the view waits for nothing: one does it all."""
        # Django's own, inside, leaves the outer one alone.
        async with ThreadSensitiveContext(executor=self._thread_of_signals):
            await super().__call__(scope, receive, send)

    def load_middleware(self, is_async: bool = False) -> None:
        """As for WSGI; but the last step, which would make a thread wait for the event loop, is undone."""
        super().load_middleware(is_async=False)
        self._middleware_chain = self._middleware_chain.awaitable

    def adapt_method_mode(
        self, is_async: bool, method: Any, method_is_async: bool | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Django's, but for the one place where what is synchronous begins: that goes to our threads."""
        if not is_async or method_is_async:
            return super().adapt_method_mode(is_async, method, method_is_async, *args, **kwargs)

        async def in_a_thread(request: HttpRequest) -> HttpResponse:
            threads = self._threads if _asks_database(request.path) else self._threads_without_database
            return await threads.answer(method, request)

        return in_a_thread


class Threads:
    """So many threads at most. They begin when they are needed, and then stay."""

    def __init__(self, number: int, *, patience: float) -> None:
        self._executor = ThreadPoolExecutor(number)
        self._free = asyncio.Semaphore(number)
        self._patience = patience

    async def answer(self, view: View, request: HttpRequest) -> HttpResponse:
        """What the view answers in a thread that nobody else is in; 503 if none is free for too long."""
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            return JsonResponse(BUSY, status=503, headers=RETRY_AFTER)
        try:
            answer = sync_to_async(_answer, thread_sensitive=False, executor=self._executor)
            return await answer(view, request)
        finally:
            self._free.release()


def _answer(view: View, request: HttpRequest) -> HttpResponse:
    """What the view answers. Its connection goes back to the pool before the answer is sent."""
    try:
        return view(request)
    finally:
        close_old_connections()


def _asks_database(path: str) -> bool:
    """Whether it may: not the client's page and its files, and not the process' health."""
    return path.startswith(("/api/", "/admin/")) and not path.startswith("/api/health/")


class SecurityMiddleware(security.SecurityMiddleware):
    """Django's. It reads settings and writes headers: for that it needs no thread."""

    get_response: Callable[[HttpRequest], Awaitable[HttpResponse]]

    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        answer = self.process_request(request) or await self.get_response(request)
        return self.process_response(request, answer)
