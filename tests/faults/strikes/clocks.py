"""Clocks that are stepped in the middle of the work, by libfaketime where the machine has it."""

import asyncio

from tests.faults.run import Run
from tests.faults.strikes.processes import Strike


def stepped(name: str, step: str) -> Strike:
    """The clock of one process (as the box's shape says) jumps, and stays there."""

    async def strike(run: Run) -> None:
        run.box.step_clock(name, step)
        await asyncio.sleep(5)

    return strike
