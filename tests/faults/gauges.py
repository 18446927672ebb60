"""What a long run shows while it lasts: how late, how big, how busy; and the slope of memory at its end."""

from __future__ import annotations

import math
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from statistics import linear_regression
from typing import TYPE_CHECKING

import psutil
import psycopg

from tests.faults.evidence import possible

if TYPE_CHECKING:
    from tests.faults.soak import Soak

# Megabytes in ten minutes that a process may grow, and how long, in seconds, it must be watched to tell.
SLOPE, WATCHED = 1.0, 600.0
MEGABYTE = 1e6

# What is new in the witness: of which rows, how many, and of timers that ended, when they should have.
_NEWS = """
SELECT w.id, w.subject, w.was, extract(epoch FROM w.at), extract(epoch FROM greatest(t.due_at, a.at))
FROM witness w
LEFT JOIN parking_timer t
    ON w.subject = 'timer' AND w.became IN ('fired', 'superseded') AND t.id = w.row_id
LEFT JOIN LATERAL (
    SELECT at FROM witness WHERE subject = 'timer' AND row_id = t.id AND was IS NULL
) a ON t.id IS NOT NULL
WHERE w.id > %s AND w.subject IN ('timer', 'booking')
"""
INDEX = "CREATE INDEX witness_row ON witness (row_id);"


class Gauges:
    """Asked now and then, from a thread."""

    def __init__(self, run: Soak) -> None:
        self.run, self.began = run, time.time()
        self.made = {"booking": 0, "timer": 0}
        self.worst, self._seen = 0.0, 0
        self.memory: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
        self.busy: dict[tuple[str, int], float] = {}
        self._watched_since = math.inf

    @property
    def minute(self) -> float:
        """Minutes since the beginning."""
        return (time.time() - self.began) / 60

    def watch_memory(self) -> None:
        """From now on memory is not to grow."""
        self._watched_since = time.time()

    def line(self) -> str:
        """How it is now."""
        self._read_witness()
        memory = ", ".join(f"{kind} {size:.0f}" for kind, size in self._measure().items())
        opened = sum(screen.open for screen in self.run.screens)  # type: ignore[attr-defined]
        return (
            f"{self.minute:5.1f} min: {self.made['booking']:,} bookings,"
            f" {self.made['timer']:,} timers, latest {self.worst:.2f} s; {opened} sockets; MB: {memory};"
            f" load {os.getloadavg()[0]:.1f}; {self.run.at_work}"
        )

    def _read_witness(self) -> None:
        """What is committed later under a lower number is missed: a few rows, of which the judge knows.

        While the database takes nobody in, the next line says it.
        """
        try:
            news = self.run.box.rows(_NEWS, self._seen)
        except psycopg.OperationalError:
            return
        for number, subject, was, at, due in news:
            self._seen = max(self._seen, number)
            self.made[subject] += was is None
            if due is not None:
                since = possible(float(due), self.run.outages, bound=self.run.fault.bound)
                self.worst = max(self.worst, float(at) - since)

    def _measure(self) -> dict[str, float]:
        """Megabytes of each kind of process, of the servers, and of this test."""
        sizes: dict[str, float] = defaultdict(float)
        for name, main in self._mains():
            with suppress(psutil.Error):
                for process in (main, *main.children(recursive=True)):
                    size = process.memory_info().rss / MEGABYTE
                    sizes[name.rstrip("0123456789")] += size
                    times = process.cpu_times()
                    self.busy[name, process.pid] = times.user + times.system
                    self.memory[name, process.pid].append((time.time(), size))
        return sizes

    def _mains(self) -> Iterator[tuple[str, psutil.Process]]:
        box = self.run.box
        for name, process in list(box.processes.items()):
            with suppress(psutil.NoSuchProcess):
                yield name, psutil.Process(process.pid)
        for server in (box.valkey, box.ground.postgres):
            if (pid := server.pid) is not None:
                with suppress(psutil.NoSuchProcess):
                    yield server.title, psutil.Process(pid)

    def summary(self, *, bookings: int) -> Iterator[str]:
        """What a booking has cost, with all that followed it: milliseconds of processor."""
        times = os.times()
        cost = defaultdict(float, {"this test": times.user + times.system})
        for (name, _), seconds in self.busy.items():
            cost[name.rstrip("0123456789")] += seconds
        each = {kind: 1000 * seconds / bookings for kind, seconds in cost.items()}
        parts = ", ".join(f"{kind} {milliseconds:.0f}" for kind, milliseconds in each.items())
        yield f"Milliseconds of processor for each booking, with all that follows it: {parts}."
        for (name, pid), samples in self.memory.items():
            if slope := self._slope(samples):
                size = samples[-1][1]
                yield f"{name} ({pid}) grew by {slope:.2f} MB in ten minutes, and has {size:.0f} MB."

    @property
    def tells_of_memory(self) -> bool:
        """Whether any process was watched long enough for its memory to be judged."""
        return any(self._slope(samples) is not None for samples in self.memory.values())

    def growing(self) -> list[str]:
        """Those that grew too much, of the product's own processes."""
        return [
            f"{name} ({pid}) grew by {slope:.2f} MB in ten minutes"
            for (name, pid), samples in self.memory.items()
            if name in self.run.fault.shape.names() and (slope := self._slope(samples) or 0.0) > SLOPE
        ]

    def _slope(self, samples: list[tuple[float, float]]) -> float | None:
        """Megabytes in ten minutes since its memory is watched; None if that is not long enough.

        Only of who lives still.
        """
        watched = [sample for sample in samples if sample[0] >= self._watched_since]
        if not watched or watched[-1][0] - watched[0][0] < WATCHED or time.time() - watched[-1][0] > WATCHED:
            return None
        return 600 * linear_regression(*zip(*watched, strict=True)).slope
