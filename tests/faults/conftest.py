"""The matrix's ground, made once; and the table at the end."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.faults.ground import Ground, ground
from tests.faults.lines import Lines
from tests.faults.matrix import MATRIX
from tests.services import HOME

Row = Mapping[str, Any]
NAMES = [fault.name for fault in MATRIX]


@pytest.fixture(scope="session")
def lines() -> Iterator[Lines]:
    """The event loop of the proxies."""
    thread = Lines()
    thread.start()
    yield thread
    thread.close()


@pytest.fixture(scope="session")
def prepared() -> Iterator[Ground]:
    """A PostgreSQL that may be broken."""
    with ground(HOME / "faults") as made:
        yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table: a line for each fault."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    rows = defaultdict(list)
    for report in reports:
        for name, row in report.user_properties:
            if name == "row":
                rows[row["fault"]].append(row)
    if rows:
        terminalreporter.section("faults")
        terminalreporter.write_line(table(rows))


def table(rows: Mapping[str, Sequence[Row]]) -> str:
    """Of each fault: runs, timers, how late the latest came, what was lost and doubled, whether all held."""
    lines = ["| Fault | Runs | Timers | Worst, s | Bound, s | Lost | Doubled | Holds |", "|" + "---|" * 8]
    for fault, found in sorted(rows.items(), key=lambda row: NAMES.index(row[0])):
        runs, timers, lost, doubled = (_sum(found, what) for what in ("runs", "timers", "lost", "doubled"))
        worst, holds = max(row["worst"] for row in found), all(row["holds"] for row in found)
        lines.append(
            f"| {fault} | {runs} | {timers:,} | {worst:.2f} | {found[0]['bound']:g} | {lost} | {doubled}"
            f" | {'yes' if holds else 'no'} |"
        )
    loads = [row["load"] for found in rows.values() for row in found]
    lines.append(f"Load of the machine, of {os.cpu_count()} cores: {min(loads):.1f} to {max(loads):.1f}.")
    return "\n".join(lines)


def _sum(rows: Sequence[Row], what: str) -> int:
    return sum(int(row[what]) for row in rows)
