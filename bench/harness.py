"""A PostgreSQL, a Valkey and processes of ParkMate's, for a measurement; all of it ends with it."""

import importlib.metadata
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import django
import httpx
import psycopg
import redis
from honcho.environ import parse_procfile

from parkmate.celery import app
from parkmate.embedded import Postgres, Valkey, free_port

ROOT = Path(__file__).resolve().parents[1]
PROCFILE: dict[str, str] = parse_procfile((ROOT / "Procfile").read_text()).processes
QUEUES = ("timers", "default")
# What the processes call themselves to PostgreSQL, so that their connections can be told from ours.
CONNECTION_NAME = "bench-process"
# Whose versions stand beside every figure.
PACKAGES = (
    "django",
    "celery",
    "channels",
    "channels-redis",
    "daphne",
    "uvicorn",
    "apscheduler",
    "procrastinate",
    "dramatiq",
)


def until(true: Callable[[], Any], *, seconds: float, every: float = 0.1) -> bool:
    """Wait for something that sends no event; return whether it came about in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


class Machine:
    """The two servers, and the processes started beside them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.postgres = Postgres(directory / "postgres")
        self.valkey = Valkey(directory / "valkey")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start_servers(self) -> None:
        """Start both servers, make the tables, and set up Django in this process to use them."""
        self.valkey.start()
        self._start_postgres()
        self.broker = redis.Redis.from_url(self.valkey.url)
        self.database = psycopg.connect(self.postgres.url, autocommit=True)
        os.environ.update(
            DJANGO_SETTINGS_MODULE="parkmate.settings",
            PARKMATE_ENV_FILE="",
            PARKMATE_SECRET_KEY="only-for-measurements",
            DATABASE_URL=self.postgres.url,
            REDIS_URL=self.valkey.url,
            PARKMATE_LOG_LEVEL="WARNING",
        )
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, check=True)
        django.setup()

    def _start_postgres(self) -> None:
        """As everybody gets it, and with the time of each commit; that takes a restart."""
        self.postgres.start()
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
        self.postgres.stop()
        self.postgres.start()

    def start(self, name: str, command: str) -> None:
        """Start a process; its output goes to `<name>.log`."""
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PGAPPNAME": f"{CONNECTION_NAME}-{name}",
        }
        with (self.directory / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                shell=True,
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_worker(self, name: str, command: str) -> None:
        """Start a Celery worker and wait until it answers."""
        self.start(name, command)
        if not until(lambda: app.control.ping(timeout=1.0, limit=1), seconds=60):
            raise SystemExit(f"The worker did not start:\n{self.log(name)}")

    def end_processes(self, *, but: Sequence[str] = ()) -> None:
        """Kill what `start` started; return when PostgreSQL has let go of their connections too."""
        names = [f"{CONNECTION_NAME}-{name}" for name in self._processes if name not in but]
        for name in set(self._processes) - set(but):
            self.kill(name)
        theirs = "SELECT pid FROM pg_stat_activity WHERE application_name = ANY(%s)"
        if not until(lambda: not self.rows(theirs, names), seconds=30):
            raise SystemExit("PostgreSQL still works for a process that was killed.")

    def kill(self, name: str) -> None:
        """Kill one of them, with its children."""
        process = self._processes.pop(name)
        # A group whose every process has ended by itself is no longer there.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def runs(self, name: str) -> bool:
        """Whether a process that was started has not ended."""
        return self._processes[name].poll() is None

    def close(self) -> None:
        """End everything."""
        for name in list(self._processes):
            self.kill(name)
        self.postgres.stop()
        self.valkey.stop()

    def pid(self, name: str) -> int:
        """The process that `start` started under this name."""
        return self._processes[name].pid

    def log(self, name: str) -> str:
        """What a process has written."""
        return (self.directory / f"{name}.log").read_text()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database, each time anew."""
        cursor = self.database.execute(query, values)
        return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *values: Any) -> Any:
        """The one value that the query finds."""
        return self.rows(query, *values)[0][0]

    def empty_queues(self) -> None:
        """Forget every message, also those that a worker had taken. A worker declares its queues anew."""
        self.broker.flushdb()

    def messages(self) -> tuple[int, int]:
        """How many messages wait in the queues, and how many a worker holds and has not done."""
        return sum(self.broker.llen(queue) for queue in QUEUES), self.broker.hlen("unacked")

    def facts(self) -> str:
        """What this was measured on."""
        version, fsync, commit = (
            self.value(f"SHOW {name}") for name in ("server_version", "fsync", "synchronous_commit")
        )
        return (
            f"ParkMate {commit_name()}; {platform.system()} {platform.release()}, {os.cpu_count()} cores,"
            f" load {os.getloadavg()[0]:.2f} before; Python {platform.python_version()};"
            f" PostgreSQL {version} with fsync {fsync}, synchronous_commit {commit}"
            f" (a flush takes {flush_seconds(self.directory) * 1000:.2f} ms);"
            f" Valkey {self.broker.info('server')['valkey_version']};"
            f" {', '.join(f'{name} {importlib.metadata.version(name)}' for name in PACKAGES)}"
        )


def commit_name() -> str:
    """Which commit this is, and whether its code was changed since; "?" where no git says so."""

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
        return git("rev-parse", "--short", "HEAD") + (", changed" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "?"


def flush_seconds(directory: Path) -> float:
    """How long the disk takes to keep 8 kB: the median of 100. A commit cannot be quicker."""
    times = []
    with (directory / "flush").open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(bytes(8192))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    return statistics.median(times)


@contextmanager
def machine(*, keep: bool = False) -> Iterator[Machine]:
    """A machine for a measurement, in a directory of its own; `keep` leaves that, with the logs in it."""
    directory = Path(tempfile.mkdtemp(prefix="parkmate-bench-"))
    directory.chmod(0o755)  # PostgreSQL runs as a user of its own where we are root.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    made = Machine(directory)
    try:
        made.start_servers()
        yield made
    finally:
        made.close()
        if keep:
            print(f"Kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


def serve(here: Machine, *, application: str = "parkmate.asgi", command: str = PROCFILE["web"]) -> str:
    """Start one web process, of this module's `application`; return its address, without the scheme."""
    address = f"127.0.0.1:{free_port()}"
    os.environ.update(PORT=address.partition(":")[2], PARKMATE_ORIGINS=f"http://{address}")
    here.start("web", command.replace("parkmate.asgi", application))

    def ready() -> bool:
        try:
            return httpx.get(f"http://{address}/api/health/live/").status_code == 200
        except httpx.TransportError:
            return False

    if not until(ready, seconds=60):
        raise SystemExit(f"The web process did not start:\n{here.log('web')}")
    return address
