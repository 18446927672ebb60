"""`manage.py watch` against a server that does what the test says: real HTTP, real sockets."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import pytest_asyncio
import uvicorn
from django.core.management import CommandError

from parkmate.management.commands.watch import FINAL, Watch

ROOT = Path(__file__).resolve().parent.parent
TIME = r"\d\d:\d\d:\d\d"


def hello(**facts: Any) -> dict[str, Any]:
    return {
        "type": "info",
        "message": "Connected to real-time notifications",
        "connected": True,
        "user_id": 7,
        "seq": 41,
        "epoch": "e1",
        "reset": False,
        "unread": 2,
        **facts,
    }


def notice(seq: int, **facts: Any) -> dict[str, Any]:
    return {
        "type": "info",
        "message": f"Notice {seq}",
        "id": 900 + seq,
        "seq": seq,
        "replayed": False,
        **facts,
    }


class Socket:
    """The server's end of one connection."""

    def __init__(self, scope: dict[str, Any], send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.query = {name: value for name, [value] in parse_qs(scope["query_string"].decode()).items()}
        self._send = send

    async def show(self, *frames: dict[str, Any]) -> None:
        for frame in frames:
            await self._send({"type": "websocket.send", "text": json.dumps(frame)})

    async def close(self, code: int) -> None:
        await self._send({"type": "websocket.close", "code": code})


class Server:
    """Knows one user, and hands every socket that is opened to the test."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = self.listening.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self.opened: asyncio.Queue[Socket] = asyncio.Queue()
        self.troubles: list[int] = []
        self.refuses_sockets = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._serve_socket(scope, receive, send)
            return
        status, body = await self._answer(scope, receive)
        headers = [(b"content-type", b"application/json")]
        headers += [(b"set-cookie", cookie) for cookie in body.pop("cookies", [])]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def _answer(self, scope: Any, receive: Any) -> tuple[int, dict[str, Any]]:
        headers = dict(scope["headers"])
        if self.troubles:
            return self.troubles.pop(), {"code": "unavailable", "message": "The database is away."}
        if (scope["method"], scope["path"]) == ("GET", "/api/auth/me/"):
            return 200, {"user": None, "csrf_token": "T", "cookies": [b"csrftoken=C; Path=/"]}
        if (scope["method"], scope["path"]) != ("POST", "/api/auth/login/"):
            return 404, {"code": "not_found", "message": "There is nothing at this address."}
        ours = (b"T", b"csrftoken=C", self.url.encode(), f"{self.url}/".encode())
        if tuple(headers.get(name) for name in (b"x-csrftoken", b"cookie", b"origin", b"referer")) != ours:
            return 403, {"code": "csrf_failed", "message": "CSRF Failed"}
        if json.loads((await receive())["body"]) != {"username": "dina", "password": "right"}:
            return 401, {"code": "wrong_credentials", "message": "The name or the password is wrong."}
        return 200, {"user": {"id": 7}, "csrf_token": "U", "cookies": [b"sessionid=S; Path=/; HttpOnly"]}

    async def _serve_socket(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if self.refuses_sockets:
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        self.opened.put_nowait(Socket(scope, send))
        while (await receive())["type"] != "websocket.disconnect":
            pass


@contextlib.asynccontextmanager
async def serving(server: Server) -> AsyncIterator[None]:
    config = uvicorn.Config(server, ws="websockets-sansio", lifespan="off", log_config=None)
    program = uvicorn.Server(config)
    task = asyncio.create_task(program.serve(sockets=[server.listening]))
    yield
    program.should_exit = program.force_exit = True
    await task


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with serving(server):
        yield server


class Screen:
    """What was said, line by line, as it is said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._lines: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def say(self, line: str, level: str) -> None:
        self.said.append(line)
        self._lines.put_nowait((line, level))

    async def line(self, pattern: str) -> tuple[str, str]:
        """The next line that has the pattern in it; what comes before it is passed over."""
        while not re.search(pattern, (found := await self._lines.get())[0]):
            pass
        return found


async def at_once(seconds: float) -> None:
    """Instead of a pause."""
    await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def watching(server: Server, **changes: Any) -> AsyncIterator[tuple[Screen, asyncio.Task[None]]]:
    screen = Screen()
    options = {"username": "dina", "password": "right", "say": screen.say, "pause": at_once, **changes}
    task = asyncio.create_task(Watch(server.url, **options).run())
    yield screen, task
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, CommandError):
        await task


