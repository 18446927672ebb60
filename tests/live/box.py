"""A box of real processes: the Procfile's, with a database and a Valkey of their own, and short times."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
from celery import Celery
from honcho.environ import parse_procfile
from redis import Redis, RedisError
from websockets.asyncio.client import ClientConnection, connect

from parkmate.embedded import Valkey, free_port
from tests.frames import read
from tests.services import POSTGRES

ROOT = Path(__file__).resolve().parents[2]
PROCFILE = parse_procfile((ROOT / "Procfile").read_text()).processes

LEAD, WINDOW = 2.0, 1.5
SHORT_TIMES = {
    "PARKMATE_WARNING_LEAD_SECONDS": str(LEAD),
    "PARKMATE_RENEWAL_WINDOW_SECONDS": str(WINDOW),
}
PATIENCE = 30.0
PASSWORD = "a long enough passphrase"


def until(true: Callable[[], Any], *, seconds: float = PATIENCE) -> Any:
    """Wait for something outside this process that sends no event; return what it returned."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.02)
    return found


class Box:
    """The processes and their addresses. Every one it starts is ended by `close`, whatever happens."""

    def __init__(self, *, name: str, directory: Path) -> None:
        self.directory = directory
        self.valkey = Valkey(directory / "valkey")
        self.port = free_port()
        self.database_name = name
        self.database = f"postgresql://postgres@/{name}?host={POSTGRES.socket_directory}&port=5432"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.commands = dict(PROCFILE)
        self.times = SHORT_TIMES

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the box gets."""
        return {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DATABASE_URL": self.database,
            "REDIS_URL": self.valkey.url,
            "PORT": str(self.port),
            "PARKMATE_ORIGINS": self.url,
            "PARKMATE_ALLOWED_HOSTS": "127.0.0.1,testserver",
            **self.times,
        }

    def start(self, *names: str, command: str | None = None) -> None:
        """Start these of the Procfile's processes, and wait until they serve."""
        for name in names:
            self._spawn(name, command or self.commands[name], self.environment)
        if "web" in names:
            until(self._web_is_ready)
        if "worker" in names:
            until(self._worker_is_ready)

    def start_another_web(self, name: str) -> int:
        """A second web process of the same site, under this name; its port."""
        port = free_port()
        self._spawn(name, PROCFILE["web"], {**self.environment, "PORT": str(port)})
        until(partial(self._web_is_ready, f"http://127.0.0.1:{port}"))
        return port

    def _spawn(self, name: str, command: str, environment: dict[str, str]) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                shell=True,
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run_django(self, code: str) -> Any:
        """Run this within the box's Django; what it left in `answer`."""
        command = [
            sys.executable,
            "manage.py",
            "shell",
            "--no-imports",
            "-c",
            f"{code}\nimport json; print(json.dumps(answer))",
        ]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def _web_is_ready(self, url: str | None = None) -> bool:
        try:
            return httpx.get(f"{url or self.url}/api/health/live/").status_code == 200
        except httpx.TransportError:
            return False

    def _worker_is_ready(self) -> bool:
        try:
            with Celery(broker=self.valkey.url, set_as_current=False) as app:
                return bool(app.control.ping(timeout=1.0, limit=1))
        except RedisError:  # kombu had kept a connection to the Valkey before this one
            return False

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal a process and its children."""
        os.killpg(self.processes[name].pid, number)
        if number == signal.SIGKILL:
            self.processes.pop(name).wait()

    def end(self, name: str, number: signal.Signals) -> None:
        """Signal a process so that it ends, and wait until it has."""
        self.kill(name, number)
        if name in self.processes:
            self.processes.pop(name).wait(PATIENCE)

    def restart(self) -> None:
        """Stop every process as a supervisor would, and start them all again."""
        names = list(self.processes)
        for name in names:
            self.kill(name, signal.SIGTERM)
        for name in names:
            self.processes.pop(name).wait(PATIENCE)
        self.start(*names)

    def restart_valkey(self, fault: signal.Signals) -> None:
        """End Valkey, until the worker has noticed, and start it anew at its address, empty."""
        noticed = self.log("worker").count("Connection to broker lost")
        os.kill(self.valkey.pid or 0, fault)
        until(lambda: self.log("worker").count("Connection to broker lost") > noticed)
        until(lambda: not self.valkey.alive)
        self.valkey.start()
        until(self._worker_is_ready)

    def close(self) -> None:
        """End everything that was started."""
        for name in list(self.processes):
            self.kill(name)
        if self.valkey.pid:
            os.kill(self.valkey.pid, signal.SIGCONT)
        self.valkey.kill()

    def valkey_client(self) -> Redis:
        """To do something to Valkey."""
        return Redis.from_url(self.valkey.url)

    def log(self, name: str) -> str:
        """What a process has written."""
        return (self.directory / f"{name}.log").read_text()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the box's database."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def add_slot(self, *, owner: int, lot_name: str = "Live") -> int:
        """A lot with one slot; return the slot's id."""
        ((lot,),) = self.rows(
            "INSERT INTO parking_lot (owner_id, name, address) VALUES (%s, %s, 'Here') RETURNING id",
            owner,
            lot_name,
        )
        ((slot,),) = self.rows(
            "INSERT INTO parking_slot (lot_id, number, vehicle_type, hourly_rate, is_active)"
            " VALUES (%s, 1, 'car', 60, true) RETURNING id",
            lot,
        )
        return int(slot)

    def timers(self, booking: int) -> dict[str, tuple[str, float]]:
        """Each timer's state and how late it fired, in seconds: what the rows say."""
        found = self.rows(
            "SELECT kind, state, extract(epoch FROM fired_at - due_at)"
            " FROM parking_timer WHERE booking_id = %s",
            booking,
        )
        return {kind: (state, float(late or 0)) for kind, state, late in found}


