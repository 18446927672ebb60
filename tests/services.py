"""A pytest plugin: one PostgreSQL and one Valkey for the run, started for it and ended with it.

It is loaded by `-p` before Django's settings, because those read the addresses that it decides.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from parkmate.embedded import Postgres, Valkey

HOME = Path(tempfile.mkdtemp(prefix="parkmate-tests-"))
HOME.chmod(0o755)  # PostgreSQL runs as a user of its own where the tests run as root.
POSTGRES = Postgres(HOME / "postgres", quick=True)
VALKEY = Valkey(HOME / "valkey")

os.environ.update(
    PARKMATE_ENV_FILE="",
    PARKMATE_SECRET_KEY="only-for-tests",
    DATABASE_URL=POSTGRES.url,
    REDIS_URL=VALKEY.url,
    PARKMATE_ORIGINS="http://testserver",
    PARKMATE_ALLOWED_HOSTS="testserver,127.0.0.1",
)


@pytest.fixture(scope="session")
def services():
    """Both servers, running."""
    POSTGRES.start()
    VALKEY.start()
    return POSTGRES, VALKEY


def pytest_unconfigure() -> None:
    for server in (POSTGRES, VALKEY):
        server.stop()
    shutil.rmtree(HOME, ignore_errors=True)