# --- Signing in -------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_the_socket_is_opened_with_the_session_and_from_our_origin(server):
    async with watching(server):
        opened = await server.opened.get()
        assert "sessionid=S" in opened.headers["cookie"]
        assert opened.headers["origin"] == server.url


@pytest.mark.asyncio
async def test_a_wrong_password_ends_it_in_the_servers_words(server):
    async with watching(server, password="wrong") as (_, task):
        with pytest.raises(
            CommandError, match=r"^Signing in was refused: The name or the password is wrong\.$"
        ):
            await task


@pytest.mark.asyncio
async def test_a_server_that_is_not_there_yet_is_waited_for():
    server = Server()
    server.listening.close()
    async with contextlib.AsyncExitStack() as running:

        async def start_it(seconds: float) -> None:
            server.listening = socket.create_server(server.address)
            await running.enter_async_context(serving(server))

        async with watching(server, pause=start_it) as (screen, _):
            await (await server.opened.get()).show(hello())
            await screen.line("Connected")
            assert f"Waiting for the server at {server.url}" in screen.said[0]


@pytest.mark.asyncio
async def test_a_server_in_trouble_is_asked_again(server):
    server.troubles = [503, 502]
    async with watching(server) as (screen, _):
        await (await server.opened.get()).show(hello())
        assert "The database is away." in (await screen.line("Waiting"))[0]


@pytest.mark.asyncio
async def test_another_program_at_the_address_is_told_from_parkmate(server):
    server.troubles = [200]
    async with watching(server) as (_, task):
        with pytest.raises(CommandError, match="is not ParkMate"):
            await task


# --- What it shows ----------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_notice_is_a_line_with_its_time_number_words_and_booking(server):
    booking = {"id": 5, "status": "BOOKED", "ends_at": "2026-11-22T10:05:00Z"}
    async with watching(server) as (screen, _):
        opened = await server.opened.get()
        await opened.show(hello(), notice(42, type="warning", message="5 minutes!", booking=booking))
        line, level = await screen.line("#42")
        assert re.fullmatch(rf"{TIME} #42 5 minutes!  \(booking 5 BOOKED until [\d-]* ?{TIME}\)", line)
        assert level == "warning"


@pytest.mark.asyncio
async def test_a_notice_from_before_says_so(server):
    async with watching(server) as (screen, _):
        old = notice(40, created_at="2020-02-29T12:00:00.000Z", replayed=True)
        await (await server.opened.get()).show(hello(), old)
        assert re.fullmatch(
            rf"2020-0[23]-\d\d {TIME} #40 Notice 40  \(from before\)", (await screen.line("#40"))[0]
        )


@pytest.mark.asyncio
async def test_text_cannot_steer_the_terminal(server):
    async with watching(server) as (screen, _):
        evil = notice(42, message="\x1b[2J\r\nroot#\x07 \u202etxt.exe\x9b31m é ₹")
        await (await server.opened.get()).show(hello(), evil)
        line, _ = await screen.line("#42")
        assert line.endswith(r"#42 \x1b[2J\r\nroot#\x07 \u202etxt.exe\x9b31m é ₹")


@pytest.mark.asyncio
async def test_a_frame_of_an_unknown_kind_is_passed_over(server):
    async with watching(server) as (screen, _):
        await (await server.opened.get()).show(hello(), {"type": "pong"}, notice(42))
        await screen.line("#42")


@pytest.mark.asyncio
async def test_a_notice_that_comes_twice_is_shown_once(server):
    async with watching(server) as (screen, _):
        await (await server.opened.get()).show(hello(), notice(42), notice(42), notice(43))
        await screen.line("#42")
        assert "#43" in (await screen.line("#"))[0]


# --- Losing the connection --------------------------------------------------------------------


@pytest.mark.asyncio
async def test_it_comes_back_by_itself_and_asks_for_what_it_missed(server):
    async with watching(server) as (screen, _):
        first = await server.opened.get()
        assert first.query == {}
        await first.show(hello(), notice(42))
        await screen.line("#42")
        await first.close(1012)
        second = await server.opened.get()
        assert second.query == {"after": "42", "epoch": "e1"}
        await second.show(hello(seq=43), notice(43, replayed=True))
        await screen.line("The connection ended")
        await screen.line("#43")


