"""Ending processes, by pid, so that none is left behind."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

# Stands in the environment of everything `up` starts, so that the next one can find what a
# `kill -9` left behind. A name of its own: PARKMATE_HOME may be exported in a person's shell.
MARK = "PARKMATE_STARTED_FROM"
# How a person, a supervisor and a closed terminal end us.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
    while (remaining := [p for p in remaining if runs(p)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return remaining


def children(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.Error:
        return []


def runs(process: psutil.Process) -> bool:
    """False for a zombie too: in a container without an init nobody may ever collect it."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def end_marked(home: Path) -> int:
    """Ends what carries the mark of this directory, but us and our ancestors; returns how many that were."""
    spared = {os.getpid(), *(process.pid for process in psutil.Process().parents())}
    marked = [p for p in psutil.process_iter() if p.pid not in spared and _is_marked(p, home)]
    end_processes(marked, signal.SIGTERM, patience=5)
    return len(marked)


def _is_marked(process: psutil.Process, home: Path) -> bool:
    try:
        return bool(process.environ().get(MARK) == str(home))
    except (psutil.Error, OSError):
        return False
