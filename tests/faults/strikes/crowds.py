"""Too many timers or wishes at once, and a row that cannot be carried out."""

import asyncio
from itertools import count as counting

import psycopg
from celery import Celery

from tests.faults.box import WINDOW
from tests.faults.run import Run
from tests.faults.strikes.clients import open_screens, others
from tests.faults.strikes.processes import Strike, come, end, redeployed, restart_the_dead

# Bookings of all drivers, a slot each, that end in so many seconds, the way the verb would have made them.
_CROWD = """
WITH drivers AS (
    SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM parking_user WHERE role = 'driver'
), slots AS (
    SELECT unnest(%(slots)s::bigint[]) AS id, generate_subscripts(%(slots)s::bigint[], 1) AS n
), booked AS (
    INSERT INTO parking_booking (driver_id, slot_id, vehicle_number, starts_at, ends_at, status, price)
    SELECT drivers.id, slots.id, 'C' || slots.id || '-' || %(crowd)s,
           now(), now() + %(ends_in)s * interval '1 second', 'BOOKED', 0
    FROM slots JOIN drivers ON drivers.n = slots.n %% (SELECT count(*) FROM drivers)
    RETURNING id, ends_at
), told AS (
    INSERT INTO parking_notification (recipient_id, event, level, message, facts, muted)
    SELECT %(owner)s, 'NEW_BOOKING', 'info', 'New',
           jsonb_build_object('booking', jsonb_build_object('id', id)), '{}'
    FROM booked
)
INSERT INTO parking_timer (booking_id, kind, due_at, state, attempts, last_error)
SELECT booked.id, kind, ends_at + after * interval '1 second', 'armed', 0, ''
FROM booked, (VALUES ('WARNING', -2.0), ('EXPIRY', 0.0), ('AUTO_EXPIRY', 1.5)) AS kinds (kind, after)
"""

_HELD = """
SELECT FROM parking_booking
WHERE slot_id = ANY(%s) AND status IN ('PENDING', 'BOOKED') AND ends_at > now() LIMIT 1
"""
_crowds = counting(1)


async def book_crowd(run: Run, *, count: int, ends_in: float) -> None:
    """So many bookings in one statement, that all end at the same instant; an earlier crowd leaves first."""
    slots = run.box.ground.crowd_slots[:count]
    wish = {"slots": slots, "ends_in": ends_in, "owner": run.box.ground.owner.id, "crowd": next(_crowds)}
    async with await psycopg.AsyncConnection.connect(run.box.database, autocommit=True) as database:
        while await (await database.execute(_HELD, [slots])).fetchone():
            await asyncio.sleep(0.1)
        await database.execute(_CROWD, wish)
    run.box.note(f"{count} bookings end in {ends_in:g} s")


def due_at_once(count: int) -> Strike:
    """So many bookings end in the same instant."""

    async def strike(run: Run) -> None:
        await book_crowd(run, count=count, ends_in=4)
        await asyncio.sleep(6)

    return strike


# How many notices that close a booking are not done with, at these moments.
_LEFT = {
    moment: f"SELECT count(*) FROM parking_notification WHERE event = 'SLOT_AUTO_EXPIRED' AND {left}"
    for moment, left in {"committed": "seq IS NULL", "numbered": "seq > 0 AND pushed_at IS NULL"}.items()
}


def killed_at_the_last(moment: str, *, of: str) -> Strike:
    """A process is killed at this moment as it closes bookings of people who are told nothing after it:

    nobody notices by the next notice that one is missing.
    """

    async def strike(run: Run) -> None:
        await open_screens(run, others(run, 20))
        count = len(run.box.ground.drivers)
        await book_crowd(run, count=count, ends_in=3)
        await asyncio.sleep(3 + WINDOW - 0.5)
        async with await psycopg.AsyncConnection.connect(run.box.database, autocommit=True) as database:
            watch = await come(run, moment, of=of)
            while ((await (await database.execute(_LEFT[moment])).fetchone()) or (0,))[0] < count / 2:
                run.box.moments.let_go(watch)
                watch = await come(run, moment, of=of)
        end(run, watch, pid=watch.pid)
        await restart_the_dead(run)

    return strike


async def redeployed_with_many_armed(run: Run) -> None:
    """Every process is replaced while thousands of timers are armed, and most come due in that time."""
    await book_crowd(run, count=2000, ends_in=6)
    await redeployed(run)


_ARMED_END = "SELECT FROM parking_timer WHERE booking_id = %s AND kind = 'EXPIRY' AND state = 'armed'"


async def poisoned(run: Run) -> None:
    """One booking cannot be expired, whatever is tried; nothing else waits for it."""
    async with await psycopg.AsyncConnection.connect(run.box.database, autocommit=True) as database:
        found = await (
            await database.execute(
                "SELECT id FROM parking_booking WHERE status = 'BOOKED' ORDER BY ends_at DESC LIMIT 1"
            )
        ).fetchone()
        assert found, "there is no booking"
        await database.execute(
            "ALTER TABLE parking_booking ADD CONSTRAINT poison"
            f" CHECK (id <> {found[0]} OR status <> 'EXPIRED') NOT VALID"
        )
        run.box.note(f"booking {found[0]} is poisoned")
        while await (await database.execute(_ARMED_END, found)).fetchone():
            await asyncio.sleep(0.1)
        await database.execute("ALTER TABLE parking_booking DROP CONSTRAINT poison")
        run.box.note("its timer is parked, or its driver has cancelled it")


async def everything_at_once(run: Run) -> None:
    """Many bookings are renewed, extended and cancelled at the instant of their ends, all by all."""
    booked = await asyncio.gather(*(run.traffic.book(person, seconds=3) for person in run.drivers * 2))
    made = [
        (person, answer)
        for person, answer in zip(run.drivers * 2, booked, strict=True)
        if answer.status == 201
    ]
    run.box.note(f"{len(made)} bookings end soon")
    await asyncio.sleep(max(0.0, 3 - max(answer.seconds for _, answer in made)) - 0.1)
    verbs = {"renew": 3.0, "extend": 4.0, "cancel": None}
    await asyncio.gather(
        *(
            run.traffic.ask(person, verb, answer, ends_in=ends_in)
            for person, answer in made
            for verb, ends_in in verbs.items()
        )
    )


async def delivered_again(run: Run) -> None:
    """The task that tells owners the day's figures is delivered twenty times: by beats, and by a broker

    that gives a message to another worker when the first one does not say that it is done.
    """
    await asyncio.to_thread(_deliver, run.box.valkey.url, times=20)
    await asyncio.sleep(4)


def _deliver(broker: str, *, times: int) -> None:
    with Celery(broker=broker, set_as_current=False) as app:
        for _ in range(times):
            app.send_task("tasks.operations.owner_digest", queue="default")
