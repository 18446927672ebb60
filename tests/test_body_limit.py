"""Bodies over 64 KiB are answered 413, whatever they claim about their length."""

import httpx
import pytest

from parkmate.asgi import application
from parkmate.body_limit import LIMIT

pytestmark = pytest.mark.asyncio


async def post(content):
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        return await client.post(
            "/api/auth/login/", content=content, headers={"Content-Type": "application/json"}
        )


async def chunks(size):
    """A body without a Content-Length."""
    for _ in range(size // 1024):
        yield b" " * 1024


async def test_a_body_over_the_limit_is_a_413(db):
    answer = await post(b" " * (LIMIT + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_chunked_body_over_the_limit_is_a_413(db):
    assert (await post(chunks(LIMIT + 1024))).status_code == 413


async def test_a_body_much_over_the_limit_is_not_read_to_its_end(db):
    served = 0

    async def endless():
        nonlocal served
        while True:
            served += 1
            yield b" " * 65_536

    answer = await post(endless())
    assert answer.status_code == 413
    assert served < 100


async def test_a_body_at_the_limit_reaches_the_view(db):
    answer = await post(b" " * LIMIT)
    assert answer.json()["code"] == "csrf_failed"
