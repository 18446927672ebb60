"""Every fault of the matrix has its line in the operators' document, in the matrix's order."""

from tests.faults.matrix import MATRIX
from tests.faults.publish import DOCUMENT, faults, figures, written

LOG = """
| Fault | Runs | Timers | Worst, s | Bound, s | Lost | Doubled | Holds |
|---|---|---|---|---|---|---|---|
| Valkey flushed | 20 | 1,800 | 0.61 | 3 | 0 | 0 | yes |
"""


def test_every_fault_has_its_line_in_the_document():
    assert faults(DOCUMENT.read_text()) == [fault.name for fault in MATRIX]


def test_figures_are_written_into_their_line_and_no_other():
    before = DOCUMENT.read_text().splitlines()
    after = written(DOCUMENT.read_text(), figures(LOG)).splitlines()
    (changed,) = [new for old, new in zip(before, after, strict=True) if old != new]
    assert changed.startswith("| Valkey flushed | ")
    assert changed.endswith("| 20 | 1,800 | 0.61 | 0 | 0 |")


def test_a_run_in_parts_is_summed_up_and_shows_its_worst():
    other = LOG.replace("| 20 | 1,800 | 0.61 | 3 | 0 | 0 |", "| 5 | 300 | 0.40 | 3 | 1 | 2 |")
    assert figures(LOG + other) == {"Valkey flushed": ["25", "2,100", "0.61", "1", "2"]}


def test_a_row_that_did_not_hold_says_so():
    broken = LOG.replace("| yes |", "| no |")
    assert figures(LOG + broken) == {"Valkey flushed": ["40", "3,600", "0.61, does not hold", "0", "0"]}
