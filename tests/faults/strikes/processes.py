"""Processes that are killed, frozen, ended, or not there."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psutil

from tests.faults.proxy import DOWN
from tests.faults.run import Run
from tests.faults.watches import Watch

Strike = Callable[[Run], Awaitable[None]]

# How long a supervisor takes until it has seen that a process is gone, in seconds.
UNNOTICED = 0.5
# Somebody comes to any moment within this time, while people live.
SOON = 15.0


async def nothing(run: Run) -> None:
    """Nothing breaks."""
    await asyncio.sleep(3)


def killed_at(moment: str, *, of: str, parent: bool = False, nth: int = 1) -> Strike:
    """A process is killed as it comes to this moment: of a worker, the child or its parent; and restarted."""

    async def strike(run: Run) -> None:
        watch = await come(run, moment, of=of, nth=nth)
        end(run, watch, pid=watch.parent if parent else watch.pid)
        await restart_the_dead(run)

    return strike


def killed_inside_the_commit(*, of: str) -> Strike:
    """A process is killed when it has said COMMIT, the database has done it, and nobody has heard of it."""

    async def strike(run: Run) -> None:
        watch = await come(run, "written", of=of)
        line = run.box.database_lines[watch.process]
        line.hold(DOWN)
        run.box.moments.let_go(watch)
        await asyncio.sleep(0.2)
        end(run, watch, pid=watch.pid)
        line.heal()
        await restart_the_dead(run)

    return strike


def killed(*names: str, away: float = UNNOTICED) -> Strike:
    """These processes, with all their children, are killed at any moment, and come back after so long.

    (Eight seconds stand for a minute: alarms are set four seconds ahead here, and come again after five.)
    """

    async def strike(run: Run) -> None:
        for name in names:
            await asyncio.to_thread(run.box.kill, name)
        await asyncio.sleep(away)
        await asyncio.to_thread(run.box.start, *names)

    return strike


def main_killed(name: str) -> Strike:
    """A worker's main process alone is killed: its children are orphans."""

    async def strike(run: Run) -> None:
        run.box.kill_alone(run.box.processes[name].pid, of=name)
        await restart_the_dead(run)

    return strike


def all_dead(*names: str) -> Strike:
    """All that could fire are killed: what is due waits for the first one that is back."""

    async def strike(run: Run) -> None:
        async with run.outage(f"no {' and no '.join(names)}"):
            await killed(*names, away=3)(run)

    return strike


def frozen(*names: str, seconds: float) -> Strike:
    """These processes stand still, with all their children, and go on as if nothing had been.

    (Eight seconds are longer than the visibility timeout, which is five here instead of twenty minutes.)
    """

    async def strike(run: Run) -> None:
        for name in names:
            run.box.kill(name, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        for name in names:
            run.box.kill(name, signal.SIGCONT)

    return strike


def frozen_at(moment: str, *, of: str, seconds: float) -> Strike:
    """One process stands still at this moment, with the locks that it holds."""

    async def strike(run: Run) -> None:
        watch = await come(run, moment, of=of)
        await asyncio.sleep(seconds)
        run.box.moments.let_go(watch)
        run.box.note(f"process {watch.pid} of {watch.process} goes on")

    return strike


async def starved(run: Run) -> None:
    """A worker's child gets no more memory in the middle of a batch; seconds later the kernel ends it."""
    watch = await come(run, "written", of="worker")
    psutil.Process(watch.pid).rlimit(psutil.RLIMIT_AS, (1, 1))
    run.box.note(f"process {watch.pid} of {watch.process} gets no more memory")
    run.box.moments.let_go(watch)
    await asyncio.sleep(3)
    with suppress(ProcessLookupError):
        end(run, watch, pid=watch.pid)
    await restart_the_dead(run)


async def outlived(run: Run) -> None:
    """A worker's child stands in a batch past its task's time limit: its parent ends it."""
    watch = await come(run, "written", of="worker")
    async with asyncio.timeout(SOON):
        while psutil.pid_exists(watch.pid) and psutil.Process(watch.pid).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.05)
    run.box.note(f"process {watch.pid} of {watch.process} was ended by its parent")
    run.box.moments.let_go(watch)


async def redeployed(run: Run) -> None:
    """Every process is ended as a supervisor does, and its successor started, one after the other."""
    for name in run.fault.shape.names():
        await asyncio.to_thread(run.box.end, name)
        await asyncio.to_thread(run.box.start, name)


async def everything_killed(run: Run) -> None:
    """All processes, and Valkey with them, are killed and started again."""
    async with run.outage("everything is dead"):
        run.box.kill_valkey()
        for name in list(run.box.processes):
            await asyncio.to_thread(run.box.kill, name)
        await asyncio.sleep(2)
        await asyncio.to_thread(run.box.start_valkey)
        await asyncio.to_thread(run.box.start)


async def come(run: Run, moment: str, *, of: str, nth: int = 1) -> Watch:
    """Wait until one of these processes stands at the moment; it waits there."""
    watch = run.box.moments.watch(moment, of=of, nth=nth)
    await asyncio.to_thread(watch.wait, SOON)
    run.box.note(f"process {watch.pid} of {watch.process} stands at {moment!r}")
    return watch


def end(run: Run, watch: Watch, *, pid: int) -> None:
    run.box.kill_alone(pid, of=watch.process)
    run.box.moments.let_go(watch)


async def restart_the_dead(run: Run) -> None:
    await asyncio.sleep(UNNOTICED)
    await asyncio.to_thread(run.box.start_what_is_dead)
