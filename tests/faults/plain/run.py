"""The plain way in the matrix's box, with the matrix's people and strikes; and what its screens show."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import httpx
import psycopg
from celery import Celery

from tests.faults.box import LEAD, WINDOW, FaultBox
from tests.faults.fault import Fault
from tests.faults.run import Run
from tests.faults.screens import Screen
from tests.faults.strikes.processes import Strike
from tests.live.box import PROCFILE

# Until when nothing new may be due, in seconds after people have gone: the longest of their bookings.
LONGEST = 6.0
WORKER = "exec celery --quiet --app tests.faults.plain.celery worker --concurrency 2 --loglevel WARNING"


@dataclass(frozen=True)
class Way:
    """How messages are kept. `visibility`: the seconds after which an unacknowledged one comes again."""

    name: str
    acks_late: bool
    visibility: int


# As the tutorials have it: Celery's defaults, its hour compressed as the box's times are; and as its manual
# advises: acknowledged when done, and kept hidden for longer than any ETA.
TUTORIAL = Way("plain", acks_late=False, visibility=5)
CAREFUL = Way("plain, careful", acks_late=True, visibility=10)


class PlainBox(FaultBox):
    """The same box and lines; two web processes and two workers of the plain way."""

    way = TUTORIAL

    def _command(self, name: str) -> str:
        if name.startswith("worker"):
            return f"{WORKER} --hostname {name}@box"
        command = PROCFILE["web"].replace("--lifespan on", "--lifespan off")
        return command.replace("parkmate.asgi", "tests.faults.plain.asgi")

    def _environment(self, name: str) -> dict[str, str]:
        return {
            **super()._environment(name),
            "DJANGO_SETTINGS_MODULE": "tests.faults.plain.settings",
            "PLAIN_ACKS_LATE": "1" if self.way.acks_late else "",
            "PLAIN_VISIBILITY_SECONDS": str(self.way.visibility),
        }

    def _web_is_ready(self, url: str | None = None) -> bool:
        try:
            return httpx.get(f"{url}/api/health/live/").status_code == 200
        except httpx.TransportError:
            return False


class CarefulBox(PlainBox):
    """The one that has read Celery's manual."""

    way = CAREFUL


class TellingScreen(Screen):
    """A screen that remembers when it has shown what of which booking: (moment, booking, event)."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.told: list[tuple[float, int, str]] = []

    def _show(self, frame: dict[str, Any]) -> None:
        if "booking" in frame:
            self.told.append((time.time(), frame["booking"]["id"], frame["event"]))
        super()._show(frame)


class PlainScreen(TellingScreen):
    """It has no numbers: it shows what comes."""

    def _show(self, frame: dict[str, Any]) -> None:
        super()._show({**frame, "seq": 0})


class TellingRun(Run):
    """ParkMate's, with screens that remember more."""

    screen = TellingScreen


class PlainRun(Run):
    """Nobody can be asked what is still to come: it is at rest when nothing has happened for long enough."""

    screen = PlainScreen
    patience = 300.0

    async def _rest(self) -> None:
        """Waits out the last possible end and a visibility timeout, then until two have brought nothing."""
        assert isinstance(self.box, PlainBox)
        visibility = self.box.way.visibility
        quiet_since = began = time.monotonic()
        before = -1
        while (
            time.monotonic() < began + LONGEST + WINDOW + visibility
            or time.monotonic() < quiet_since + 2 * visibility
        ):
            await asyncio.sleep(0.5)
            ((changes,),) = await asyncio.to_thread(self.box.rows, "SELECT count(*) FROM witness")
            happened = changes + sum(len(screen.told) for screen in self.screens)
            if happened != before:
                quiet_since, before = time.monotonic(), happened


def plainly(fault: Fault) -> Fault:
    """The same fault, of the processes that the plain way has."""
    strikes: dict[str, Strike] = {"2,000 due at once": partial(due_at_once, count=2000)}
    shape = replace(fault.shape, beat=0, sweeper=0)
    return replace(fault, shape=shape, strike=strikes.get(fault.name, fault.strike))


_CROWD = """
INSERT INTO parking_booking (driver_id, slot_id, vehicle_number, starts_at, ends_at, status, price)
SELECT drivers.id, slots.id, 'C' || slots.id, now(), now() + interval '6 seconds', 'BOOKED', 0
FROM (SELECT id, n FROM unnest(%s::bigint[]) WITH ORDINALITY AS s (id, n)) AS slots
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM parking_user WHERE role = 'driver') AS drivers
  ON drivers.n - 1 = slots.n %% (SELECT count(*) FROM parking_user WHERE role = 'driver')
RETURNING id, ends_at
"""


async def due_at_once(run: Run, *, count: int) -> None:
    """So many bookings end in the same instant, each with its own tasks."""
    async with await psycopg.AsyncConnection.connect(run.box.database, autocommit=True) as database:
        asked = await database.execute(_CROWD, [run.box.ground.crowd_slots[:count]])
        booked = await asked.fetchall()
    run.box.note(f"{count} bookings end in 6 s")
    await asyncio.to_thread(_send_tasks, run.box, booked)
    await asyncio.sleep(6)


def _send_tasks(box: FaultBox, booked: Sequence[tuple[int, datetime]]) -> None:
    with Celery(broker=box.valkey.url, set_as_current=False) as app:
        for task, before in (("warn", LEAD), ("expire", 0.0)):
            for pk, ends_at in booked:
                eta = datetime.fromtimestamp(ends_at.timestamp() - before, ends_at.tzinfo)
                app.send_task(f"tests.faults.plain.tasks.{task}", (pk,), eta=eta)
