"""The clients that docs/socket.md shows are run as they stand there."""

import asyncio
import os
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from tests.live.box import ROOT, until
from tests.live.test_socket_bounds import FLOOD

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]

A_DEVICE = """
from parking.actions.accounts import issue_token
from parking.models import User
user = User.objects.create(username="dina", password="!")
answer = user.pk, issue_token(user, device="a script")[1]
"""
NO_DEVICE = """
from parking.models import DeviceToken
answer = DeviceToken.objects.all().delete()[0]
"""


def python():
    return [sys.executable, "-c"]


def node():
    """Node, told to have WebSocket where it still is an experiment."""
    if not (found := shutil.which("node")):
        pytest.skip("there is no node here")
    has = subprocess.run([found, "-p", "typeof WebSocket"], capture_output=True, text=True, check=True)
    flags = ["--experimental-websocket"] if has.stdout.strip() == "undefined" else []
    return [found, *flags, "-e"]


CLIENTS = pytest.mark.parametrize(("language", "command"), [("python", python), ("js", node)])


@asynccontextmanager
async def client_of_the_documents(live, language, command, token):
    """The client, running; it writes the number and the words of each notice."""
    code = (ROOT / "docs/socket.md").read_text().split(f"```{language}\n")[1].split("```")[0]
    assert len([line for line in code.splitlines() if line]) <= 40
    client = await asyncio.create_subprocess_exec(
        *command(),
        code,
        env={**os.environ, "SITE": live.url, "TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield client
    finally:
        if client.returncode is None:
            client.kill()
        await client.communicate()


async def number(client):
    """Of the next notice that it shows."""
    return int((await client.stdout.readline()).split()[0])


@CLIENTS
async def test_the_clients_of_the_documents_show_each_notice_once_across_a_restart(box, language, command):
    live = box("web", "sweeper", PARKMATE_SWEEP_SECONDS="0.2")
    user_id, token = live.run_django(A_DEVICE)
    async with client_of_the_documents(live, language, command, token) as client:
        live.rows(FLOOD, user_id, 3)
        shown = [await number(client) for _ in range(3)]
        live.kill("web")
        live.rows(FLOOD, user_id, 3)
        live.start("web")
        shown += [await number(client) for _ in range(3)]
        assert shown == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
@CLIENTS
async def test_the_clients_of_the_documents_stop_when_their_device_is_signed_out(box, language, command):
    live = box("web", "sweeper", PARKMATE_SWEEP_SECONDS="0.2")
    user_id, token = live.run_django(A_DEVICE)
    async with client_of_the_documents(live, language, command, token) as client:
        live.rows(FLOOD, user_id, 1)
        assert await number(client) == 1
        assert await asyncio.to_thread(live.run_django, NO_DEVICE) == 1
        _, complaint = await client.communicate()
        assert client.returncode == 1
        assert b"4401" in complaint


@pytest.mark.slow
async def test_the_client_in_javascript_acknowledges_what_it_has_shown(box):
    live = box("web", "sweeper", PARKMATE_SWEEP_SECONDS="0.2")
    user_id, token = live.run_django(A_DEVICE)
    async with client_of_the_documents(live, "js", node, token):
        live.rows(FLOOD, user_id, 100)
        acked = "SELECT acked FROM parking_inbox WHERE user_id = %s"
        await asyncio.to_thread(until, lambda: live.rows(acked, user_id) == [(100,)])
