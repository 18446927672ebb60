"""One box for half an hour: hundreds of sockets, bookings at a steady rate, and a fault every so often.

`make soak`, or `python -m tests.faults.soak --minutes 30 --sockets 300 --rate 20 --every 30`. A line every
ten seconds; then the judge, what a booking has cost, and the slope of each process' memory.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any

from websockets.exceptions import InvalidHandshake

from tests.faults.alone import do, say  # isort: skip - it sets up Django

from tests.faults.box import FaultBox
from tests.faults.evidence import Answer
from tests.faults.fault import BOX, Fault
from tests.faults.gauges import INDEX, Gauges
from tests.faults.ground import Person, ground
from tests.faults.judge import judge, lateness
from tests.faults.lines import Lines
from tests.faults.matrix import POSTGRES, PROCESSES, VALKEY
from tests.faults.run import Run, box_of
from tests.faults.screens import Screen
from tests.faults.strikes.processes import nothing
from tests.faults.traffic import Traffic
from tests.faults.used import measure
from tests.services import HOME

# The first drivers own a lot each instead, so that nobody is told of all bookings.
OWNERS = 10
MANY_OWNERS = f"""
UPDATE parking_user SET role = 'owner' WHERE username IN
    (SELECT 'driver' || n FROM generate_series(0, {OWNERS - 1}) AS n);
INSERT INTO parking_lot (owner_id, name, address)
    SELECT id, 'Of ' || username, 'Here' FROM parking_user WHERE role = 'owner' AND username LIKE 'driver%';
UPDATE parking_slot SET lot_id = lots.id
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM parking_lot WHERE name LIKE 'Of %') AS lots
    WHERE lots.n = 1 + parking_slot.number % {OWNERS} AND lot_id =
        (SELECT id FROM parking_lot WHERE name = 'Stadium');
