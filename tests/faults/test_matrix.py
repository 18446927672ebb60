"""Each fault of the matrix, with each seed: lost nothing, doubled nothing, late within its bound."""

import os

import pytest

from tests.faults.box import libfaketime
from tests.faults.matrix import MATRIX
from tests.faults.run import run

SEEDS = range(1, int(os.environ.get("SEEDS", "1")) + 1)

pytestmark = [pytest.mark.faults, pytest.mark.asyncio, pytest.mark.timeout(300)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", MATRIX, ids=lambda fault: fault.name)
async def test_what_was_promised_holds(fault, seed, prepared, lines, results, tmp_path):
    if fault.shape.clocks and libfaketime() is None:
        pytest.skip("libfaketime is not installed (Debian: apt install libfaketime)")
    result = await run(fault, seed=seed, ground=prepared, lines=lines, directory=tmp_path)
    results.append(result)
    if result.violations:
        pytest.fail(result.report(), pytrace=False)