@pytest.mark.asyncio
async def test_after_a_reset_it_begins_anew_and_says_where_the_rest_is(server):
    async with watching(server) as (screen, _):
        first = await server.opened.get()
        await first.show(hello(), notice(42))
        await first.close(1012)
        await (await server.opened.get()).show(hello(epoch="e2", reset=True), notice(1))
        await screen.line("the inbox has all of it")
        await screen.line("#1 ")


@pytest.mark.asyncio
async def test_one_outage_is_one_line_however_long_it_lasts(server):
    server.troubles = [503] * 5
    async with watching(server) as (screen, _):
        await (await server.opened.get()).show(hello())
        await screen.line("Connected")
        assert len([line for line in screen.said if "trying until it works" in line]) == 1


@pytest.mark.asyncio
async def test_pauses_are_short_at_first_random_and_never_longer_than_20_seconds(server):
    server.troubles = [503] * 200
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 40:
            raise CommandError("enough")

    async with watching(server, pause=note) as (_, task):
        with pytest.raises(CommandError, match="enough"):
            await task
    assert pauses[0] <= 0.5
    assert max(pauses) <= 20
    assert len(set(pauses)) == 40


@pytest.mark.asyncio
@pytest.mark.parametrize("code", FINAL)
async def test_it_does_not_come_back_after(server, code):
    async with watching(server) as (_, task):
        opened = await server.opened.get()
        await opened.close(code)
        with pytest.raises(CommandError, match=re.escape(FINAL[code])):
            await task


@pytest.mark.asyncio
async def test_a_handshake_that_is_refused_is_final_too(server):
    server.refuses_sockets = True
    async with watching(server) as (_, task):
        with pytest.raises(CommandError, match="The server refused"):
            await task


# --- As a command -----------------------------------------------------------------------------


async def command(*arguments: str) -> asyncio.subprocess.Process:
    """`manage.py watch` as a person starts it."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "manage.py",
        "watch",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


COLOURS = {"info": "\x1b[34m", "success": "\x1b[32;1m", "warning": "\x1b[33;1m", "error": "\x1b[31;1m"}


@pytest.mark.asyncio
@pytest.mark.parametrize(("option", "expected"), [("--force-color", COLOURS), ("--no-color", {})])
async def test_colours_tell_the_level_where_there_are_colours(server, option, expected):
    program = await command("dina", "--password", "right", "--url", server.url, option)
    opened = await server.opened.get()
    await opened.show(hello(), *(notice(42 + n, type=level) for n, level in enumerate(COLOURS)))
    await opened.close(4401)
    lines = [line for line in (await program.communicate())[0].decode().splitlines() if "#" in line]
    assert len(lines) == 4
    for line, level in zip(lines, COLOURS, strict=True):
        assert line.startswith(expected.get(level, "")) is True
        assert ("\x1b" in line) is bool(expected)


@pytest.mark.asyncio
async def test_the_end_is_a_sentence_and_exit_code_1(server):
    program = await command("dina", "--password", "right", "--url", server.url)
    await (await server.opened.get()).close(4403)
    _, errors = await program.communicate()
    assert errors.decode() == f"CommandError: {FINAL[4403]}\n"
    assert program.returncode == 1


@pytest.mark.asyncio
async def test_ctrl_c_ends_it_without_a_word(server):
    program = await command("dina", "--password", "right", "--url", server.url)
    await (await server.opened.get()).show(hello())
    assert program.stdout
    await program.stdout.readline()
    program.send_signal(signal.SIGINT)
    _, errors = await program.communicate()
    assert (program.returncode, errors) == (0, b"")


@pytest.mark.asyncio
@pytest.mark.parametrize("url", ["localhost:8000", "ftp://here", "http://"])
async def test_an_address_that_is_none_is_refused_in_a_sentence(url):
    program = await command("dina", "--password", "right", "--url", url)
    _, errors = await program.communicate()
    assert errors.decode() == f"CommandError: --url must look like http://127.0.0.1:8000, not {url}\n"
