"""One run: a box, people, a fault at a seeded moment, rest, and the judge."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psutil
import psycopg

from tests.faults.box import FaultBox, Shape
from tests.faults.evidence import Evidence, Outage, Seen, rows
from tests.faults.ground import Ground
from tests.faults.judge import Violation, judge, lateness
from tests.faults.moments import Moments
from tests.faults.proxy import Lines
from tests.faults.traffic import Traffic
from tests.live.tabs import Tab

PEOPLE = 14
# How long people live before the fault and after it, and how long all may take to come to rest, in seconds.
BEFORE, AFTER, REST = 3.0, 4.0, 40.0

# What has to be so when a run has come to rest: nothing waits any more.
WAITING = """
SELECT (SELECT count(*) FROM parking_timer WHERE state = 'armed' AND due_at < now() + interval '1 minute')
     + (SELECT count(*) FROM parking_notification WHERE seq IS NULL)
"""
UNPAID = """
SELECT count(*) FROM parking_payment WHERE method <> 'cash'
   AND (status = 'PENDING' OR (refund_due_at IS NOT NULL AND refunded_at IS NULL))
"""


BOX = Shape()


@dataclass(frozen=True)
class Fault:
    """A row of the matrix: what is done (`strike`) to a box of this shape, and what is promised all the same.

    `bound`: lateness in seconds, from the due time, or from the end of an outage that `strike` has noted.
    `typical`: the same for 99 of 100 timers. `may_say`: what a traceback may be about.
    """

    name: str
    strike: Callable[["Run"], Awaitable[None]]
    bound: float = 3.0
    shape: Shape = BOX
    typical: float | None = None
    may_say: tuple[str, ...] = ()
    may_park: int = 0
    people: int = PEOPLE


@dataclass
class Result:
    """What a run has shown."""

    fault: Fault
    seed: int
    timers: int
    worst: float
    violations: list[Violation]
    timeline: list[tuple[float, str]] = field(default_factory=list)
    load: float = 0.0

    def count(self, kind: str) -> int:
        """How much was `lost` or `doubled`."""
        return sum(violation.kind == kind for violation in self.violations)

    def report(self) -> str:
        """What to print of a failure: the seed, the timeline, and what is broken."""
        return "\n".join(
            [
                f"{self.fault.name}, seed {self.seed}, load of the machine {self.load:.1f}:",
                *(f"  {moment:7.2f} s  {what}" for moment, what in self.timeline),
                "broken:",
                *(f"  {violation}" for violation in self.violations[:20]),
                f"  and {len(self.violations) - 20} more" if len(self.violations) > 20 else "",
            ]
        )


class Screen(Tab):
    """A tab of one person; after a reset it has read its inbox anew."""

    def __init__(self, box: FaultBox, person: Any, *, seed: int) -> None:
        super().__init__(box, person.session, list(box.ports.values()), seed=seed)
        self.user_id = person.id

    def _show(self, frame: dict[str, Any]) -> None:
        if frame.get("reset"):
            self.numbers = list(range(1, frame["seq"] + 1))
            self.epoch = frame["epoch"]
        elif "connected" in frame or "seq" in frame:
            super()._show(frame)


class Run:
    """What a fault may use: the box, its people, its luck, and notes of when what was away."""

    def __init__(self, fault: Fault, *, box: FaultBox, seed: int) -> None:
        self.fault, self.box, self.seed, self.luck = fault, box, seed, Random(seed)
        self.traffic = Traffic(box, seed=seed)
        self.drivers = self.luck.sample(box.ground.drivers, fault.people)
        people = [*self.drivers, box.ground.owner]
        self.screens = [Screen(box, person, seed=seed + n) for n, person in enumerate(people)]
        self.outages: list[Outage] = []
        self.crowd: list[asyncio.Task[None]] = []
        self.before: dict[str, float] = {}

    @asynccontextmanager
    async def outage(self, what: str, *, booking: int | None = None) -> AsyncIterator[None]:
        """While the block runs nothing (nothing of this booking) fires: it is late from the end of it."""
        outage = Outage(time.time(), booking=booking)
        self.outages.append(outage)
        self.box.note(f"{what}: begins")
        yield
        outage.until = time.time()
        self.box.note(f"{what}: ends")

    async def live(self) -> None:
        """People come, the fault strikes, and everything comes to rest."""
        async with asyncio.TaskGroup() as group:
            self.group = group
            tabs = [group.create_task(screen.live()) for screen in self.screens]
            try:
                await self._live()
            finally:
                for tab in [*tabs, *self.crowd]:
                    tab.cancel()

    async def _live(self) -> None:
        async with self.traffic.flow(self.drivers):
            await asyncio.sleep(BEFORE)
            self.before = await asyncio.to_thread(measure, self.box)
            await asyncio.sleep(self.luck.uniform(0, 2))
            self.box.note(f"the fault: {self.fault.name}")
            await self.fault.strike(self)
            self.box.note("the fault is over")
            await asyncio.sleep(AFTER)
        self.box.note("people have gone")
        with suppress(TimeoutError):
            async with asyncio.timeout(REST):
                await self._rest()
                self.box.note("all is at rest")

    async def _rest(self) -> None:
        """Returns when nothing waits, and every screen has caught up with its inbox."""
        async with await psycopg.AsyncConnection.connect(self.box.database, autocommit=True) as database:

            async def number(query: str) -> int:
                return int((await (await database.execute(query)).fetchone() or (0,))[0])

            while await number(WAITING) or (self._pays() and await number(UNPAID)):
                await asyncio.sleep(0.2)
            heads = await (await database.execute("SELECT user_id, head FROM parking_inbox")).fetchall()
            while any(len(screen.numbers) < dict(heads).get(screen.user_id, 0) for screen in self.screens):
                await asyncio.sleep(0.1)

    def _pays(self) -> bool:
        """Whether somebody is there who finishes payments."""
        return self.fault.shape.beat > 0 and self.fault.shape.worker > 0

    def evidence(self) -> Evidence:
        """What is left of it."""
        with psycopg.connect(self.box.database) as connection:
            found = rows(connection)
        after = measure(self.box)
        return Evidence(
            **found,
            answers=self.traffic.answers,
            screens=[Seen(screen.user_id, screen.numbers, screen.codes) for screen in self.screens],
            logs={name: self.box.log(name) for name in self.fault.shape.names()},
            used={name: (self.before[name], after[name]) for name in self.before.keys() & after.keys()},
            outages=self.outages,
            bound=self.fault.bound,
            typical=self.fault.typical,
            may_say=self.fault.may_say,
            may_park=self.fault.may_park,
            may_wait_for_money=not self._pays(),
        )


def measure(box: FaultBox) -> dict[str, float]:
    """What the box takes: memory and handles of each process that lives, connections, keys."""
    used: dict[str, float] = {}
    for name, process in box.processes.items():
        with suppress(psutil.Error):
            found = psutil.Process(process.pid)
            used[f"memory of {name} ({process.pid})"] = found.memory_info().rss
            used[f"handles of {name} ({process.pid})"] = found.num_fds()
    (used["database connections"],) = box.rows(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    )[0]
    with box.valkey_client() as client:
        used["keys in Valkey"] = float(client.dbsize())
    return used


async def run(fault: Fault, *, seed: int, ground: Ground, lines: Lines, directory: Path) -> Result:
    """Run a fault once, and judge it."""
    with ground.database() as name:
        moments = Moments(lines, directory / "moments")
        box = FaultBox(
            fault.shape, ground=ground, name=name, directory=directory, lines=lines, moments=moments
        )
        try:
            await asyncio.to_thread(box.valkey.start)
            await asyncio.to_thread(box.start)
            this = Run(fault, box=box, seed=seed)
            await this.live()
            evidence = await asyncio.to_thread(this.evidence)
        finally:
            await asyncio.to_thread(box.close)
    late = lateness(evidence)
    return Result(
        fault,
        seed,
        timers=len(evidence.timers),
        worst=max(late.values(), default=0.0),
        violations=judge(evidence),
        timeline=box.timeline,
        load=os.getloadavg()[0],
    )
