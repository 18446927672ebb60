"""The Procfile's processes, started together and ended together."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread

import httpx
from django.conf import settings
from honcho.colour import get_colours
from honcho.printer import Message, Printer

from parkmate import embedded

# A worker's soft shutdown takes 3 s, an open socket is told to come back.
END_SECONDS = 8.0


class Processes:
    """The Procfile's processes with one log. They end together, leaving nothing behind.

    honcho's own manager is not used: it forks, so that after a `kill -9` its forks would stay; it
    prints within a signal handler; and it sees the death of a worker only when the pool is gone too.
    """

    def __init__(self, commands: Mapping[str, str], *, printer: Printer) -> None:
        self._commands = commands
        self._printer = printer
        self._printer.width = max(map(len, commands))
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._readers: list[Thread] = []
        self._ending = Event()

    def run(self) -> str:
        """Returns which one ended by itself, and how. Raises KeyboardInterrupt when interrupted."""
        try:
            for (name, command), colour in zip(self._commands.items(), get_colours(), strict=False):
                self._start(name, command, colour=colour)
            while not (ended := self._ended()):
                self._print_next()
            return ended
        finally:
            undisturbed(self._end_all)

    def say_once_it_answers(self, text: str, *, url: str) -> None:
        """Puts the text between two lines of the log as soon as there is any HTTP answer."""

        def ask() -> None:
            while not self._ending.wait(0.2):
                with contextlib.suppress(httpx.HTTPError):
                    httpx.get(url, timeout=2, trust_env=False)
                    self._messages.put(Message("text", text, datetime.now(), None, None))
                    return

        Thread(target=ask, daemon=True).start()

    def _start(self, name: str, command: str, *, colour: str) -> None:
        programs = Path(sys.executable).parent
        with embedded.uninterrupted():
            self._children[name] = child = subprocess.Popen(  # noqa: S602 - the Procfile is ours, for a shell
                command,
                shell=True,
                cwd=settings.BASE_DIR,
                env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

        def read() -> None:
            for line in child.stdout or ():
                self._messages.put(Message("line", line, datetime.now(), name, colour))

        self._readers.append(Thread(target=read, daemon=True))
        self._readers[-1].start()

    def _ended(self) -> str | None:
        for name, child in self._children.items():
            if (code := child.poll()) is not None:
                how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
                return f"`{name}` ended by itself ({how})"
        return None

    def _print_next(self, *, within: float = 0.1) -> None:
        """Never raises because nobody reads: a closed terminal must not leave the processes behind."""
        with contextlib.suppress(Empty, OSError):
            message = self._messages.get(timeout=within)
            if message.type == "line":
                self._printer.write(message)
            else:
                print(message.data, file=self._printer.output, flush=True)

    def _end_all(self) -> None:
        """SIGTERM to each; then the rest of their sessions, such as a killed worker's pool, by force."""
        self._ending.set()
        text = f"Stopping {', '.join(self._children)} (a few seconds)"
        self._messages.put(Message("text", text, datetime.now(), None, None))
        for child in self._children.values():
            child.terminate()
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline and any(c.poll() is None for c in self._children.values()):
            self._print_next()
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        for reader in self._readers:
            reader.join(timeout=1)
        while not self._messages.empty():
            self._print_next()


def let_nothing_interrupt() -> None:
    """Once we are ending, a second Ctrl-C must not leave anything behind."""
    for number in embedded.ENDING:
        signal.signal(number, lambda *_: None)


def undisturbed(end: Callable[[], None]) -> None:
    let_nothing_interrupt()
    end()