"""

# These book a crowd of their own on the slots that the traffic uses; or are none.
NOT_HERE = (
    "nothing breaks",
    "a timer's row held by somebody",
    "a booking's row held by somebody",
    "inboxes held by somebody",
)
FAULTS = [
    fault for fault in (*PROCESSES, *VALKEY, *POSTGRES) if fault.shape == BOX and fault.name not in NOT_HERE
]
# Nobody is ended by these: after the first part there are no others, so that memory can be watched.
LIVING = [
    fault
    for fault in FAULTS
    if (fault not in PROCESSES or fault.name == "worker frozen past the visibility timeout")
    and fault.name != "database restored from an earlier copy"
]
SOAK = Fault(
    "soak",
    nothing,
    bound=max(fault.bound for fault in FAULTS),
    may_say=tuple({words for fault in FAULTS for words in fault.may_say}),
)

WARM_UP, EVERY = 15.0, 10.0
# The share of the time in which anything may be killed.
KILLING = 0.28
# Seconds from one fault to the next while each strikes once before memory is watched.
REHEARSING = 12.0
LONGEST_PAUSE = 20.0  # seconds until a client comes back


@dataclass(frozen=True)
class Size:
    """How long, how many, how often. `rate`: bookings and renewals a second; `every`: seconds to a fault."""

    minutes: float
    sockets: int
    rate: float
    every: float
    seed: int


class Tab(Screen):
    """A screen that knows whether it has a line, and comes back as docs/socket.md asks: later and later.

    It waits as long as browsers do: Firefox 20 s, Chrome longer. And it comes to the same web process as
    before while that lets it in, as through a proxy that keeps clients where they are: else chance would
    move dozens of sockets from one to the other whenever all come back, and memory with them.
    """

    open = False
    patience = 20.0
    failures = 0

    def __init__(self, box: FaultBox, person: Person, *, seed: int) -> None:
        super().__init__(box, person, seed=seed)
        self._home = seed

    async def live(self) -> None:
        await asyncio.sleep(self.luck.uniform(0, WARM_UP))
        while True:
            visits = self.visits
            with suppress(OSError, InvalidHandshake, TimeoutError, EOFError):
                await self._visit()
            self.failures = 0 if self.visits > visits else self.failures + 1
            await asyncio.sleep(self.luck.uniform(0, min(LONGEST_PAUSE, 0.5 * 2**self.failures)))

    def _port(self) -> int:
        return self.ports[(self._home + self.failures) % len(self.ports)]

    async def _visit(self) -> None:
        try:
            await super()._visit()
        finally:
            self.open = False

    def _show(self, frame: dict[str, Any]) -> None:
        self.open = True
        super()._show(frame)


class SteadyTraffic(Traffic):
    """Bookings at a rate, renewals among them, whether or not the ones before were answered."""

    def __init__(self, box: FaultBox, *, seed: int, rate: float) -> None:
        super().__init__(box, seed=seed)
        self.rate = rate
        self._renewed = 0  # since the last new booking
        self._slots: Iterator[int] = cycle(self.luck.sample(box.ground.crowd_slots, 2000))

    @asynccontextmanager
    async def flow(self, people: list[Person]) -> AsyncIterator["SteadyTraffic"]:
        async with self._flow() as group:
            group.create_task(self._wish(people, group))
            yield self

    async def _wish(self, people: list[Person], group: asyncio.TaskGroup) -> None:
        began = time.monotonic()
        for person in cycle(people):
            group.create_task(self._one(person))
            began += (1 + self._renewed) / self.rate
            self._renewed = 0
            await self.pause(began - time.monotonic())
            if self.stopped.is_set():
                return

    async def _one(self, person: Person) -> None:
        answer = await self.book(person, seconds=self.luck.uniform(2.2, 4.5))
        if answer.status == 201:
            await self._what_next(person, answer)

    async def ask(self, person: Person, verb: str, booked: Answer, *, ends_in: float | None = None) -> Answer:
        answer = await super().ask(person, verb, booked, ends_in=ends_in)
        self._renewed += verb == "renew" and answer.status == 201
        return answer

    def _slot(self) -> int:
        return next(self._slots)


class Soak(Run):
    """All of it, once."""

    patience = 180.0
    screen = Tab

    def __init__(self, box: FaultBox, *, size: Size) -> None:
        super().__init__(SOAK, box=box, seeds=[size.seed])
        self.size = size
        self.traffic: SteadyTraffic = SteadyTraffic(box, seed=size.seed, rate=size.rate)
        everybody = box.ground.drivers
        self.owners, self.drivers = everybody[:OWNERS], everybody[OWNERS:]
        self.at_work = ""
        self.complaints: list[str] = []
        self.gauges = Gauges(self)

    async def live(self) -> None:
        """Screens open, people book, faults strike, all comes to rest."""
        people = cycle([*self.owners, *self.drivers])
        async with asyncio.TaskGroup() as self._group:
            self.show([Tab(self.box, next(people), seed=n) for n in range(self.size.sockets)])
            watching = self._group.create_task(self._watch())
            try:
                await self._live()
            finally:
                for task in (*self._tabs, watching):
                    task.cancel()

    async def _live(self) -> None:
        ends = time.monotonic() + 60 * self.size.minutes
        # A quarter of the drivers only look.
        async with self.traffic.flow(self.drivers[len(self.drivers) // 4 :]):
            await asyncio.sleep(WARM_UP)
            self.before = await asyncio.to_thread(measure, self.box)
            luck = Random(self.size.seed)
            killing = time.monotonic() + KILLING * 60 * self.size.minutes
            await self._strike_until(killing, drawn(luck, FAULTS), every=self.size.every)
            # What a process keeps of the first time that something goes wrong is not a leak: a thread, a
            # module, room for a larger crowd than any before.
            rehearsing = min(REHEARSING, self.size.every)
            await self._strike_until(ends, luck.sample(LIVING, len(LIVING)), every=rehearsing)
            self.gauges.watch_memory()
            await self._strike_until(ends, drawn(luck, LIVING), every=self.size.every)
        self.at_work = "at rest"
        async with asyncio.timeout(self.patience):
            await self._rest()

    async def _strike_until(self, end: float, faults: Iterable[Fault], *, every: float) -> None:
        """One after the other, until they are through or the time is over."""
        for fault in faults:
            if (began := time.monotonic()) >= end:
                return
            self.at_work = fault.name
            say(f"{self.gauges.minute:5.1f} min: {fault.name}")
            try:
                await fault.strike(self)
            except AssertionError as error:
                # What a fault itself expects of the others is a promise, too; the rest goes on.
                self.complaints.append(f"{fault.name}, at {self.gauges.minute:.1f} min: {error}")
            self.at_work = ""
            await self._restart_the_fallen(after=fault.name)
            await asyncio.sleep(max(2.0, min(began + every, end) - time.monotonic()))

    async def _restart_the_fallen(self, *, after: str) -> None:
        """Whoever ended by itself is started again, as a supervisor would, and told of at the end."""
        for name, process in list(self.box.processes.items()):
            if (status := process.poll()) is not None:
                say(f"       {name} ended, status {status}, after {after!r}: {self.box.log(name)[-1500:]}")
        await asyncio.to_thread(self.box.start_what_is_dead)

    async def _watch(self) -> None:
        """A line every ten seconds."""
        while True:
            await asyncio.sleep(EVERY)
            say(await asyncio.to_thread(self.gauges.line))


def drawn(luck: Random, faults: list[Fault]) -> Iterator[Fault]:
    """Any of these, for ever."""
    while True:
        yield luck.choice(faults)


async def soak(size: Size) -> int:
    """Soak, and judge; 1 if a promise was broken."""
    lines = Lines()
    lines.start()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="parkmate-soak-") as name,
            ground(HOME / "faults", also=MANY_OWNERS + INDEX) as prepared,
        ):
            directory = Path(name)
            directory.chmod(0o755)
            async with box_of(SOAK, ground=prepared, lines=lines, directory=directory) as box:
                this = Soak(box, size=size)
                await this.live()
                return await asyncio.to_thread(_judge, this)
    finally:
        lines.close()


def _judge(this: Soak) -> int:
    evidence = this.evidence()
    late = lateness(evidence)
    broken = [*this.complaints, *map(str, judge(evidence))]
    each_second = len(evidence.bookings) / (60 * this.size.minutes)
    say(
        f"{len(evidence.bookings):,} bookings, {each_second:.1f} a second; {len(late):,} timers came to their"
        f" ends, the latest {max(late.values(), default=0):.2f} s late; {len(evidence.notices):,} notices."
    )
    say(_answered(evidence.answers))
    for line in this.gauges.summary(bookings=len(evidence.bookings)):
        say(line)
    say("All promises hold." if not broken else f"{len(broken)} promises are broken:")
    for violation in broken[:40]:
        say(f"  {violation}")
    if not this.gauges.tells_of_memory:
        say("No process was watched for ten minutes: memory is not judged.")
    growing = this.gauges.growing()
    for line in growing:
        say(f"  {line}, which is too much")
    say("The soak does not hold." if broken or growing else "The soak holds.")
    return int(bool(broken or growing))


def _answered(answers: list[Answer]) -> str:
    seconds = quantiles([answer.seconds for answer in answers if answer.status], n=100)
    return (
        f"{len(answers):,} wishes; answered in {seconds[49] * 1000:.0f} ms in the middle,"
        f" {seconds[94] * 1000:.0f} ms for 95 of 100."
    )


def main() -> int:
    """Soak, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--sockets", type=int, default=300)
    parser.add_argument("--rate", type=float, default=20, help="bookings a second, renewals too")
    parser.add_argument("--every", type=float, default=30, help="seconds from one fault to the next")
    parser.add_argument("--seed", type=int, default=1)
    return do(soak(Size(**vars(parser.parse_args()))))


if __name__ == "__main__":
    sys.exit(main())
