"""uvicorn's protocol, as we changed it, in a running uvicorn."""

import asyncio
import socket

import pytest
import pytest_asyncio
import uvicorn
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState
from websockets.asyncio.client import connect

from parkmate.websocket_protocol import Protocol

pytestmark = pytest.mark.asyncio


class Door:
    """An application that lets nobody in until `open` is set."""

    def __init__(self):
        self.knocked, self.open, self.left = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, scope, receive, send):
        self.knocked.set()
        try:
            await self.open.wait()
        finally:
            self.left.set()
        await send({"type": "websocket.accept"})
        await receive()


@pytest_asyncio.fixture
async def door():
    """The application, and where it is served."""
    application = Door()
    program = uvicorn.Server(uvicorn.Config(application, ws=Protocol, lifespan="off", log_config=None))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        async with asyncio.TaskGroup() as group:
            group.create_task(program.serve([listening]))
            yield application, "ws://{}:{}/".format(*listening.getsockname())
            application.open.set()
            program.should_exit = program.force_exit = True


async def test_who_leaves_before_they_were_let_in_is_not_worked_for_any_more(door, caplog):
    application, address = door
    visit = asyncio.create_task(anext(aiter(connect(address))))
    await application.knocked.wait()
    visit.cancel()
    async with asyncio.timeout(5):
        await application.left.wait()
    assert caplog.text == ""


async def test_what_is_said_on_a_line_that_just_broke_is_said_to_nobody():
    config = uvicorn.Config(Door(), ws=Protocol, lifespan="off", log_config=None)
    config.load()
    line, other = socket.socketpair()
    with other:
        transport, protocol = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: Protocol(config, ServerState(), {}), line
        )
        transport.abort()
        with pytest.raises(ClientDisconnected):
            await protocol.send({"type": "websocket.accept"})
