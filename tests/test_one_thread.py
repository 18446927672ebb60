"""A request goes to its thread once, with all of its middleware and its view."""

import asyncio
import threading
from queue import SimpleQueue

import httpx
import pytest
import pytest_asyncio
from asgiref.sync import SyncToAsync
from django.db import connection
from django.http import HttpResponse
from django.urls import path

from parkmate.asgi import application
from parkmate.one_thread import OneThreadHandler


@pytest.mark.asyncio
async def test_a_request_changes_threads_three_times(db, monkeypatch):
    """When it begins, for all of its middleware and its view, and when it ends."""
    changes = []
    call = SyncToAsync.__call__

    def counted(self, *args, **kwargs):
        changes.append(self.func)
        return call(self, *args, **kwargs)

    monkeypatch.setattr(SyncToAsync, "__call__", counted)
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        assert (await client.get("/api/health/live/")).status_code == 200
    assert len(changes) == 3, changes


def tell_thread(request):
    """Which thread answers; together with another, or when it may, if the request asks for that."""
    if "together" in request.GET:
        together.wait(20)
    if "held" in request.GET:
        holding.put(None)
        assert release.wait(20)
    return HttpResponse(threading.current_thread().name)


def tell_connection(request):
    """Whether this thread has a connection already; from now on it has."""
    together.wait(20)
    had = connection.connection is not None
    connection.ensure_connection()
    return HttpResponse(str(had))


urlpatterns = [
    path("api/thread/", tell_thread),
    path("api/connection/", tell_connection),
    path("api/health/live/", tell_thread),
    path("", tell_thread),
]
together = threading.Barrier(2)
release = threading.Event()
holding = SimpleQueue()


@pytest.fixture
def handler(settings, monkeypatch):
    """A new one, of two threads and a second's patience."""
    settings.ROOT_URLCONF = __name__
    pool = settings.DATABASES["default"]["OPTIONS"]["pool"]
    monkeypatch.setitem(pool, "max_size", 2)
    monkeypatch.setitem(pool, "timeout", 1)
    release.clear()
    yield OneThreadHandler()
    release.set()


@pytest_asyncio.fixture
async def ask(handler):
    """Ask the handler this; what it answered."""
    transport = httpx.ASGITransport(handler)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:

        async def ask(query="", path="/api/thread/"):
            return await client.get(f"{path}?{query}")

        yield ask


@pytest_asyncio.fixture
async def crowd(ask):
    """Two requests that hold both threads."""
    async with asyncio.TaskGroup() as group:
        crowd = [group.create_task(ask("held")) for _ in range(2)]
        for _ in crowd:
            await asyncio.to_thread(holding.get, timeout=20)
        yield crowd
        release.set()


@pytest.mark.asyncio
async def test_requests_at_once_have_a_thread_each_and_those_that_come_later_the_same(ask):
    pair = {answer.text for answer in await asyncio.gather(ask("together"), ask("together"))}
    assert len(pair) == 2
    assert {(await ask()).text for _ in range(5)} <= pair


@pytest.mark.asyncio
async def test_whoever_finds_no_thread_free_waits_for_one(ask, crowd):
    waiting = asyncio.create_task(ask("held"))
    # Meanwhile others come and go.
    assert (await ask(path="/")).status_code == 200
    assert holding.empty()
    release.set()
    answer = await waiting
    assert holding.get_nowait() is None
    assert answer.text in {(await one).text for one in crowd}


@pytest.mark.asyncio
async def test_whoever_waits_for_too_long_is_asked_to_come_back(ask, crowd):
    answer = await ask()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert answer.json()["code"] == "unavailable"
    release.set()
    assert {(await one).status_code for one in crowd} == {200}
    assert (await ask()).status_code == 200


@pytest.mark.asyncio
async def test_pages_and_health_wait_for_nobody(ask, crowd):
    for address in ("/", "/api/health/live/"):
        assert (await ask(path=address)).status_code == 200


@pytest.mark.asyncio
async def test_whoever_does_not_read_the_answer_keeps_neither_thread_nor_connection(db, handler, ask):
    unread, read = asyncio.Queue(), asyncio.Event()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/connection/",
        "headers": [(b"host", b"testserver")],
    }

    async def ask_and_not_read():
        events = [{"type": "http.request"}]

        async def receive():
            return events.pop() if events else await asyncio.Event().wait()

        async def send(event):
            unread.put_nowait(event)
            await read.wait()

        await handler(scope, receive, send)

    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(ask_and_not_read())
        assert [(await unread.get())["status"] for _ in range(2)] == [200, 200]
        answers = await asyncio.gather(ask(path="/api/connection/"), ask(path="/api/connection/"))
        assert [answer.text for answer in answers] == ["False", "False"]
        read.set()
