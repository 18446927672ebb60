"""A command that runs boxes without pytest: its settings, its end by a signal, and what it says.

To be imported before whatever needs Django.
"""

import asyncio
import logging
import os
import shutil
import signal
import sys
from collections.abc import Coroutine
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "parkmate.settings")

# It decides the addresses that the settings read.
from tests.services import HOME  # isort: skip

import django
import uvloop

django.setup()
logging.getLogger("httpx").setLevel(logging.WARNING)


def say(words: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def do(work: Coroutine[Any, Any, int]) -> int:
    """Run this; SIGTERM ends it as Ctrl-C does, with all that it has started. Returns its exit status."""

    async def ended_by_signals() -> int:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        return uvloop.run(ended_by_signals())
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    finally:
        shutil.rmtree(HOME, ignore_errors=True)
