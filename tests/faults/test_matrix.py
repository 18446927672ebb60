"""Each fault of the matrix, with each seed: lost nothing, doubled nothing, late within its bound."""

import os

import pytest

from tests.faults.box import libfaketime
from tests.faults.fault import seeds_named
from tests.faults.matrix import MATRIX
from tests.faults.run import run

# So many times a fault is done to one box, one after the other.
IN_ONE_BOX = 20


def boxes(asked):
    """`20` or `3-7`: the seeds, in parts for a box each."""
    first, _, last = asked.rpartition("-")
    seeds = range(int(first or 1), int(last) + 1)
    return [seeds[n : n + IN_ONE_BOX] for n in range(0, len(seeds), IN_ONE_BOX)]


SEEDS = boxes(os.environ.get("SEEDS", "1"))


def named(words):
    """The faults whose name has these words in it."""
    found = [fault for fault in MATRIX if words.casefold() in fault.name.casefold()]
    if not found:
        names = "\n  ".join(fault.name for fault in MATRIX)
        raise pytest.UsageError(f"No fault has {words!r} in its name. These there are:\n  {names}")
    return found


FAULTS = named(os.environ.get("ONLY", ""))

pytestmark = [pytest.mark.faults, pytest.mark.asyncio, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("seeds", SEEDS, ids=seeds_named)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_what_was_promised_holds(fault, seeds, prepared, lines, record_property, tmp_path):
    if fault.shape.clocks and libfaketime() is None:
        pytest.skip("libfaketime is not installed (Debian: apt install libfaketime)")
    result = await run(fault, seeds=seeds, ground=prepared, lines=lines, directory=tmp_path)
    record_property("row", result.row())
    if result.violations:
        pytest.fail(result.report(), pytrace=False)
