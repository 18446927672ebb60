"""Clocks that are stepped in the middle of the work, by libfaketime where the machine has it."""

import asyncio
from datetime import UTC, datetime, timedelta

from tests.faults.run import Run
from tests.faults.strikes.processes import Strike

# How long before an instant the clocks are set, and how long they go on after it.
BEFORE, AFTER = timedelta(seconds=3), timedelta(seconds=4)


def stepped(name: str, step: str) -> Strike:
    """The clock of one process (as the box's shape says) jumps, and jumps back after some seconds."""

    async def strike(run: Run) -> None:
        run.box.step_clock(name, step)
        await asyncio.sleep(5)
        run.box.step_clock(name, "+0")
        await asyncio.sleep(2)

    return strike


def over(instant: str) -> Strike:
    """These processes' clocks go over this instant, PostgreSQL's does not; then they are right again."""
    target = datetime.fromisoformat(instant)

    async def strike(run: Run) -> None:
        step = (target - BEFORE - datetime.now(UTC)).total_seconds()
        for name in run.fault.shape.clocks:
            run.box.step_clock(name, f"{step:+.0f}")
        await asyncio.sleep((BEFORE + AFTER).total_seconds())
        for name in run.fault.shape.clocks:
            run.box.step_clock(name, "+0")
        await asyncio.sleep(2)

    return strike
