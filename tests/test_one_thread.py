"""A request goes to its thread once, with all of its middleware and its view."""

import httpx
import pytest
from asgiref.sync import SyncToAsync

from parkmate.asgi import application


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
