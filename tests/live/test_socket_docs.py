"""The client that docs/socket.md shows is run as it stands there."""

import asyncio
import os
import sys

import pytest

from tests.live.box import ROOT
from tests.live.test_socket_bounds import FLOOD

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]

A_DEVICE = """
from parking.actions.accounts import issue_token
from parking.models import User
user = User.objects.create(username="dina", password="!")
answer = user.pk, issue_token(user, device="a script")[1]
"""


async def test_the_client_of_the_documents_shows_each_notice_once_across_a_restart(box):
    live = box("web", "sweeper", PARKMATE_SWEEP_SECONDS="0.2")
    user_id, token = live.run_django(A_DEVICE)
    code = (ROOT / "docs/socket.md").read_text().split("```python\n")[1].split("```")[0]
    assert len([line for line in code.splitlines() if line]) <= 40
    client = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        env={**os.environ, "SITE": live.url, "TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        live.rows(FLOOD, user_id, 3)
        shown = [await number(client) for _ in range(3)]
        live.kill("web")
        live.rows(FLOOD, user_id, 3)
        live.start("web")
        shown += [await number(client) for _ in range(3)]
        assert shown == [1, 2, 3, 4, 5, 6]
    finally:
        client.kill()
        await client.wait()


async def number(client):
    """Of the next notice that it shows."""
    return int((await client.stdout.readline()).split()[0])
