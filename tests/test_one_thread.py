"""A request goes to its thread once, with all of its middleware and its view."""

import asyncio
import threading

import httpx
import pytest
import pytest_asyncio
from asgiref.sync import SyncToAsync
from django.http import HttpResponse
from django.urls import path

from parkmate import one_thread
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
    """Which thread answers; together with another, if the request asks for it."""
    if "together" in request.GET:
        together.wait(20)
    return HttpResponse(threading.current_thread().name)


urlpatterns = [path("thread/", tell_thread)]
together = threading.Barrier(2)


@pytest_asyncio.fixture
async def ask(settings):
    """Ask a new handler this, and return the thread that answered."""
    settings.ROOT_URLCONF = __name__
    transport = httpx.ASGITransport(OneThreadHandler())
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:

        async def ask(query=""):
            return (await client.get(f"/thread/?{query}")).text

        yield ask


@pytest.mark.asyncio
async def test_requests_one_after_the_other_share_a_thread_and_those_at_once_do_not(ask):
    alone = await ask()
    assert await ask() == alone
    pair = await asyncio.gather(ask("together"), ask("together"))
    assert len(set(pair)) == 2
    assert alone in pair


@pytest.mark.asyncio
async def test_after_a_rush_no_more_threads_are_kept_than_can_work(ask, monkeypatch):
    monkeypatch.setattr(one_thread, "KEPT", 1)
    first = set(await asyncio.gather(ask("together"), ask("together")))
    assert await ask() in first
    again = set(await asyncio.gather(ask("together"), ask("together")))
    assert len(first & again) == 1
