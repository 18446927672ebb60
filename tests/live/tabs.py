"""Browser tabs outside any browser: they come back as docs/socket.md says, and remember what they showed."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from random import Random

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

PEOPLE = """
from django.test import Client
from parking.models import User
answer = []
for number in range({count}):
    user = User.objects.create(username=f"person{{number}}", password="!")
    sessions = []
    for _ in range({sessions}):
        client = Client()
        client.force_login(user)
        sessions.append(client.cookies["sessionid"].value)
    answer.append((user.pk, sessions))
"""


def people(box, count, *, sessions=1):
    """So many people, each signed in so many times: their ids and session keys."""
    return box.run_django(PEOPLE.format(count=count, sessions=sessions))


def open_socket(box, session, *, port=None, query="", **options):
    """A socket of this session, through the box's own page."""
    return connect(
        f"ws://127.0.0.1:{port or box.port}/ws/notifications/me/{query}",
        additional_headers={"Cookie": f"sessionid={session}"},
        origin=box.url,
        **options,
    )


class Tab:
    """One screen. `numbers` is what it has shown, and `visits` how often it had to come.

    `patience`: how many seconds it waits to be let in.
    """

    patience = 5.0

    def __init__(self, box, session, ports, *, seed):
        self.box, self.session, self.ports = box, session, ports
        self.numbers, self.visits, self.codes = [], 0, []
        self.luck = Random(seed)
        self.epoch = None

    async def live(self):
        """Come, show what comes, and come back for ever."""
        while True:
            with suppress(OSError, InvalidHandshake, TimeoutError, EOFError):
                await self._visit()
            await asyncio.sleep(self.luck.uniform(0.05, 0.3))

    async def _visit(self):
        query = f"?after={len(self.numbers)}" + (f"&epoch={self.epoch}" if self.epoch else "")
        async with open_socket(
            self.box, self.session, port=self._port(), query=query, open_timeout=self.patience
        ) as opened:
            self.visits += 1
            try:
                async for text in opened:
                    self._show(json.loads(text))
            except ConnectionClosed:
                self.codes.append(opened.close_code)

    def _port(self):
        return self.luck.choice(self.ports)

    def _show(self, frame):
        if "connected" in frame:
            assert frame["reset"] is False
            self.epoch = frame["epoch"]
        else:
            self.numbers.append(frame["seq"])


class Proxy:
    """A TCP proxy that can cut its connections in the middle of a frame."""

    def __init__(self, port):
        self.target, self.cutting, self.cuts, self.luck = port, False, 0, Random(4)

    @asynccontextmanager
    async def open(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader, writer):
        with suppress(OSError):
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
            tasks = [
                asyncio.create_task(self._pass(reader, up_writer, cut=False)),
                asyncio.create_task(self._pass(up_reader, writer, cut=True)),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                writer.transport.abort()
                up_writer.transport.abort()

    async def _pass(self, reader, writer, *, cut):
        with suppress(OSError):
            while data := await reader.read(4096):
                if cut and self.cutting and len(data) > 20 and self.luck.random() < 0.3:
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                    self.cuts += 1
                    return
                writer.write(data)
                await writer.drain()
