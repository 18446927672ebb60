"""The box that faults are done to: several of each process, each on lines of its own to its servers."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
from celery import Celery
from redis import Redis, RedisError

from parkmate.embedded import Valkey, free_port
from tests.faults.ground import Ground
from tests.faults.lines import Lines
from tests.faults.proxy import UP, Proxy
from tests.faults.unguarded import WITHOUT
from tests.faults.watches import Watches
from tests.live.box import PROCFILE, Box, until

LEAD, WINDOW = 2.0, 1.5
TIMES = {
    "PARKMATE_WARNING_LEAD_SECONDS": str(LEAD),
    "PARKMATE_RENEWAL_WINDOW_SECONDS": str(WINDOW),
    "PARKMATE_ALARM_HORIZON_SECONDS": "4",
    "PARKMATE_POSITION_CHECK_SECONDS": "2",
    "PARKMATE_STALL_SECONDS": "5",
}


@dataclass(frozen=True)
class Shape:
    """How many of each process there are, and what is special about them."""

    web: int = 2
    worker: int = 2
    beat: int = 1
    sweeper: int = 1
    valkey_keeps: bool = False
    watched: tuple[str, ...] = ()
    clocks: tuple[str, ...] = ()  # processes whose clocks can be stepped
    settings: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> list[str]:
        """The processes: `worker`, `worker2` and so on."""
        counts = {"web": self.web, "worker": self.worker, "beat": self.beat, "sweeper": self.sweeper}
        if WITHOUT == "sweeper":
            del counts["sweeper"]
        return [f"{kind}{n if n > 1 else ''}" for kind, many in counts.items() for n in range(1, many + 1)]


def libfaketime() -> Path | None:
    """Debian's package `libfaketime`, where it is installed or PARKMATE_LIBFAKETIME says; or None."""
    given = os.environ.get("PARKMATE_LIBFAKETIME")
    found = [Path(given)] if given else list(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


class KeepingValkey(Valkey):
    """One that writes everything down, and has it again after a kill."""

    def write_configuration(self) -> None:
        super().write_configuration()
        text = self.configuration.read_text()
        self.configuration.write_text(text.replace("appendonly no", "appendonly yes\nappendfsync always"))


class FaultBox(Box):
    """A box whose every line can be broken, and whose processes can be held at named moments."""

    def __init__(
        self, shape: Shape, *, ground: Ground, name: str, directory: Path, lines: Lines, moments: Watches
    ) -> None:
        super().__init__(name=name, directory=directory)
        self.shape, self.ground, self.moments = shape, ground, moments
        self.valkey = (KeepingValkey if shape.valkey_keeps else Valkey)(directory / "valkey")
        self.database = ground.url(name)
        self.times = {**TIMES, **shape.settings}
        self.began = time.time()
        self.timeline: list[tuple[float, str]] = []
        self._started: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._heard: dict[str, int] = {}  # what each had said to the database as it was started
        self._struck: set[int] = set()  # the processes that we have ended
        socket = str(ground.postgres.socket_directory / ".s.PGSQL.5432")
        self.ports = {name: free_port() for name in shape.names() if name.startswith("web")}
        self.port = next(iter(self.ports.values()))
        self.database_lines = {name: Proxy(lines, socket).open() for name in shape.names()}
        self.valkey_lines = {name: Proxy(lines, self.valkey.port).open() for name in shape.names()}

    def note(self, what: str) -> None:
        """Write into the timeline."""
        self.timeline.append((time.time() - self.began, what))

    # --- Processes -------------------------------------------------------------------------

    def start(self, *names: str, command: str | None = None) -> None:
        """Start these processes (all, if none is named), and wait until they serve."""
        names = names or tuple(self.shape.names())
        self._heard |= {name: self.database_lines[name].said[UP] for name in names}
        for name in names:
            self._spawn(name, self._command(name), self._environment(name))
            self._started.append((name, self.processes[name]))
            self.note(f"{name} started, process {self.processes[name].pid}")
        self.wait_until_ready(*names)

    def wait_until_ready(self, *names: str) -> None:
        for name in names:
            if name.startswith("web"):
                until(partial(self._this_web_is_ready, name))
            if name.startswith(("sweeper", "beat")):
                until(partial(self._has_asked, name))
        workers = [f"{name}@box" for name in names if name.startswith("worker")]
        if workers:
            until(lambda: self._answer(workers))

    def _this_web_is_ready(self, name: str) -> bool:
        """Whether it answers, and not somebody else at its port."""
        assert not self._is_dead(name), f"{name} has ended: {self.log(name)}"
        return self._web_is_ready(f"http://127.0.0.1:{self.ports[name]}")

    def _has_asked(self, name: str) -> bool:
        """Whether a process that was started has asked the database something: its work has begun."""
        return self.database_lines[name].said[UP] > self._heard[name]

    def _answer(self, workers: list[str]) -> bool:
        try:
            with Celery(broker=self.valkey.url, set_as_current=False) as app:
                answers = app.control.ping(destination=workers, timeout=1.0, limit=len(workers))
        except RedisError:  # kombu had kept a connection to the Valkey before this one
            return False
        return len(answers) == len(workers)

    def _command(self, name: str) -> str:
        kind = name.rstrip("0123456789")
        command = PROCFILE[kind].replace("exec ", "exec python -m tests.faults.inside ", 1)
        return f"{command} --hostname {name}@box" if kind == "worker" else command

    def _environment(self, name: str) -> dict[str, str]:
        database, valkey = self.database_lines[name].port, self.valkey_lines[name].port
        return {
            **self.environment,
            "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{database}/{self.database_name}",
            "REDIS_URL": f"redis://:{self.valkey.password}@127.0.0.1:{valkey}/0",
            "PORT": str(self.ports.get(name, 0)),
            "PARKMATE_BOX_PROCESS": name,
            "PARKMATE_BOX_MOMENTS": str(self.moments.path),
            "PARKMATE_BOX_WATCHED": ",".join(self.shape.watched),
            **(self._stepped(name) if name in self.shape.clocks else {}),
        }

    def _stepped(self, name: str) -> dict[str, str]:
        """What gives a process a clock of its own. The monotonic one stays true, as on a real machine."""
        self.step_clock(name, "+0")
        return {
            "LD_PRELOAD": str(libfaketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self.directory / f"{name}.clock"),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
            # Only clocks: files' times stay, so that Python finds its compiled modules valid.
            "NO_FAKE_STAT": "1",
        }

    def step_clock(self, name: str, step: str) -> None:
        """Let the clock of a process jump, by `+1h` say; it is seen within a second."""
        self.note(f"the clock of {name} is {step}")
        (self.directory / f"{name}.clock").write_text(step)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        self.note(f"{name} gets {number.name}")
        if number not in (signal.SIGSTOP, signal.SIGCONT):
            self._strike(self.processes[name])
        with suppress(ProcessLookupError):  # it has ended by itself, and its children with it
            super().kill(name, number)
        if self._is_dead(name):
            self.processes.pop(name, None)

    def kill_alone(self, pid: int, *, of: str) -> None:
        """Kill a main process, whose children become orphans, or one of these."""
        self.note(f"process {pid} of {of} gets SIGKILL")
        if pid == self.processes[of].pid:
            self._strike(self.processes[of])
        os.kill(pid, signal.SIGKILL)

    def _strike(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            self._struck.add(process.pid)

    def fallen(self) -> list[str]:
        """Whose main processes have ended by themselves, and how."""
        return [
            f"{name}, process {process.pid}, status {process.returncode}"
            for name, process in self._started
            if process.poll() is not None and process.pid not in self._struck
        ]

    def end(self, name: str, *, patience: float = 15.0) -> None:
        """End a process as a supervisor does: gently, and after some seconds by force."""
        self.note(f"{name} gets SIGTERM")
        self._strike(self.processes[name])
        # A worker's main process alone: it lets its children finish.
        self.processes[name].terminate()
        try:
            self.processes[name].wait(patience)
            self.note(f"{name} has ended")
        except subprocess.TimeoutExpired:
            self.kill(name)
        self.processes.pop(name, None)

    def children(self, name: str) -> list[int]:
        """The processes of a worker's pool, oldest first."""
        found = psutil.Process(self.processes[name].pid).children(recursive=True)
        return [child.pid for child in sorted(found, key=lambda child: child.create_time())]

    def start_what_is_dead(self) -> None:
        """What a supervisor does for processes that have ended."""
        dead = [name for name in self.shape.names() if self._is_dead(name)]
        if dead:
            self.start(*dead)

    def _is_dead(self, name: str) -> bool:
        process = self.processes.get(name)
        return process is None or process.poll() is not None

    # --- Servers ---------------------------------------------------------------------------

    def proxies(self) -> list[Proxy]:
        """Every line."""
        return [*self.database_lines.values(), *self.valkey_lines.values()]

    def signal_valkey(self, number: signal.Signals) -> None:
        self.note(f"Valkey gets {number.name}")
        self.valkey.send_signal(number)

    def kill_valkey(self) -> None:
        self.note("Valkey is killed")
        self.valkey.kill()

    def start_valkey(self) -> None:
        self.valkey.start()
        self.note("Valkey is back")

    def valkey_client(self) -> Redis:
        return Redis.from_url(self.valkey.url, socket_timeout=5)

    def close(self) -> None:
        """End everything that was started."""
        self.moments.close()
        super().close()
        for proxy in self.proxies():
            proxy.close()
