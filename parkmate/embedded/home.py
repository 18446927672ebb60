"""What one `manage.py up` runs with: its directory, its addresses, its secret."""

import fcntl
import json
import os
import secrets
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import environ

from .machine import free_port, port_is_free, write_private
from .postgres import Postgres, end_postgres
from .processes import end_marked
from .server import EmbeddedError
from .valkey import Valkey

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
    default = Path(__file__).resolve().parents[2] / "var"
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


def end_leftovers(home: Path) -> int:
    """Ends what an `up` that was itself killed left running; returns how many programs that were."""
    return end_marked(home) + end_postgres(home / "postgres")
