"""The database restored from an earlier copy, as docs/operations.md says it is done."""

import asyncio
import subprocess
import sys
import time

from tests.faults.evidence import Outage
from tests.faults.run import Run
from tests.live.box import ROOT

# How long people go on after the copy: all that is lost, in seconds.
LATER = 4.0


_LEAVE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"


async def restored(run: Run) -> None:
    """A copy is made, people go on, everything is stopped, and the copy takes the database's place.

    What was answered in between is lost, as it must be; nothing else is.
    """
    copy = f"{run.box.database_name}_copy"
    answered = {id(answer) for answer in run.traffic.answers if answer.status is not None}
    # What came due since then comes due anew.
    outage = Outage(time.time())
    await _copy(run, copy)
    await asyncio.sleep(LATER)
    run.outages.append(outage)
    await asyncio.gather(*(asyncio.to_thread(run.box.end, name) for name in list(run.box.processes)))
    before = len(run.traffic.answers)
    run.traffic.answers[:] = [
        answer for answer in run.traffic.answers if answer.status is None or id(answer) in answered
    ]
    run.box.note(f"everything is stopped; {before - len(run.traffic.answers)} answers are forgotten")
    await asyncio.to_thread(_replace, run, copy)
    await asyncio.to_thread(run.box.start)
    outage.until = time.time()


async def _copy(run: Run, copy: str) -> None:
    """A database is copied while nobody is in it: for a moment it is not reached."""
    for line in run.box.database_lines.values():
        line.refuse()
        line.reset()
    try:
        name = run.box.database_name
        # Whoever watches the box as well; PostgreSQL waits five seconds for them.
        await asyncio.to_thread(run.box.ground.administer, _LEAVE.format(name=name))
        await asyncio.to_thread(run.box.ground.administer, f"CREATE DATABASE {copy} TEMPLATE {name}")
    finally:
        for line in run.box.database_lines.values():
            line.heal()
    run.box.note("the database is copied")


def _replace(run: Run, copy: str) -> None:
    name, administer = run.box.database_name, run.box.ground.administer
    administer(f"DROP DATABASE {name} WITH (FORCE)")
    administer(f"ALTER DATABASE {copy} RENAME TO {name}")
    command = [sys.executable, "manage.py", "restored"]
    said = subprocess.run(command, cwd=ROOT, env=run.box.environment, stdout=subprocess.PIPE, check=True)
    run.box.note(f"the copy is the database now: {said.stdout.decode().strip()}")
