"""A box, people, a fault at seeded moments, rest, and the judge."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

import psycopg

from tests.faults.box import FaultBox
from tests.faults.evidence import Evidence, Outage, Seen, rows
from tests.faults.fault import Fault, Result
from tests.faults.ground import Ground
from tests.faults.judge import judge, lateness
from tests.faults.lines import Lines
from tests.faults.screens import Screen
from tests.faults.traffic import Traffic
from tests.faults.used import measure
from tests.faults.watches import Watches

# How long people live before the fault, between one time and the next, and after it; and how long all may
# take to come to rest; in seconds.
BEFORE, BETWEEN, AFTER, REST = 3.0, 1.0, 4.0, 40.0

# What has to be so when a run has come to rest: nothing waits any more.
WAITING = """
SELECT (SELECT count(*) FROM parking_timer
        WHERE state = 'armed' AND booking_id IS NOT NULL AND due_at < now() + interval '1 minute')
     + (SELECT count(*) FROM parking_notification WHERE seq IS NULL)
"""
UNPAID = """
SELECT count(*) FROM parking_payment WHERE method <> 'cash'
   AND (status = 'PENDING' OR (refund_due_at IS NOT NULL AND refunded_at IS NULL))
"""


class Run:
    """What a fault may use: the box, its people, its luck, and notes of when what was away."""

    screen: type[Screen] = Screen
    patience = REST

    def __init__(self, fault: Fault, *, box: FaultBox, seeds: Sequence[int]) -> None:
        self.fault, self.box, self.seeds, self.luck = fault, box, seeds, Random(seeds[0])
        self.traffic = Traffic(box, seed=seeds[0])
        self.drivers = self.luck.sample(box.ground.drivers, fault.people)
        self.screens: list[Screen] = []
        self.outages: list[Outage] = []
        self._tabs: list[asyncio.Task[None]] = []
        self.before: dict[str, float] = {}

    @asynccontextmanager
    async def outage(
        self, what: str, *, booking: int | None = None, people: Sequence[int] = ()
    ) -> AsyncIterator[None]:
        """While the block runs nothing (nothing of this booking) fires, or nobody of these can be told:

        it is late from the end of it.
        """
        outage = Outage(time.time(), booking=booking, people=tuple(people))
        self.outages.append(outage)
        self.box.note(f"{what}: begins")
        yield
        outage.until = time.time()
        self.box.note(f"{what}: ends")

    def show(self, screens: Sequence[Screen]) -> None:
        """Open these screens; they stay open until the end, and are judged as well."""
        self.screens += screens
        self._tabs += [self._group.create_task(screen.live()) for screen in screens]

    async def live(self) -> None:
        """People come, the fault strikes, and everything comes to rest."""
        people = [*self.drivers, self.box.ground.owner]
        async with asyncio.TaskGroup() as self._group:
            self.show(
                [self.screen(self.box, person, seed=self.seeds[0] + n) for n, person in enumerate(people)]
            )
            try:
                await self._live()
            finally:
                for tab in self._tabs:
                    tab.cancel()

    async def _live(self) -> None:
        async with self.traffic.flow(self.drivers):
            await asyncio.sleep(BEFORE)
            if self.fault.rehearsed:
                await self._strike(self.seeds[0])
            self.before = await asyncio.to_thread(measure, self.box)
            for seed in self.seeds:
                await self._strike(seed)
                await asyncio.sleep(BETWEEN)
            await asyncio.sleep(AFTER - BETWEEN)
        self.box.note("people have gone")
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience):
                await self._rest()
                self.box.note("all is at rest")

    async def _strike(self, seed: int) -> None:
        self.luck = Random(seed)
        await asyncio.sleep(self.luck.uniform(0, 2))
        self.box.note(f"the fault: {self.fault.name}, seed {seed}")
        await self.fault.strike(self)
        self.box.note("the fault is over")

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
            fallen=self.box.fallen(),
            used={name: (self.before[name], after[name]) for name in self.before.keys() & after.keys()},
            outages=self.outages,
            bound=self.fault.bound,
            typical=self.fault.typical,
            may_say=self.fault.may_say,
            may_park=self.fault.may_park * len(self.seeds),
            may_wait_for_money=not self._pays(),
        )


@asynccontextmanager
async def box_of(
    fault: Fault, *, ground: Ground, lines: Lines, directory: Path, kind: type[FaultBox] = FaultBox
) -> AsyncIterator[FaultBox]:
    """A box of the fault's shape, with everything running; all of it is ended with the block."""
    with ground.database() as name:
        moments = Watches(lines, directory / "moments")
        box = kind(fault.shape, ground=ground, name=name, directory=directory, lines=lines, moments=moments)
        try:
            await asyncio.to_thread(box.valkey.start)
            await asyncio.to_thread(box.start)
            yield box
        finally:
            await asyncio.to_thread(box.close)


async def run(fault: Fault, *, seeds: Sequence[int], ground: Ground, lines: Lines, directory: Path) -> Result:
    """Do a fault to one box, once for each seed, and judge what all of it has left."""
    async with box_of(fault, ground=ground, lines=lines, directory=directory) as box:
        this = Run(fault, box=box, seeds=seeds)
        await this.live()
        evidence = await asyncio.to_thread(this.evidence)
    late = lateness(evidence)
    return Result(
        fault,
        seeds,
        timers=len(evidence.timers),
        worst=max(late.values(), default=0.0),
        violations=judge(evidence),
        timeline=box.timeline,
        load=os.getloadavg()[0],
    )
