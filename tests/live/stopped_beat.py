"""Beat, stopped at one moment of its life: `python -m tests.live.stopped_beat SIGTERM module:Class.method 2`.

The signal comes as the method is called for the second time, so the moment is the same in every run.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import django


def stop_at(place: str, *, nth: int, number: signal.Signals) -> None:
    """Let the nth call of this function or method begin with the signal."""
    module, _, path = place.partition(":")
    owner = import_module(module)
    *classes, name = path.split(".")
    for part in classes:
        owner = getattr(owner, part)
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def interrupted(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            sys.stderr.write(f"stopped at {time.monotonic()}\n")
            os.kill(os.getpid(), number)
        return original(*args, **options)

    setattr(owner, name, interrupted)


if __name__ == "__main__":
    django.setup()
    number, place, nth = sys.argv[1:]
    stop_at(place, nth=int(nth), number=signal.Signals[number])
    sys.argv = ["celery", "--quiet", "--app", "parkmate", "beat", "--loglevel", "WARNING"]
    import_module("celery.__main__").main()
