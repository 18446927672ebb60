"""The embedded servers, and what `up` settles before it starts: real programs, real files."""

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import environ
import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from parkmate import embedded
from parkmate.embedded import MARK, EmbeddedError, Postgres, Server, Valkey, machine, postgres

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def home() -> Iterator[Path]:
    """A short path of our own: pytest closes its own directories to PostgreSQL's user at every run."""
    with tempfile.TemporaryDirectory(prefix="parkmate-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture
def started() -> Iterator[Callable[[Server], Any]]:
    """Starts a server, and ends it with the test."""
    with contextlib.ExitStack() as ends:

        def start(server: Server) -> Server:
            ends.callback(server.stop)
            server.start()
            return server

        yield start


def ask(server: Postgres, question: str) -> Any:
    with psycopg.connect(server.url) as connection:
        return connection.execute(question).fetchone()[0]  # type: ignore[arg-type, index]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- PostgreSQL -------------------------------------------------------------------------------


def test_postgres_serves_the_database_at_the_address_known_before(home, started):
    postgres = Postgres(home / "postgres", quick=True)
    url = postgres.url
    started(postgres)
    with psycopg.connect(url) as connection:
        assert connection.info.dbname == "parkmate"
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)


def test_postgres_listens_on_no_network_port(home, started):
    postgres = started(Postgres(home / "postgres", quick=True))
    assert ask(postgres, "SHOW listen_addresses") == ""
    assert psutil.Process(postgres.pid).net_connections(kind="inet") == []


def test_nobody_else_may_enter_the_data_directory(home, started):
    postgres = started(Postgres(home / "postgres", quick=True))
    assert mode(postgres.directory) == 0o700


def test_only_quick_gives_up_what_survives_a_power_cut(home, started):
    assert ask(started(Postgres(home / "quick", quick=True)), "SHOW fsync") == "off"
    assert ask(started(Postgres(home / "whole")), "SHOW fsync") == "on"


def test_postgres_keeps_what_was_committed_over_a_stop(home, started):
    postgres = started(Postgres(home / "postgres", quick=True))
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    postgres.stop()
    assert not postgres.alive
    assert ask(started(Postgres(home / "postgres", quick=True)), "SELECT number FROM kept") == 7


def test_stopping_postgres_does_not_wait_for_its_clients(home, started):
    postgres = started(Postgres(home / "postgres", quick=True))
    with psycopg.connect(postgres.url):
        postgres.stop()
    assert "received fast shutdown request" in postgres.log.read_text()


