"""One server as a child of this process."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from .processes import MARK, children, end_processes, uninterrupted

START_SECONDS = 60.0


class EmbeddedError(Exception):
    """What keeps an embedded server from running, in a sentence for the person at the terminal."""


class Server:
    """One program as a child of this process, in a session of its own: Ctrl-C does not reach it."""

    title = ""
    stop_signal = signal.SIGTERM
    stop_seconds = 10.0
    inherits: tuple[str, ...] = ("PATH", "TMPDIR", "LC_ALL", MARK)

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self.alive else None

    def start(self) -> None:
        """Returns when the server answers. Raises EmbeddedError, with its last words, if it never does."""
        if self.alive and self._answers():
            return
        self.kill()
        try:
            self._prepare()
            self._spawn()
            self._wait_until_it_answers()
        except OSError as error:
            self.kill()
            raise EmbeddedError(f"{self.title} cannot be started: {error}.") from error
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ends the server in good order, or by force if that takes longer than `stop_seconds`."""
        if self._process is not None and self.alive:
            self._process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self.stop_seconds)
        self.kill()

    def send_signal(self, number: signal.Signals) -> None:
        """To its main process. Raises EmbeddedError if it does not run."""
        if self._process is None or not self.alive:
            raise EmbeddedError(f"{self.title} does not run.")
        self._process.send_signal(number)

    def kill(self) -> None:
        """Ends the server at once, as a crash would, and returns when its own children are gone too."""
        if self._process is None or not self.alive:
            return
        its_own = children(self._process.pid)
        self._process.kill()
        self._process.wait()
        end_processes(its_own, signal.SIGTERM, patience=5)

    def _prepare(self) -> None:
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _account(self) -> tuple[int, int] | None:
        """The user and group to run as, if not our own."""
        return None

    def _died_in_passing(self) -> bool:
        """Whether what it died of passes by itself, so that it may simply be started again."""
        return False

    def _spawn(self) -> None:
        user, group = self._account() or (None, None)
        with self.log.open("ab") as log, uninterrupted():
            self._log_offset = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - a program of our own wheels
                self._command(),
                cwd=self.directory,
                env={name: os.environ[name] for name in self.inherits if name in os.environ}
                | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=group,
                extra_groups=None if group is None else [],
            )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{self.title} did not answer in time. {self._last_words()}")
            if not self.alive and not self._died_in_passing():
                raise EmbeddedError(f"{self.title} did not start. {self._last_words()}")
            time.sleep(0.05)
            if not self.alive:
                self._spawn()

    def _said(self) -> str:
        """What it wrote to its log since it was last started."""
        with self.log.open("rb") as log:
            log.seek(self._log_offset)
            return log.read().decode(errors="replace")

    def _last_words(self) -> str:
        return "\n".join([f"The end of {self.log}:", *self._said().splitlines()[-10:]])
