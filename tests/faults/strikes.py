"""What is done to a box: each a coroutine that returns when the fault is over."""

import asyncio

from tests.faults.run import Run


async def nothing(run: Run) -> None:
    """Nothing breaks."""
    await asyncio.sleep(3)
