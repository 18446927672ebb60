"""The same box around ParkMate and around the plain way: what each has lost, doubled and done late.

`make test-faults PLAIN=1`, or `python -m tests.faults.compare --only Valkey --seed 3`. Prints each run as it
ends, and the table; ends whatever it has started, also on Ctrl-C.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import psycopg

from tests.faults.alone import do, say  # isort: skip - it sets up Django

from tests.faults.box import FaultBox
from tests.faults.evidence import rows
from tests.faults.fault import Fault
from tests.faults.ground import Ground, ground
from tests.faults.lines import Lines
from tests.faults.matrix import MATRIX
from tests.faults.plain.run import (
    CAREFUL,
    TUTORIAL,
    CarefulBox,
    PlainBox,
    PlainRun,
    TellingRun,
    TellingScreen,
    plainly,
)
from tests.faults.plain.tally import WITNESS, Tally, tally
from tests.faults.run import Run, box_of
from tests.services import HOME

FAULTS = (
    "nothing breaks",
    "worker's main process killed",
    "worker with its children killed",
    "all workers away",
    "worker frozen past the visibility timeout",
    "web killed at any moment",
    "everything killed",
    "Valkey killed, back with data",
    "Valkey killed, back empty",
    "Valkey flushed",
    "Valkey frozen",
    "PostgreSQL's connections cut",
    "PostgreSQL restarted at once",
    "2,000 due at once",
)
# One box after the other: to start all processes at once would take too long for any of them.
STARTING = asyncio.Lock()
APART = ("2,000 due at once",)
WAYS: dict[str, tuple[type[Run], type[FaultBox]]] = {
    "ParkMate": (TellingRun, FaultBox),
    TUTORIAL.name: (PlainRun, PlainBox),
    CAREFUL.name: (PlainRun, CarefulBox),
}


async def tell(way: str, fault: Fault, *, seed: int, ground: Ground, lines: Lines) -> Tally:
    """Do a fault to a box of this way, and count."""
    run_of, kind = WAYS[way]
    fault = fault if run_of is TellingRun else plainly(fault)
    with tempfile.TemporaryDirectory(prefix="parkmate-faults-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        async with AsyncExitStack() as stack:
            async with STARTING:
                box = await stack.enter_async_context(
                    box_of(fault, ground=ground, lines=lines, directory=directory, kind=kind)
                )
            run = run_of(fault, box=box, seeds=[seed])
            await run.live()
            sums = await asyncio.to_thread(count, run)
    say(f"{fault.name}, {way}: {sums}")
    for wrong in sums.wrong[:3]:
        say(f"    {wrong}")
    return sums


def count(run: Run) -> Tally:
    """What a run that is at rest has owed, done and told."""
    with psycopg.connect(run.box.database) as connection:
        found = rows(connection)
    return tally(
        bookings=found["bookings"],
        history=found["history"],
        screens={screen.user_id: screen.told for screen in run.screens if isinstance(screen, TellingScreen)},
        outages=run.outages,
    )


async def compare(faults: Sequence[Fault], *, ways: Sequence[str], seed: int) -> int:
    """Run and print the table, in Markdown."""
    with ExitStack() as stack:
        lines = Lines()
        lines.start()
        stack.callback(lines.close)
        grounds = {
            way: stack.enter_context(ground(HOME / f"faults{n}", also=WITNESS)) for n, way in enumerate(ways)
        }
        made, loads = {}, []
        for fault in faults:
            asked = [tell(way, fault, seed=seed, ground=grounds[way], lines=lines) for way in ways]
            # Side by side, so that what else the machine does is the same for all; but not if it is all work.
            if fault.name in APART:
                made[fault.name] = [await one for one in asked]
            else:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(one) for one in asked]
                made[fault.name] = [task.result() for task in tasks]
            loads.append(os.getloadavg()[0])
    say(table(made, ways=ways))
    say(f"Seed {seed}. Load of the machine, of {os.cpu_count()} cores: {min(loads):.1f} to {max(loads):.1f}.")
    return 0


def table(made: Mapping[str, Sequence[Tally]], *, ways: Sequence[str]) -> str:
    """A line for each fault, a column for each way."""
    head = [f"| Fault | {' | '.join(ways)} |", "|" + "---|" * (len(ways) + 1)]
    return "\n".join([*head, *(f"| {name} | {' | '.join(map(str, sums))} |" for name, sums in made.items())])


def main() -> int:
    """Compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="the faults with these words in their names")
    parser.add_argument("--way", choices=WAYS, action="append", help="this one, or several; all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    named = {fault.name: fault for fault in MATRIX}
    faults = [named[name] for name in FAULTS if options.only.casefold() in name.casefold()]
    if not faults:
        parser.error(f"No fault has {options.only!r} in its name. These there are: {', '.join(FAULTS)}.")
    say("Of each run: what was owed: not done / not told / told too often / the latest, in seconds")
    return do(compare(faults, ways=options.way or list(WAYS), seed=options.seed))


if __name__ == "__main__":
    sys.exit(main())
