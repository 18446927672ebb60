"""Write the figures of a run into docs/operations.md: `make test-faults SEEDS=20 | tee log`, then

`python -m tests.faults.publish log`. Only lines of faults that ran are touched. Of a run in parts, with other
faults or other seeds each, give the logs of all parts: the sums, and the worst, of a fault are written.
"""

import sys
from pathlib import Path

from tests.live.box import ROOT

DOCUMENT = ROOT / "docs" / "operations.md"
# Of a printed line: fault, runs, timers, worst, bound, lost, doubled, whether it holds.
PRINTED = 8
# Of a line of the document: fault, what users notice, what ParkMate does, what operators do, five figures.
WRITTEN = 9


def cells(line: str) -> list[str]:
    """What stands in the cells of a table's line; nothing for another line."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []


def figures(printed: str) -> dict[str, list[str]]:
    """Runs, timers, worst, lost and doubled of each fault."""
    found: dict[str, list[list[str]]] = {}
    for line in printed.splitlines():
        row = cells(line)
        if len(row) == PRINTED and row[1].isdigit():
            found.setdefault(row[0], []).append([*row[1:4], *row[5:]])
    return {fault: together(parts) for fault, parts in found.items()}


def together(parts: list[list[str]]) -> list[str]:
    """The sums of the runs, timers, lost and doubled of these parts; and the worst, and whether all held.

    What does not hold says so where it is read first: a number that comes late is neither lost nor doubled.
    """
    runs, timers, worst, lost, doubled, holds = zip(*parts, strict=True)
    sums = [
        f"{sum(int(number.replace(',', '')) for number in row):,}" for row in (runs, timers, lost, doubled)
    ]
    broken = "" if set(holds) == {"yes"} else ", does not hold"
    return [*sums[:2], f"{max(map(float, worst)):.2f}{broken}", *sums[2:]]


def faults(document: str) -> list[str]:
    """The faults that have a line, in their order."""
    rows = [found for line in document.splitlines() if len(found := cells(line)) == WRITTEN]
    return [row[0] for row in rows[2:]]


def written(document: str, found: dict[str, list[str]]) -> str:
    """The document with these figures."""
    lines = document.splitlines()
    for number, line in enumerate(lines):
        row = cells(line)
        if len(row) == WRITTEN and row[0] in found:
            lines[number] = "| " + " | ".join([*row[:4], *found[row[0]]]) + " |"
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    printed = "\n".join(Path(log).read_text() for log in sys.argv[1:])
    DOCUMENT.write_text(written(DOCUMENT.read_text(), figures(printed)))
