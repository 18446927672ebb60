"""A Valkey that is killed, emptied, frozen, full, or not reached."""

import asyncio
import signal

from tests.faults.run import Run
from tests.faults.strikes.processes import Strike


def killed(*, away: float) -> Strike:
    """Valkey is killed, and back after so long: with what it has kept, or empty."""

    async def strike(run: Run) -> None:
        await asyncio.to_thread(run.box.kill_valkey)
        await asyncio.sleep(away)
        await asyncio.to_thread(run.box.start_valkey)

    return strike


async def flushed(run: Run) -> None:
    """Everything in it is deleted, three times."""
    for _ in range(3):
        with run.box.valkey_client() as client:
            client.flushall()
        run.box.note("flushed")
        await asyncio.sleep(1)


def frozen(seconds: float) -> Strike:
    """It takes connections and bytes, and answers nothing.

    (Eight seconds stand for thirty: they are longer than every timeout towards it, and than the visibility
    timeout, which is five here.)
    """

    async def strike(run: Run) -> None:
        run.box.signal_valkey(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        run.box.signal_valkey(signal.SIGCONT)

    return strike


async def full(run: Run) -> None:
    """It refuses every write: out of memory."""
    with run.box.valkey_client() as client:
        client.config_set("maxmemory", 1)
        run.box.note("out of memory")
        await asyncio.sleep(6)
        client.config_set("maxmemory", 0)


def refused(kind: str, *, seconds: float) -> Strike:
    """Processes of this kind get no connection to it, and lose those that they have."""

    async def strike(run: Run) -> None:
        lines = [line for name, line in run.box.valkey_lines.items() if name.startswith(kind)]
        for line in lines:
            line.refuse()
            line.reset()
        await asyncio.sleep(seconds)
        for line in lines:
            line.heal()

    return strike


def swallowed(kind: str, *directions: str, seconds: float) -> Strike:
    """What is said between processes of this kind and it does not arrive; then those connections break."""

    async def strike(run: Run) -> None:
        lines = [line for name, line in run.box.valkey_lines.items() if name.startswith(kind)]
        for line in lines:
            line.hold(*directions)
        await asyncio.sleep(seconds)
        for line in lines:
            line.reset()
            line.heal()

    return strike
