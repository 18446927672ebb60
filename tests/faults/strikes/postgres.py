"""A PostgreSQL that is restarted, full, read-only, badly reached, or whose rows somebody else holds."""

import asyncio
import os
import signal
from contextlib import ExitStack, suppress

import psycopg

from tests.faults.proxy import Cut, When
from tests.faults.run import Run
from tests.faults.strikes.crowds import book_crowd
from tests.faults.strikes.processes import Strike


async def cut(run: Run) -> None:
    """Every connection to it breaks, three times."""
    for _ in range(3):
        broken = sum(line.reset() for line in run.box.database_lines.values())
        run.box.note(f"{broken} connections are cut")
        await asyncio.sleep(1)


async def restarted(run: Run) -> None:
    """It ends at once, as in a crash, and recovers."""
    postgres = run.box.ground.postgres
    async with run.outage("PostgreSQL restarts"):
        os.kill(postgres.pid or 0, signal.SIGQUIT)
        while postgres.alive:
            await asyncio.sleep(0.02)
        await asyncio.to_thread(postgres.start)


async def away(run: Run) -> None:
    """Nobody reaches it for six seconds."""
    lines = run.box.database_lines.values()
    async with run.outage("PostgreSQL is not reached"):
        for line in lines:
            line.refuse()
            line.reset()
        await asyncio.sleep(6)
        for line in lines:
            line.heal()


async def read_only(run: Run) -> None:
    """It takes no writes for six seconds."""
    ground = run.box.ground
    async with run.outage("PostgreSQL is read-only"):
        ground.administer("ALTER SYSTEM SET default_transaction_read_only = on")
        try:
            ground.administer("SELECT pg_reload_conf()")
            await asyncio.sleep(6)
        finally:
            ground.administer("ALTER SYSTEM RESET default_transaction_read_only")
            ground.administer("SELECT pg_reload_conf()")


async def out_of_connections(run: Run) -> None:
    """All connections but those that are open are taken by somebody else, and those that are open break."""
    url = run.box.ground.url(run.box.database_name)
    with ExitStack() as stack:
        async with run.outage("no connection is free"):
            for line in run.box.database_lines.values():
                line.refuse()
                line.reset()
            await asyncio.sleep(0.3)
            with suppress(psycopg.OperationalError):
                while True:
                    stack.enter_context(await asyncio.to_thread(psycopg.connect, url))
            for line in run.box.database_lines.values():
                line.heal()
            await asyncio.sleep(5)
            stack.close()


def outcome_unknown(kind: str, *, when: When, times: int = 3) -> Strike:
    """Connections of these processes break at a COMMIT: before, after, or when it is done and not told."""

    async def strike(run: Run) -> None:
        lines = [line for name, line in run.box.database_lines.items() if name.startswith(kind)]
        before = sum(line.cuts for line in lines)
        for line in lines:
            line.cut = Cut(b"COMMIT", when, times=times)
        await asyncio.sleep(5)
        cuts = sum(line.cuts for line in lines) - before
        run.box.note(f"{cuts} connections were cut at a COMMIT")
        for line in lines:
            line.heal()
        assert cuts, "nobody said COMMIT"

    return strike


def swallowed(kind: str, *directions: str, seconds: float) -> Strike:
    """What is said between it and processes of this kind does not arrive; then those connections break."""

    async def strike(run: Run) -> None:
        lines = [line for name, line in run.box.database_lines.items() if name.startswith(kind)]
        for line in lines:
            line.hold(*directions)
        run.box.note(f"the lines of {kind} swallow {' and '.join(directions) or 'all'}")
        await asyncio.sleep(seconds)
        for line in lines:
            line.reset()
            line.heal()

    return strike


def slow(*, delay: float = 0.0, piece: int = 65536) -> Strike:
    """Every line to it is slow, or hands on few bytes at once."""

    async def strike(run: Run) -> None:
        for line in run.box.database_lines.values():
            line.delay, line.slice = delay, piece
        await asyncio.sleep(6)
        for line in run.box.database_lines.values():
            line.heal()

    return strike


CROWD = 50
ROWS = {
    "timer": "SELECT booking_id FROM parking_timer JOIN parking_booking b ON b.id = booking_id"
    " WHERE state = 'armed' AND vehicle_number LIKE 'C%' LIMIT 1 FOR UPDATE OF parking_timer",
    "booking": "SELECT id FROM parking_booking WHERE vehicle_number LIKE 'C%' LIMIT 1 FOR UPDATE",
}


def locked(row: str, *, seconds: float) -> Strike:
    """Somebody in a shell holds a row of one of many bookings that end together. Only that one is late."""

    async def strike(run: Run) -> None:
        await book_crowd(run, count=CROWD, ends_in=4)
        async with await psycopg.AsyncConnection.connect(run.box.database) as shell:
            found = await (await shell.execute(ROWS[row])).fetchone()
            assert found, "there is no row to hold"
            async with run.outage(f"a {row}'s row of booking {found[0]} is held", booking=found[0]):
                await asyncio.sleep(seconds)
                await shell.rollback()

    return strike
