"""Boxes on demand, each with a fresh database copied from one that was migrated once."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.live.box import ROOT, Box
from tests.services import POSTGRES

numbers = count(1)


def administer(statement: str) -> None:
    address = f"postgresql://postgres@/postgres?host={POSTGRES.socket_directory}&port=5432"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement)


@cache
def template() -> str:
    """Make a database with the tables and the first schedules, once; return its name."""
    administer("CREATE DATABASE live_template")
    address = f"postgresql://postgres@/live_template?host={POSTGRES.socket_directory}&port=5432"
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": address},
        check=True,
    )
    return "live_template"


@pytest.fixture(scope="session")
def migrated(services: Any) -> str:
    """The name of a database with the tables and the first schedules, to copy."""
    return template()


@contextmanager
def boxes(template: str, directory: Path) -> Iterator[Callable[..., Box]]:
    """Start boxes with these of the Procfile's processes; all of it ends with the block."""
    started: list[Box] = []

    def start(*names: str, **settings: str) -> Box:
        name = f"live_{next(numbers)}"
        administer(f"CREATE DATABASE {name} TEMPLATE {template}")
        made = Box(name=name, directory=directory)
        started.append(made)
        made.times = {**made.times, **settings}
        made.valkey.start()
        made.start(*names)
        return made

    try:
        yield start
    finally:
        for made in started:
            made.close()


@pytest.fixture
def box(migrated: str, tmp_path: Path) -> Iterator[Callable[..., Box]]:
    """Boxes of the test's own."""
    with boxes(migrated, tmp_path) as start:
        yield start
