"""Clients that return all at once, do not read, or have half-open lines; and numbers that begin anew."""

import asyncio
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack

import psycopg

from tests.faults.ground import Person
from tests.faults.lines import Lines
from tests.faults.proxy import DOWN, Proxy
from tests.faults.run import Run
from tests.faults.screens import Screen
from tests.faults.strikes.processes import Strike
from tests.live.tabs import open_socket

# Notices for people, of so many bytes each; the sweeper numbers and pushes them.
_TELL = """
INSERT INTO parking_notification (recipient_id, event, level, message, facts, muted)
SELECT id, 'ANNOUNCEMENT', 'info', repeat('x', %s), '{}', '{}'
FROM unnest(%s::bigint[]) AS id, generate_series(1, %s)
"""


async def tell(run: Run, people: Sequence[Person], *, count: int, size: int = 20) -> None:
    """Tell each of these people so many things."""
    async with await psycopg.AsyncConnection.connect(run.box.database, autocommit=True) as database:
        await database.execute(_TELL, [size, [person.id for person in people], count])


async def open_screens(run: Run, people: Sequence[Person], *, ports: Sequence[int] = ()) -> list[Screen]:
    """One screen for each, which stays until the end; returns when all are there."""
    screens = [Screen(run.box, person, seed=n) for n, person in enumerate(people)]
    for screen in screens:
        screen.ports = list(ports or screen.ports)
    run.show(screens)
    while not all(screen.epoch for screen in screens):
        await asyncio.sleep(0.05)
    run.box.note(f"{len(screens)} more screens are there")
    return screens


def others(run: Run, count: int) -> list[Person]:
    """People who do not book, so that nobody else tells them anything; some of them several times.

    Those with the fewest screens come first: ten are the limit.
    """
    open_now = Counter(screen.user_id for screen in run.screens)
    idle = [person for person in run.box.ground.drivers if person not in run.drivers]
    idle.sort(key=lambda person: open_now[person.id])
    return [idle[n % len(idle)] for n in range(count)]


def return_at_once(count: int, *, gently: bool) -> Strike:
    """So many clients lose their sockets as both web processes end, and come back when these do."""

    async def strike(run: Run) -> None:
        mine = {person.id for person in run.drivers} | {run.box.ground.owner.id}
        crowd = [screen for screen in run.screens if screen.user_id not in mine]
        crowd += await open_screens(run, others(run, count - len(crowd)))
        visits = sum(screen.visits for screen in crowd)
        for name in run.box.ports:
            await asyncio.to_thread(run.box.end if gently else run.box.kill, name)
        await asyncio.to_thread(run.box.start, *run.box.ports)
        while sum(screen.visits for screen in crowd) < visits + count:
            await asyncio.sleep(0.05)
        run.box.note("all are back")

    return strike


async def half_open(run: Run) -> None:
    """The lines of many clients swallow what the server says; then they break."""
    lines = Lines()
    lines.start()
    proxies = [Proxy(lines, port).open() for port in run.box.ports.values()]
    try:
        people = others(run, 40)
        crowd = await open_screens(run, people, ports=[proxy.port for proxy in proxies])
        for proxy in proxies:
            proxy.hold(DOWN)
        await tell(run, people, count=5)
        await asyncio.sleep(8)
        for screen in crowd:
            screen.ports = list(run.box.ports.values())
        for proxy in proxies:
            proxy.reset()
    finally:
        for proxy in proxies:
            proxy.close()
        lines.close()


async def deaf(run: Run) -> None:
    """Ten clients do not read, while a megabyte is told to each: they are sent away, and slow nobody."""
    people = others(run, 10)
    async with AsyncExitStack() as stack:
        for person in people:
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            line.connect(("127.0.0.1", run.box.port))
            asked = open_socket(run.box, person.session, sock=line, ping_interval=None, close_timeout=0.1)
            opened = await stack.enter_async_context(asked)
            await opened.recv()
            opened.transport.pause_reading()
            stack.callback(opened.transport.abort)
        await tell(run, people, count=1000, size=1000)
        await asyncio.sleep(8)


async def numbered_anew(run: Run) -> None:
    """The inboxes are those of an earlier copy of the database: numbers that were shown are given again."""
    people = others(run, 5)
    await open_screens(run, people)
    await tell(run, people, count=10)
    await asyncio.sleep(3)
    ids = [person.id for person in people]
    async with await psycopg.AsyncConnection.connect(run.box.database) as database:
        await database.execute(
            "DELETE FROM parking_notification WHERE recipient_id = ANY(%s) AND seq > 5", [ids]
        )
        await database.execute(
            "UPDATE parking_inbox SET head = 5, acked = 0, epoch = gen_random_uuid() WHERE user_id = ANY(%s)",
            [ids],
        )
    run.box.note("five inboxes are of an earlier day")
    await tell(run, people, count=3)
    await asyncio.sleep(4)
