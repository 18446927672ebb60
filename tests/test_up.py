"""`manage.py up` as it is: the real processes of the Procfile, in a directory of their own."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from parkmate import embedded
from parkmate.embedded import MARK, Postgres

ROOT = Path(__file__).resolve().parent.parent


class Up:
    """One `manage.py up`. Its environment is bare: no virtual environment is active, nothing is given."""

    def __init__(self, home: Path, *arguments: str, **given: str) -> None:
        self.home = home
        self.port = given.setdefault("PORT", str(embedded.free_port()))
        self.url = f"http://127.0.0.1:{self.port}"
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", *arguments],
            cwd=ROOT,
            env={"PATH": os.defpath, "PARKMATE_HOME": str(home), **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until(self, pattern: str) -> "Up":
        """Returns when a line has the pattern in it."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said += line
            if re.search(pattern, line):
                return self
        raise AssertionError(f"It ended before it said {pattern!r}:\n{self.said}")

    def serving(self) -> "Up":
        self.until("ParkMate runs at")
        return self if "The schedule is read" in self.said else self.until("The schedule is read")

    def end(self, number: signal.Signals | None = None) -> int:
        """The exit code, after a signal or by itself."""
        if number:
            self.process.send_signal(number)
        self.said += self.process.communicate()[0]
        return self.process.returncode


def running_from(home: Path) -> list[psutil.Process]:
    """What of this place still runs, whoever its parent is."""
    return [process for process in psutil.process_iter() if _is_from(process, home)]


def _is_from(process: psutil.Process, home: Path) -> bool:
    try:
        named = any(str(home) in word for word in process.cmdline())
        return process.status() != psutil.STATUS_ZOMBIE and (
            named or process.environ().get(MARK) == str(home)
        )
    except psutil.Error:
        return False


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="parkmate-up-"))
    yield path
    embedded.end_leftovers(path)
    shutil.rmtree(path)


@pytest.fixture
def up(home: Path) -> Iterator[Callable[..., Up]]:
    """Starts one in `home`; a test that fails leaves none behind either."""
    all_of_them: list[Up] = []

    def start(*arguments: str, home: Path = home, **given: str) -> Up:
        all_of_them.append(Up(home, *arguments, **given))
        return all_of_them[-1]

    yield start
    for each in all_of_them:
        if each.process.poll() is None:
            each.end(signal.SIGKILL)


def worker_of(up: Up) -> psutil.Process:
    """The worker itself, not one of its pool."""
    children = psutil.Process(up.process.pid).children()
    [worker] = [
        child for child in children if {"celery", "worker"} <= {Path(w).name for w in child.cmdline()}
    ]
    return worker


# --- A good day -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_it_serves_until_it_is_told_to_end_and_leaves_nothing(up, home, number):
    run = up().serving()
    assert httpx.get(f"{run.url}/api/health/ready/").status_code == 200
    assert run.end(number) == 0
    assert running_from(home) == []
    assert "Traceback" not in run.said


def test_it_says_where_it_is_who_may_sign_in_how_to_watch_and_how_to_stop(up):
    run = up().until("Stop  ")
    assert run.end(signal.SIGINT) == 0
    for line in (
        run.url,
        r"dina \(driver\), omar \(owner\), ada \(staff\)",
        "parkmate-demo",
        "watch dina",
        "Ctrl-C",
    ):
        assert re.search(line, run.said)


@pytest.mark.slow
def test_a_demo_user_can_be_watched_from_beside_it(up, home):
    run = up().serving()
    watch = subprocess.Popen(
        [sys.executable, "manage.py", "watch", "dina"],
        cwd=ROOT,
        env={"PATH": os.defpath, "PARKMATE_HOME": str(home), "PARKMATE_ENV_FILE": str(home / "env")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watch.stdout
    assert "Connected to real-time notifications" in watch.stdout.readline()
    watch.send_signal(signal.SIGINT)
    watch.communicate()
    run.end(signal.SIGINT)


@pytest.mark.slow
def test_without_the_demo_nobody_is_there(up, home):
    run = up("--no-demo").until("Stop  ")
    assert run.end(signal.SIGINT) == 0
    assert "Sign in" not in run.said


@pytest.mark.slow
def test_a_database_that_is_given_is_used_and_left_running(up, home):
    given = Postgres(home / "given", quick=True)
    given.start()
    try:
        run = up(home=home / "var", DATABASE_URL=given.url).serving()
        assert run.end(signal.SIGINT) == 0
        assert given.alive
        assert not (home / "var" / "postgres").exists()
    finally:
        given.stop()


# --- Ending, in the worst moment --------------------------------------------------------------


@pytest.mark.slow
def test_a_second_ctrl_c_leaves_nothing_either(up, home):
    run = up().serving()
    run.process.send_signal(signal.SIGINT)
    run.until("Stopping web").process.send_signal(signal.SIGINT)
    assert run.end(signal.SIGINT) == 0
    assert running_from(home) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment", ["Starting PostgreSQL", "Starting Valkey", "Bringing the database", "Starting web"]
)
def test_ctrl_c_while_it_starts_leaves_nothing(up, home, moment):
    run = up().until(moment)
    assert run.end(signal.SIGINT) == 0
    assert running_from(home) == []


@pytest.mark.slow
def test_after_it_was_killed_itself_the_next_one_clears_up_and_serves(up, home):
    killed = up().serving()
    killed.end(signal.SIGKILL)
    left = running_from(home)
    assert left
    run = up(PORT=killed.port).until(r"^Ended \d+ process").serving()
    assert not any(embedded.processes.runs(process) for process in left)
    assert run.end(signal.SIGINT) == 0
    assert running_from(home) == []


@pytest.mark.slow
def test_when_one_process_dies_all_end_even_what_it_left_and_it_says_which(up, home):
    run = up().serving()
    worker = worker_of(run)
    while not (pool := worker.children()):
        time.sleep(0.01)
    for process in pool:
        process.suspend()  # so that it cannot notice, and go by itself
    worker.kill()
    assert run.end() == 1
    assert "The process `worker` ended by itself (SIGKILL), so everything was stopped." in run.said
    assert running_from(home) == []


def test_when_a_server_does_not_start_the_others_end_again(up, home):
    (home / "valkey" / "log").mkdir(parents=True)
    run = up()
    assert run.end() == 1
    assert re.search(r"^Valkey cannot be started: .*valkey/log", run.said, re.MULTILINE)
    assert "Traceback" not in run.said
    assert running_from(home) == []


# --- Refusals ---------------------------------------------------------------------------------


def test_a_taken_port_is_a_sentence_before_anything_is_started(up, home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = up(PORT=str(port))
        assert run.end() == 1
    assert run.said == (
        f"Port {port} is taken by another program; stop it or choose another: make run PORT={port + 1}\n"
    )
    assert not (home / "postgres").exists()


@pytest.mark.slow
def test_a_second_up_is_refused_and_the_first_one_serves_on(up, home):
    first = up().serving()
    second = up()
    assert second.end() == 1
    assert second.said.startswith(f"ParkMate is already running here at {first.url}")
    assert httpx.get(f"{first.url}/api/health/live/").status_code == 200
    assert first.end(signal.SIGINT) == 0


@pytest.mark.slow
def test_a_database_out_of_reach_is_a_sentence_without_its_password(up, home):
    url = f"postgresql://ann:hush@127.0.0.1:{embedded.free_port()}/park"
    run = up(DATABASE_URL=url)
    assert run.end() == 1
    assert "The database of DATABASE_URL cannot be reached: " in run.said
    assert "hush" not in run.said
    assert "Traceback" not in run.said
