"""`manage.py watch dina`: a person's notices in the terminal, the way a browser gets them."""

import asyncio
import getpass
import importlib
import json
import logging
import os
import random
import time
import unicodedata
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

import httpx
import psutil
from django.core.management.base import BaseCommand, CommandError
from django.utils.termcolors import make_style
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Origin

from parkmate import embedded

# Close codes of the socket after which coming back would end the same way.
FINAL = {
    4401: "You are no longer signed in: start this again to sign in.",
    4403: "The server refused: this inbox is not yours, or this address is none of its own.",
}
LONGEST_PAUSE = 20.0
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Command(BaseCommand):
    help = "Signs in and prints every notice as it comes in."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--password", help="asked for if not given; the demo users need none")
        parser.add_argument("--url", help="where ParkMate runs (default: the one on this machine)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Returns after Ctrl-C. Raises CommandError once there is no use in trying again."""
        logging.getLogger("httpx").setLevel(logging.WARNING)
        _use_own_clock()
        url, username = _checked(options["url"] or _default_url()), options["username"]
        try:
            password = options["password"] or _demo_password(username) or _asked_password(username)
            asyncio.run(Watch(url, username=username, password=password, say=self._say).run())
        except KeyboardInterrupt:
            self._say("")

    def _say(self, line: str, level: str = "") -> None:
        self.stdout.write(self._paint(level)(line))
        self.stdout.flush()

    def _paint(self, level: str) -> Callable[[str], str]:
        if self.style.SUCCESS("x") == "x":  # no terminal, or --no-color
            return str
        styles = {"success": self.style.SUCCESS, "warning": self.style.WARNING, "error": self.style.ERROR}
        return make_style(fg="blue") if level == "info" else styles.get(level, str)


class Away(Exception):
    """The server, or what stands before it, cannot answer now."""


class Watch:
    """One person's notices, across every loss of the connection: each once, in order."""

    def __init__(
        self,
        url: str,
        *,
        username: str,
        password: str,
        say: Callable[[str, str], None],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url = url
        self._is_far = urlsplit(url).hostname not in LOOPBACK  # a proxy may be in between
        self._credentials = {"username": username, "password": password}
        self._say = say
        self._pause = pause
        self._cookie = ""
        self._seen: dict[str, Any] = {}  # `after` and `epoch`: where the server goes on
        self._epoch = ""
        self._failures = 0

    async def run(self) -> NoReturn:
        """Raises CommandError when signing in or the inbox is refused; nothing else ends it."""
        while True:
            try:
                self._cookie = self._cookie or await self._sign_in()
                await self._listen()
            except (Away, OSError, httpx.TransportError, WebSocketException) as error:
                if sentence := FINAL.get(_close_code(error)):
                    raise CommandError(sentence) from error
                await self._wait(because=error)

    async def _sign_in(self) -> str:
        """The cookies of a session. Raises CommandError with the server's words if it says no."""
        headers = {"Origin": self._url, "Referer": f"{self._url}/"}
        async with httpx.AsyncClient(base_url=self._url, headers=headers, trust_env=self._is_far) as client:
            token = _answer(await client.get("/api/auth/me/")).get("csrf_token")
            if not isinstance(token, str):
                raise CommandError(f"What answers at {self._url} is not ParkMate.")
            proof = {"X-CSRFToken": token}
            _answer(await client.post("/api/auth/login/", json=self._credentials, headers=proof))
            return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)

    async def _listen(self) -> NoReturn:
        """Shows what comes in until the connection ends, which raises."""
        address = urlsplit(self._url)
        scheme = "wss" if address.scheme == "https" else "ws"
        async with connect(
            f"{scheme}://{address.netloc}/ws/notifications/me/?{urlencode(self._seen)}",
            origin=Origin(self._url),
            additional_headers={"Cookie": self._cookie},
            proxy=True if self._is_far else None,
            close_timeout=1,
        ) as socket:
            while True:
                self._take(json.loads(await socket.recv()))

    def _take(self, frame: Mapping[str, Any]) -> None:
        """A frame is the hello, a notice, or of a kind that says nothing to a person."""
        if frame.get("connected"):
            self._greet(frame)
        elif "seq" in frame and frame["seq"] > self._seen.get("after", 0):
            self._seen = {"after": frame["seq"], "epoch": self._epoch}
            self._say(_line(frame), str(frame.get("type")))

    def _greet(self, hello: Mapping[str, Any]) -> None:
        self._failures = 0
        self._epoch = str(hello["epoch"])
        self._say(f"{_clock(hello.get('server_time'))} {_plain(hello['message'])}", "")
        self._say(f"         {hello.get('unread', 0)} unread; stop with Ctrl-C", "")
        if hello.get("reset"):
            self._seen = {}
            self._say("         Too much was missed to show it here: the inbox has all of it.", "warning")

    async def _wait(self, *, because: Exception) -> None:
        """Full jitter, so that a thousand clients do not come back in the same instant."""
        if not self._failures:
            said = "The connection ended" if self._epoch else f"Waiting for the server at {self._url}"
            reason = _plain(str(because) or type(because).__name__)
            self._say(f"{said} ({reason}); trying until it works.", "")
        await self._pause(random.uniform(0, min(LONGEST_PAUSE, 0.5 * 2**self._failures)))  # noqa: S311
        self._failures += 1


def _answer(response: httpx.Response) -> dict[str, Any]:
    """The JSON object. Raises Away if the server is in trouble, CommandError if it says no."""
    try:
        body = response.json()
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    if response.is_server_error:
        raise Away(body.get("message") or f"HTTP {response.status_code}")
    if not response.is_success:
        reason = body.get("message") or f"HTTP {response.status_code}"
        raise CommandError(f"Signing in was refused: {_plain(reason)}")
    return body


def _close_code(error: Exception) -> int:
    """The socket's close code; a refused handshake's 403 counts as 4403. 0 for anything else."""
    if isinstance(error, ConnectionClosed) and error.rcvd:
        return error.rcvd.code
    return 4000 + error.response.status_code if isinstance(error, InvalidStatus) else 0


def _line(frame: Mapping[str, Any]) -> str:
    line = f"{_clock(frame.get('created_at'))} #{frame['seq']} {_plain(frame.get('message'))}"
    if booking := frame.get("booking"):
        until = f"until {_clock(booking['ends_at'])}" if booking.get("ends_at") else ""
        line += f"  (booking {_plain(booking.get('id'))} {_plain(booking.get('status'))} {until})"
    return f"{line}  (from before)" if frame.get("replayed") else line


def _clock(instant: object) -> str:
    """The reader's time of day, with the date if that is another day; now, if it is no instant."""
    now = datetime.now().astimezone()
    try:
        local = datetime.fromisoformat(str(instant)).astimezone()
    except ValueError:
        local = now
    return f"{local:%H:%M:%S}" if local.date() == now.date() else f"{local:%Y-%m-%d %H:%M:%S}"


def _plain(text: object) -> str:
    """Text that stays text: what would steer the terminal, or turn the line around, is spelled out."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character)[0] == "C" or character in "\u2028\u2029"
        else character
        for character in str(text)
    )


def _use_own_clock() -> None:
    """Django puts this process on the settings' time zone; a person reads the time of this machine."""
    os.environ.pop("TZ", None)
    if own := psutil.Process().environ().get("TZ"):
        os.environ["TZ"] = own
    time.tzset()


def _checked(url: str) -> str:
    """The bare origin. Raises CommandError for what is none."""
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise CommandError(f"--url must look like http://127.0.0.1:8000, not {url}")
    return f"{address.scheme}://{address.netloc}"


def _default_url() -> str:
    if port := os.environ.get("PORT"):
        return f"http://127.0.0.1:{port}"
    return embedded.running_address(embedded.home_directory()) or "http://127.0.0.1:8000"


def _demo_password(username: str) -> str | None:
    """The demo users' password is no secret."""
    try:
        demo = importlib.import_module("parking.management.commands.demo")
    except ImportError:
        return None
    return str(demo.DEMO_PASSWORD) if username in demo.DEMO_USERS else None


def _asked_password(username: str) -> str:
    try:
        return getpass.getpass(f"Password of {username}: ")
    except EOFError:
        raise CommandError("Nobody is here to type the password: give it with --password.") from None