class Person:
    """Somebody with an account in a box, a browser's cookies, and as many sockets as they like."""

    def __init__(self, box: Box, client: httpx.AsyncClient, user_id: int) -> None:
        self.box, self.client, self.id = box, client, user_id

    @classmethod
    @asynccontextmanager
    async def register(cls, box: Box, name: str, *, role: str = "driver") -> AsyncIterator["Person"]:
        """Make an account over HTTP, and sign in by it."""
        async with cls._enter(
            box, "register", {"username": name, "password": PASSWORD, "role": role}
        ) as person:
            yield person

    @classmethod
    @asynccontextmanager
    async def sign_in(cls, box: Box, name: str) -> AsyncIterator["Person"]:
        """Somebody who has an account, on one more device."""
        async with cls._enter(box, "login", {"username": name, "password": PASSWORD}) as person:
            yield person

    @classmethod
    @asynccontextmanager
    async def _enter(cls, box: Box, door: str, body: dict[str, str]) -> AsyncIterator["Person"]:
        # Kept for less time than the server keeps it: else it closes a connection as it is used again.
        limits = httpx.Limits(keepalive_expiry=2)
        async with httpx.AsyncClient(base_url=box.url, timeout=PATIENCE, limits=limits) as client:
            token = (await client.get("/api/auth/me/")).json()["csrf_token"]
            answer = await client.post(f"/api/auth/{door}/", json=body, headers={"X-CSRFToken": token})
            assert answer.status_code in (200, 201), answer.text
            client.headers["X-CSRFToken"] = answer.json()["csrf_token"]
            yield cls(box, client, answer.json()["user"]["id"])

    async def book(self, slot: int, *, seconds: float, **wish: Any) -> httpx.Response:
        """Book a slot from now on, by card unless told otherwise."""
        body = {
            "slot": slot,
            "vehicle_number": "KA01AB1234",
            "ends_at": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(),
            "payment_method": "card",
            "payment_token": "tok_visa",
        }
        return await self.client.post("/api/bookings/", json={**body, **wish})

    @asynccontextmanager
    async def socket(self, inbox: str = "me") -> AsyncIterator["Frames"]:
        """An open socket, whose hello has been read."""
        cookie = f"sessionid={self.client.cookies['sessionid']}"
        address = f"ws://127.0.0.1:{self.box.port}/ws/notifications/{inbox}/"
        async with connect(address, additional_headers={"Cookie": cookie}, origin=self.box.url) as opened:
            frames = Frames(opened)
            frames.hello = await frames.next()
            yield frames


class Frames:
    """The frames of one socket, in the order in which they came."""

    hello: dict[str, Any]

    def __init__(self, opened: ClientConnection) -> None:
        self._opened = opened

    async def next(self) -> dict[str, Any]:
        """The next frame; waits for it."""
        return read(await self._opened.recv())
