"""`manage.py up`: everything ParkMate needs on one machine, in one terminal."""

import contextlib
import importlib
import logging
import os
import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import psycopg
from django.conf import settings
from django.core.management import CommandError, call_command, get_commands
from django.core.management.base import BaseCommand
from django.db import connection
from honcho.environ import parse_procfile
from honcho.printer import Printer

from parkmate import embedded
from parkmate.procfile import Processes, let_nothing_interrupt, undisturbed

DATABASE_SECONDS = 30.0


class Command(BaseCommand):
    help = "Runs ParkMate on this machine: the servers it needs, its database, demo data, its processes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.allow_abbrev = False  # `prepare_environment` reads these two earlier, by their full names
        parser.add_argument("--host", help="where the web process listens (default: $HOST or 127.0.0.1)")
        parser.add_argument("--port", type=int, help="at which port (default: $PORT or 8000)")
        parser.add_argument("--no-demo", action="store_true", help="start without the demo data")

    def handle(self, *args: Any, **options: Any) -> None:
        """Returns after Ctrl-C or SIGTERM. Anything else that ends it is a sentence and exit code 1."""
        host = options["host"] or os.environ.get("HOST") or "127.0.0.1"
        port = options["port"] or int(os.environ.get("PORT") or 8000)
        os.environ |= {"HOST": host, "PORT": str(port)}
        logging.getLogger("httpx").setLevel(logging.WARNING)
        _let_signals_interrupt()
        try:
            with contextlib.ExitStack() as ends:
                self._run(embedded.web_address(host, port), demo=not options["no_demo"], ends=ends)
        except KeyboardInterrupt:
            self._say("Stopped.")
        except (CommandError, embedded.EmbeddedError) as error:
            self.stderr.write(str(error))
            raise SystemExit(1) from error

    def _run(self, address: str, *, demo: bool, ends: contextlib.ExitStack) -> None:
        home = embedded.home_directory()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        embedded.claim_home(home, address=address)
        os.environ[embedded.MARK] = str(home)
        if ended := embedded.end_leftovers(home):
            self._say(f"Ended {ended} processes that an earlier run had left behind.")
        _require_free_port(os.environ["HOST"], int(os.environ["PORT"]))
        self._start_servers(home, ends=ends)
        demo = self._fill_database(demo=demo)
        self._run_processes(address, _welcome(address, demo=demo))

    def _start_servers(self, home: Path, *, ends: contextlib.ExitStack) -> None:
        """Those that are ours, which is told by the address: everything else runs already."""
        postgres = embedded.Postgres(home / "postgres")
        if postgres.url == os.environ.get("DATABASE_URL"):
            self._start(postgres, ends=ends)
        else:
            self._await_database()
        valkey = embedded.Valkey(home / "valkey")
        if valkey.url == os.environ.get("REDIS_URL"):
            self._start(valkey, ends=ends)

    def _start(self, server: embedded.Server, *, ends: contextlib.ExitStack) -> None:
        self._say(f"Starting {server.title} in {_shown(server.directory)}")
        ends.callback(undisturbed, server.stop)
        server.start()

    def _await_database(self) -> None:
        """Raises CommandError, without the password, if it stays out of reach."""
        deadline = time.monotonic() + DATABASE_SECONDS
        if _database_refusal():
            self._say(f"Waiting for the database ({DATABASE_SECONDS:.0f} s at most)")
        while refusal := _database_refusal():
            if time.monotonic() > deadline:
                raise CommandError(f"The database of DATABASE_URL cannot be reached: {refusal}")
            time.sleep(0.5)

    def _fill_database(self, *, demo: bool) -> bool:
        """Returns whether the demo data is there."""
        self._say("Bringing the database up to date")
        call_command("migrate", interactive=False, verbosity=0)
        demo = demo and "demo" in get_commands()
        if demo:
            self._say("Adding the demo data")
            call_command("demo")
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has one: parking.E004
        return demo

    def _run_processes(self, address: str, welcome: str) -> None:
        """Raises KeyboardInterrupt when told to end, CommandError when one process ended by itself."""
        commands = parse_procfile((settings.BASE_DIR / "Procfile").read_text()).processes
        self._say(f"Starting {', '.join(commands)}")
        processes = Processes(commands, printer=Printer(sys.stdout))
        processes.say_once_it_answers(welcome, url=f"{address}/api/health/live/")
        ended = processes.run()
        raise CommandError(
            f"The process {ended}, so everything was stopped. Its last lines stand above; "
            "once the reason is gone, start again with: make run"
        )

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _let_signals_interrupt() -> None:
    """Ctrl-C, a supervisor's SIGTERM and a closed terminal (unless `nohup`) are one and the same."""
    for number in embedded.ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    let_nothing_interrupt()
    raise KeyboardInterrupt


def _require_free_port(host: str, port: int) -> None:
    try:
        free = embedded.port_is_free(host, port)
    except OSError as error:
        raise CommandError(f"Nothing can listen at {host}, port {port}: {error.strerror}.") from error
    if not free:
        raise CommandError(
            f"Port {port} is taken by another program; stop it or choose another: make run PORT={port + 1}"
        )


def _database_refusal() -> str | None:
    """Why the database cannot be reached, or None if it can. Asked past the pool, which only says when."""
    parameters = connection.get_connection_params()
    try:
        psycopg.connect(**parameters).close()
    except psycopg.OperationalError as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        return reason.replace(parameters.get("password") or "\0", "…")
    return None


def _welcome(address: str, *, demo: bool) -> str:
    lines = [f"ParkMate runs at  {address}", ""]
    who = "USERNAME"
    if demo:
        data = importlib.import_module("parking.management.commands.demo")
        who = next(iter(data.DEMO_USERS))
        roles = ", ".join(f"{name} ({role})" for name, role in data.DEMO_USERS.items())
        lines += [f"Sign in as        {roles}", f"Password          {data.DEMO_PASSWORD}"]
    lines.append(f"Watch notices     {_shown(Path(sys.executable))} manage.py watch {who}")
    lines.append("Stop              Ctrl-C")
    return "\n".join(["", *(f"  {line}".rstrip() for line in lines), ""])


def _shown(path: Path) -> str:
    """As a person in the project's directory would type it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
