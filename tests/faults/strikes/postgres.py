"""A PostgreSQL that is restarted, full, read-only, badly reached, or whose rows somebody else holds."""

import asyncio
import signal
from contextlib import ExitStack, suppress

import psycopg

from tests.faults.proxy import Cut, When
from tests.faults.run import Run
from tests.faults.strikes.clients import tell
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
        postgres.send_signal(signal.SIGQUIT)
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
    "booking": "SELECT id FROM parking_booking WHERE vehicle_number LIKE 'C%' AND status = 'BOOKED'"
    " LIMIT 1 FOR UPDATE",
}


def locked(row: str, *, seconds: float) -> Strike:
    """Somebody in a shell holds a row of one of many bookings that end together. Only that one is late.

    (Eight seconds stand for twenty: longer than from a booking's warning to its close here.)
    """

    async def strike(run: Run) -> None:
        await book_crowd(run, count=CROWD, ends_in=4)
        async with await psycopg.AsyncConnection.connect(run.box.database) as shell:
            found = await (await shell.execute(ROWS[row])).fetchone()
            assert found, "there is no row to hold"
            async with run.outage(f"a {row}'s row of booking {found[0]} is held", booking=found[0]):
                await asyncio.sleep(seconds)
                await shell.rollback()

    return strike


# How soon everybody else is answered and told while somebody's row is held, in seconds.
UNDISTURBED = 3.0


def inboxes_held(seconds: float) -> Strike:
    """Somebody in a shell updates inboxes, the owner's too, and does not end it. Only theirs wait.

    (Eight seconds stand for the twenty that a person needs to remember it: all times are shorter here.)
    """

    async def strike(run: Run) -> None:
        held = [run.box.ground.owner.id, *(person.id for person in run.drivers[:3])]
        bystander = next(person for person in run.box.ground.drivers if person not in run.drivers)
        async with await psycopg.AsyncConnection.connect(run.box.database) as shell:
            await shell.execute("UPDATE parking_inbox SET acked = acked WHERE user_id = ANY(%s)", [held])
            async with run.outage(f"the inboxes of {held} are held", people=held):
                await book_crowd(run, count=CROWD, ends_in=4)
                await asyncio.sleep(seconds - UNDISTURBED)
                await tell(run, [bystander], count=1)
                await asyncio.sleep(UNDISTURBED)
                waiting = await _unnumbered(run, bystander.id)
                await shell.rollback()
        assert not waiting, "somebody else's notice has waited for the inboxes that are held"

    return strike


async def _unnumbered(run: Run, user_id: int) -> int:
    query = "SELECT count(*) FROM parking_notification WHERE seq IS NULL AND recipient_id = %s"
    async with await psycopg.AsyncConnection.connect(run.box.database) as database:
        (number,) = await (await database.execute(query, [user_id])).fetchone() or (0,)
    return int(number)


def slot_held(seconds: float, *, racers: int = 24) -> Strike:
    """Somebody in a shell holds a slot's row that many want. They wait, or come again; nobody else does.

    There are more of them than connections that the web processes may have.
    """

    async def strike(run: Run) -> None:
        slot = run.box.ground.crowd_slots[-1]
        people = [person for person in run.box.ground.drivers if person not in run.drivers][:racers]
        async with await psycopg.AsyncConnection.connect(run.box.database) as shell:
            await shell.execute("SELECT FROM parking_slot WHERE id = %s FOR UPDATE", [slot])
            run.box.note(f"slot {slot} is held, and {racers} people want it")
            async with asyncio.TaskGroup() as group:
                for person in people:
                    group.create_task(run.traffic.book(person, seconds=seconds + 5, slot=slot))
                await asyncio.sleep(0.1)
                racing = len(run.traffic.answers)
                await asyncio.sleep(seconds)
                others = [answer for answer in run.traffic.answers[racing:] if answer.slot != slot]
                await shell.rollback()
        slowest = max((answer.seconds for answer in others), default=0.0)
        run.box.note(f"{len(others)} others asked meanwhile, and waited {slowest:.1f} s at most")
        assert others, "nobody else was there"
        assert slowest < UNDISTURBED, f"others have waited {slowest:.1f} s for a slot that is not theirs"

    return strike
