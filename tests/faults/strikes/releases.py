"""A newer release beside the old one: rows, columns and kinds of timers that the old one does not know."""

import asyncio

import httpx
import psycopg

from tests.faults.run import Run
from tests.faults.strikes.crowds import book_crowd

# What a newer release's migration may do while the old one runs: add, never take away.
_MIGRATION = """
ALTER TABLE parking_booking ADD COLUMN IF NOT EXISTS newer text NOT NULL DEFAULT '';
ALTER TABLE parking_timer ADD COLUMN IF NOT EXISTS newer integer;
ALTER TABLE parking_notification ADD COLUMN IF NOT EXISTS newer jsonb;
ALTER TABLE parking_inbox ADD COLUMN IF NOT EXISTS newer boolean NOT NULL DEFAULT false;
CREATE TABLE IF NOT EXISTS parking_newer (id bigserial PRIMARY KEY, booking_id bigint);
ALTER TABLE parking_timer DROP CONSTRAINT IF EXISTS timer_kind_known;
"""
_REMINDERS = """
INSERT INTO parking_timer (booking_id, kind, due_at, state, attempts, last_error)
SELECT id, 'REMINDER', ends_at - interval '1 second', 'armed', 0, ''
FROM parking_booking
WHERE vehicle_number LIKE 'C%' AND status = 'BOOKED' AND ends_at > now() + interval '2 seconds'
"""
_MOVED = """
INSERT INTO parking_notification (recipient_id, event, level, message, facts, muted)
SELECT unnest(%s::bigint[]), 'BOOKING_MOVED', 'info', 'Your booking has moved.', '{"to": {"slot": 9}}', '{}'
"""


async def side_by_side(run: Run) -> None:
    """The database is migrated, and newer processes (as the box's shape says) work beside the old ones.

    What the newer ones tell, every old web process hands on; what only they can do, the old ones leave
    to them.
    """
    ids = [person.id for person in run.drivers]
    async with await psycopg.AsyncConnection.connect(run.box.database, autocommit=True) as database:
        await database.execute(_MIGRATION)
        run.box.note("the database is migrated")
        await book_crowd(run, count=30, ends_in=5)
        reminders = (await database.execute(_REMINDERS)).rowcount
        await database.execute(_MOVED, [ids])
    run.box.note(f"{reminders} timers of a newer kind are armed")
    assert reminders, "there is nothing that only a newer release knows"
    await asyncio.sleep(3)
    await _read_inboxes(run)
    await asyncio.sleep(3)


async def _read_inboxes(run: Run) -> None:
    """Every web process answers with what it does not know, too."""
    person = run.drivers[0]
    async with httpx.AsyncClient(headers={"Cookie": f"sessionid={person.session}"}, timeout=10) as client:
        for port in run.box.ports.values():
            said = await client.get(f"http://127.0.0.1:{port}/api/notifications/?page_size=100")
            assert said.status_code == 200, said.text
            assert "BOOKING_MOVED" in {notice["event"] for notice in said.json()["results"]}