def test_postgres_comes_back_at_once_when_its_postmaster_was_killed(home, started):
    postgres = started(Postgres(home / "postgres", quick=True))
    with psycopg.connect(postgres.url) as busy:
        postgres.send_signal(signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            busy.execute("SELECT pg_sleep(30)")
    postgres.start()
    assert ask(postgres, "SELECT 1") == 1


def test_postgres_killed_leaves_none_of_its_processes(home, started):
    postgres = started(Postgres(home / "postgres", quick=True))
    backends = psutil.Process(postgres.pid).children()
    postgres.kill()
    assert backends
    assert not any(embedded.processes.runs(backend) for backend in backends)


def test_an_initdb_that_was_killed_halfway_is_begun_anew(home, started):
    place = str(home / "postgres")
    begin = f"import pathlib, parkmate.embedded as e; e.Postgres(pathlib.Path({place!r})).start()"
    halfway = subprocess.Popen([sys.executable, "-c", begin], cwd=ROOT, stderr=subprocess.DEVNULL)
    until(lambda: any(home.glob(".postgres-new-*/base")))
    embedded.end_processes(embedded.processes.children(halfway.pid), signal.SIGKILL, patience=5)
    assert halfway.wait() != 0
    assert not (home / "postgres").exists()
    assert ask(started(Postgres(home / "postgres", quick=True)), "SELECT 1") == 1
    assert not any(home.glob(".postgres-new-*"))


@pytest.mark.parametrize("name", ["d" * 120, 'a "quoted" name', "50%20é", "one,two"])
def test_a_path_may_be_deep_or_strange(home, started, name):
    postgres = Postgres(home / name / "postgres", quick=True)
    (home / name).mkdir()
    try:
        assert ask(started(postgres), "SELECT 1") == 1
        assert mode(postgres.socket_directory) == 0o700
    finally:
        postgres.stop()
        if postgres.socket_directory != postgres.directory:
            shutil.rmtree(postgres.socket_directory)


def test_somebody_elses_socket_directory_is_not_used(home):
    postgres = Postgres(home / ("d" * 120) / "postgres", quick=True)
    postgres.directory.parent.mkdir()
    postgres.socket_directory.symlink_to(home)
    try:
        with pytest.raises(EmbeddedError, match="belongs to somebody else"):
            postgres.start()
    finally:
        postgres.socket_directory.unlink()


def test_a_directory_that_is_no_postgresqls_is_left_alone(home):
    (home / "postgres").mkdir()
    (home / "postgres" / "thesis.txt").write_text("mine")
    with pytest.raises(EmbeddedError, match="in the way"):
        Postgres(home / "postgres", quick=True).start()
    assert [path.name for path in home.rglob("*")] == ["postgres", "thesis.txt"]


def test_its_user_is_made_once_also_if_two_start_at_once_on_a_fresh_machine(monkeypatch):
    users, made = {}, []

    def look_up(name):
        return users[name]

    def useradd(command, **_):
        made.append(command)
        both_want_it.wait(0.2)
        users["pgserver"] = SimpleNamespace(pw_uid=7, pw_gid=8)

    both_want_it = threading.Event()
    monkeypatch.setattr(postgres.pwd, "getpwnam", look_up)
    monkeypatch.setattr(postgres.subprocess, "run", useradd)
    with ThreadPoolExecutor(2) as pool:
        accounts = list(pool.map(lambda _: postgres._pgserver_account(), range(2)))
    assert accounts == [(7, 8), (7, 8)]
    assert len(made) == 1


def test_why_postgres_does_not_start_is_said_in_its_own_words(home, started):
    postgres = started(Postgres(home / "postgres", quick=True))
    postgres.stop()
    (home / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match=r"(?s)PostgreSQL did not start.*not compatible"):
        postgres.start()
    assert not postgres.alive


def test_a_postmaster_that_was_left_behind_is_ended_first(home, started):
    orphan = started(Postgres(home / "postgres", quick=True))
    heir = started(Postgres(home / "postgres", quick=True))
    assert not orphan.alive
    assert ask(heir, "SELECT 1") == 1


def test_a_pid_that_another_program_got_since_is_no_postmaster(home, started):
    postgres = started(Postgres(home / "postgres", quick=True))
    postgres.kill()
    rest = (home / "postgres" / "postmaster.pid").read_text().splitlines()[1:]
    with stranger() as other:
        (home / "postgres" / "postmaster.pid").write_text("\n".join([str(other.pid), *rest, ""]))
        postgres.start()
        assert other.poll() is None


# --- Valkey -----------------------------------------------------------------------------------


def test_valkey_answers_only_those_who_know_its_password(home, started):
    valkey = started(Valkey(home / "valkey"))
    once = Retry(NoBackoff(), 0)
    with redis.Redis.from_url(valkey.url) as friend, redis.Redis(port=valkey.port, retry=once) as other:
        assert friend.ping()
        with pytest.raises(redis.AuthenticationError):
            other.ping()


def test_a_signal_to_a_server_that_does_not_run_is_refused(home, started):
    valkey = started(Valkey(home / "valkey"))
    valkey.kill()
    with pytest.raises(embedded.EmbeddedError, match="Valkey does not run"):
        valkey.send_signal(signal.SIGCONT)


def test_valkeys_password_is_not_to_be_seen_by_others(home, started):
    valkey = started(Valkey(home / "valkey"))
    assert valkey.password not in " ".join(psutil.Process(valkey.pid).cmdline())
    assert mode(valkey.configuration) == 0o600


def test_valkey_listens_on_the_loopback_only(home, started):
    valkey = started(Valkey(home / "valkey"))
    listening = psutil.Process(valkey.pid).net_connections(kind="inet")
    assert {connection.laddr for connection in listening} == {("127.0.0.1", valkey.port)}


@pytest.mark.parametrize("end", [Server.stop, Server.kill])
def test_valkey_comes_back_empty_at_the_same_address(home, started, end):
    valkey = started(Valkey(home / "valkey"))
    with redis.Redis.from_url(valkey.url, retry=Retry(NoBackoff(), 0)) as client:
        client.set("a", "b")
        end(valkey)
        with pytest.raises(redis.ConnectionError):
            client.ping()
        valkey.start()
        assert client.get("a") is None


def test_valkey_is_found_again_by_its_directory(home):
    first = Valkey(home / "valkey")
    first.write_configuration()
    assert Valkey(home / "valkey").url == first.url


def test_a_port_that_is_taken_is_said_in_valkeys_own_words(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        valkey = Valkey(home / "valkey", port=taken.getsockname()[1])
        with pytest.raises(EmbeddedError, match=r"(?s)Valkey did not start.*Address already in use"):
            valkey.start()


# --- What was left behind ---------------------------------------------------------------------


@contextlib.contextmanager
def stranger(code: str = "", **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits. It has said that it is ready by the time this returns."""
    program = f"{code}\nprint('ready', flush=True)\nimport time; time.sleep(600)"
    with subprocess.Popen(
        [sys.executable, "-c", program], env=os.environ | variables, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


def until(condition: Callable[[], bool]) -> None:
    """For what gives no other sign; the test's own timeout ends it."""
    while not condition():
        time.sleep(0.01)


def test_what_carries_our_mark_is_ended_and_strangers_are_spared(home):
    with stranger(**{MARK: str(home)}) as ours, stranger(**{MARK: str(home / "other")}) as theirs:
        assert embedded.end_leftovers(home) == 1
        assert ours.wait() == -signal.SIGTERM
        assert theirs.poll() is None


def test_we_ourselves_are_spared(home):
    end = f"import pathlib, parkmate.embedded as e; print(e.end_leftovers(pathlib.Path({str(home)!r})))"
    command = [
        sys.executable,
        "-c",
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {end!r}])",
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {MARK: str(home)}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "0"


def test_who_does_not_listen_is_killed():
    with stranger("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)") as deaf:
        embedded.end_processes([psutil.Process(deaf.pid)], signal.SIGTERM, patience=0.1)
        assert deaf.wait() == -signal.SIGKILL


def test_both_servers_of_a_killed_up_are_found_and_ended(home, started, monkeypatch):
    monkeypatch.setenv(MARK, str(home))
    postgres = started(Postgres(home / "postgres", quick=True))
    valkey = started(Valkey(home / "valkey"))
    assert embedded.end_leftovers(home) == 2
    assert not postgres.alive
    assert not valkey.alive
    assert "database system is shut down" in postgres.log.read_text()


# --- What `up` settles ------------------------------------------------------------------------


def settle(home: Path, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    """`manage.py up` as far as the settings; its output is the environment that they would read."""
    program = (
        "import json, os, sys; from parkmate.embedded import prepare_environment\n"
        "sys.argv = ['manage.py', 'up', *sys.argv[1:]]; prepare_environment()\n"
        "print(json.dumps({**os.environ}))"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PARKMATE_HOME": str(home / "var"), **given},
        capture_output=True,
        text=True,
    )


def settled(home: Path, *arguments: str, **given: str) -> dict[str, str]:
    done = settle(home, *arguments, **given)
    assert done.returncode == 0, done.stderr
    environment: dict[str, str] = json.loads(done.stdout)
    return environment


def read_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the settings of a `manage.py shell` beside it find."""
    found: dict[str, str] = {}
    monkeypatch.setattr(environ.Env, "ENVIRON", found)
    environ.Env.read_env(home / "var" / "env")
    return found


def test_a_fresh_machine_gets_a_secret_and_both_addresses(home):
    environment = settled(home)
    assert len(environment["PARKMATE_SECRET_KEY"]) > 50
    assert environment["DATABASE_URL"] == Postgres(home / "var" / "postgres").url
    assert environment["REDIS_URL"] == Valkey(home / "var" / "valkey").url


def test_what_it_writes_is_for_its_owner_only(home):
    settled(home)
    assert mode(home / "var") == 0o700
    files = [path for path in (home / "var").rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"env", "secret_key", "up.json", "valkey.conf"}
    assert {mode(path) for path in files} == {0o600}


def test_secret_and_addresses_stay_the_same(home):
    kept = ("PARKMATE_SECRET_KEY", "DATABASE_URL", "REDIS_URL")
    first, second = settled(home), settled(home)
    assert [first[name] for name in kept] == [second[name] for name in kept]


def test_valkey_moves_when_its_port_was_taken(home):
    first = settled(home)["REDIS_URL"]
    with socket.create_server(("127.0.0.1", Valkey(home / "var" / "valkey").port)):
        assert settled(home)["REDIS_URL"] != first


GIVEN = {
    "PARKMATE_SECRET_KEY": 'it\'s "so" $ecret # \\d = ?',
    "DATABASE_URL": "postgresql://ann:p%40s:s=w%2Frd@db.example:5433/park?sslmode=require&options=-c%20a%3Db",
    "REDIS_URL": "rediss://:a=b?c@cache.example:6380/3?x=y:z",
}


def test_what_is_given_wins(home):
    environment = settled(home, **GIVEN)
    assert {name: environment[name] for name in GIVEN} == GIVEN
    assert not (home / "var" / "secret_key").exists()


@pytest.mark.parametrize("given", [{}, GIVEN], ids=["ours", "given"])
def test_the_settings_of_a_command_beside_it_read_the_same(home, monkeypatch, given):
    environment = settled(home, **given)
    assert read_back(home, monkeypatch) == {name: environment[name] for name in GIVEN}


def test_a_file_named_by_the_operator_is_read_before_anything_is_decided(home):
    (home / "mine.env").write_text("DATABASE_URL=postgresql://db.example/park\n")
    environment = settled(home, PARKMATE_ENV_FILE=str(home / "mine.env"))
    assert environment["DATABASE_URL"] == "postgresql://db.example/park"


@pytest.mark.parametrize("arguments", [["--port", "8123"], ["--port=8123"]])
def test_the_allowed_origins_follow_the_port(home, arguments):
    environment = settled(home, *arguments, PORT="9000")
    assert environment["PORT"] == "8123"
    assert environment["PARKMATE_ORIGINS"] == "http://localhost:8123,http://127.0.0.1:8123"


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1", "٨٠٠٠"])
def test_a_port_that_is_none_is_refused_in_a_sentence(home, port):
    done = settle(home, f"--port={port}")
    assert done.returncode == 1
    assert done.stderr == f"PORT must be a number from 1 to 65535, not {port!r}.\n"


@pytest.fixture
def running(home: Path) -> Iterator[Path]:
    """This very process is the `up` of the place."""
    (home / "var").mkdir()
    embedded.claim_home(home / "var", address="http://127.0.0.1:8123")
    yield home
    os.close(embedded.home._claims.pop())


def test_a_second_up_is_told_where_the_first_one_is(running):
    done = settle(running)
    assert done.returncode == 1
    assert done.stderr == (
        f"ParkMate is already running here at http://127.0.0.1:8123 (process {os.getpid()}):"
        " use that one or stop it.\n"
    )
    assert [path.name for path in (running / "var").iterdir()] == ["up.json"]


def test_the_address_of_the_running_one_can_be_asked(running):
    assert embedded.running_address(running / "var") == "http://127.0.0.1:8123"


def test_an_up_that_ended_runs_no_more_whatever_it_wrote(home):
    settled(home)
    assert (home / "var" / "up.json").read_text()
    assert embedded.running_address(home / "var") is None
    assert settle(home).returncode == 0


def test_a_question_for_help_disturbs_nobody(home):
    settled(home)
    before = {path: path.stat().st_mtime_ns for path in (home / "var").rglob("*")}
    settled(home, "--help")
    assert {path: path.stat().st_mtime_ns for path in (home / "var").rglob("*")} == before


def test_a_free_port_is_given_once_even_if_nobody_listens_at_it_yet(monkeypatch):
    numbers = iter([4001, 4001, 4002])

    class Probe(socket.socket):
        def bind(self, address):
            pass

        def getsockname(self):
            return "127.0.0.1", next(numbers)

    monkeypatch.setattr(machine, "socket", SimpleNamespace(socket=Probe))
    assert [machine.free_port(), machine.free_port()] == [4001, 4002]
