"""A process of a box, as the Procfile has it, with shorter times and with moments that can be watched:

`python -m tests.faults.inside uvicorn …`. The product knows nothing of it.
"""

import json
import os
import runpy
import select
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from importlib import import_module
from typing import Any

import django

from tests.faults.moments import MOMENTS, Moment
from tests.faults.unguarded import WITHOUT, take_away

# As short as tests want them, and the restore as often as it must be then.
QUICK_TIMES = {
    "visibility_timeout": 5,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 5,
}
RETRY_PAUSES = (1, 2)
FINISH_PATIENCE = timedelta(seconds=3)


def quicken(program: str) -> None:
    """Shorten the times that no setting shortens.

    The broker's only where it is listened to: elsewhere our own check of the settings would refuse them.
    """
    from parking import claims
    from parking.actions import payments
    from parkmate.celery import app

    if program == "celery":
        app.conf.broker_transport_options.update(QUICK_TIMES)
    payments.PATIENCE = FINISH_PATIENCE
    claims.RETRY_PAUSES = RETRY_PAUSES


def settle() -> None:
    """Settings of Celery that no variable of the product has, by PARKMATE_BOX_CELERY."""
    from parkmate.celery import app

    app.conf.update(json.loads(os.environ.get("PARKMATE_BOX_CELERY", "{}")))


def grow_newer() -> None:
    """Be of a newer release: it has one more kind of timer, and of notice."""
    from parking import claims, events
    from parking.actions import due
    from parking.models import HOLDING

    words = "Your booking ends in a moment."
    reminder = events._event(
        "BOOKING_REMINDER", events.Level.INFO, events.Audience.DRIVER, words, cause="The clock."
    )
    claims.KINDS.append("REMINDER")
    due.EFFECTS["REMINDER"] = due.Effect(reminder, HOLDING)  # type: ignore[index]


def sleep(seconds: float) -> None:
    """Python's own asks for an absolute time, which libfaketime turns into an invalid one."""
    select.select([], [], [], max(0.0, seconds))


def report(name: str) -> None:
    """Say that this process has come to a moment, and wait until it may go on."""
    facts = {
        "name": name,
        "pid": os.getpid(),
        "parent": os.getppid(),
        "process": os.environ["PARKMATE_BOX_PROCESS"],
    }
    # The test may be over.
    with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.connect(os.environ["PARKMATE_BOX_MOMENTS"])
        line.sendall(json.dumps(facts).encode() + b"\n")
        line.recv(1)


def mark(name: str, moment: Moment) -> None:
    """Let the moment's function report. One that has nothing to do, an empty batch, is no moment."""
    owner, attribute = find(moment.place)
    original: Callable[..., Any] = getattr(owner, attribute)

    @wraps(original)
    def reporting(*given: Any, **options: Any) -> Any:
        if moment.after:
            result = original(*given, **options)
            if result or (given and given[0]):
                report(name)
            return result
        if not given or given[0]:
            report(name)
        return original(*given, **options)

    setattr(owner, attribute, reporting)


def find(place: str) -> tuple[Any, str]:
    """The module or class of `module:Class.name`, and the name."""
    module, _, path = place.partition(":")
    *classes, name = path.split(".")
    owner = import_module(module)
    for part in classes:
        owner = getattr(owner, part)
    return owner, name


def main(program: str, *arguments: str) -> None:
    """Become the program."""
    django.setup()
    quicken(program)
    settle()
    if os.environ["PARKMATE_BOX_PROCESS"] in os.environ.get("PARKMATE_BOX_NEWER", "").split(","):
        grow_newer()
    if "FAKETIME_TIMESTAMP_FILE" in os.environ:
        time.sleep = sleep
    if WITHOUT:
        take_away(WITHOUT)
    for name in filter(None, os.environ.get("PARKMATE_BOX_WATCHED", "").split(",")):
        mark(name, MOMENTS[name])
    sys.argv = [program, *arguments]
    if program == "python":
        sys.argv = [*arguments]
        runpy.run_path(arguments[0], run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
