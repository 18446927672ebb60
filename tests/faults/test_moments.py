"""A process that comes to a watched moment stands there until it is let go; any other goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import inside
from tests.faults.moments import MOMENTS, Moment
from tests.faults.watches import Watches
from tests.live.box import ROOT

REPORT = "import sys; from tests.faults.inside import report; [report(name) for name in sys.argv[1:]]"


@pytest.fixture
def moments(lines, tmp_path: Path) -> Iterator[Watches]:
    heard = Watches(lines, tmp_path / "moments")
    yield heard
    heard.close()


@pytest.fixture
def process(moments: Watches) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts a process of this name that comes to these moments."""
    started = []

    def start(name: str, *names: str) -> "subprocess.Popen[bytes]":
        box = {"PARKMATE_BOX_PROCESS": name, "PARKMATE_BOX_MOMENTS": str(moments.path)}
        command = [sys.executable, "-c", REPORT, *names]
        started.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, **box}))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


def test_who_comes_to_a_watched_moment_waits_there_until_it_is_let_go(moments, process):
    watch = moments.watch("written", of="worker")
    worker = process("worker2", "claimed", "written", "committed")
    watch.wait(20)
    assert (watch.pid, watch.parent, watch.process) == (worker.pid, os.getpid(), "worker2")
    assert worker.poll() is None
    moments.let_go(watch)
    assert worker.wait(20) == 0


def test_who_is_not_watched_goes_on_and_the_nth_is_the_nth(moments, process):
    watch = moments.watch("written", of="worker", nth=3)
    assert process("sweeper", "written", "written", "written").wait(20) == 0
    assert process("worker", "written", "claimed", "written").wait(20) == 0
    worker = process("worker", "written")
    assert watch.wait(20).pid == worker.pid


def test_who_waits_can_be_killed_and_frozen(moments, process):
    watch = moments.watch("written")
    worker = process("worker", "written")
    os.kill(watch.wait(20).pid, signal.SIGKILL)
    assert worker.wait(20) == -signal.SIGKILL


def test_nobody_waits_when_the_test_is_over(moments, process):
    watch = moments.watch("written")
    worker = process("worker", "written", "written")
    watch.wait(20)
    moments.close()
    assert worker.wait(20) == 0


def test_a_moment_at_which_nobody_comes_says_so(moments):
    with pytest.raises(AssertionError, match="nobody of sweeper came to 'written'"):
        moments.watch("written", of="sweeper").wait(0.01)


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_every_moment_is_a_place_in_the_product(moment):
    owner, name = inside.find(moment.place)
    assert callable(getattr(owner, name))


class Product:
    """Something with a batch to do."""

    done: list[str]

    @staticmethod
    def batch(rows: list[int]) -> list[int]:
        Product.done.append("work")
        return rows


@pytest.mark.parametrize(
    ("after", "rows", "order"),
    [
        (False, [1], ["moment", "work"]),
        (True, [1], ["work", "moment"]),
        (False, [], ["work"]),
        (True, [], ["work"]),
    ],
)
def test_a_moment_comes_before_or_after_the_work_and_not_for_an_empty_batch(monkeypatch, after, rows, order):
    Product.done = []
    monkeypatch.setattr(Product, "batch", Product.batch)  # put back at the end
    monkeypatch.setattr(inside, "report", lambda name: Product.done.append("moment"))
    inside.mark("written", Moment(f"{__name__}:Product.batch", after=after))
    assert Product.batch(rows) == rows
    assert Product.done == order
