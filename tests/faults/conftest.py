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


def pytest_configure(config: pytest.Config) -> None:
    """Where many boxes run for long, each is told of as it ends; by the process that has the terminal."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(config), "progress-of-faults")


class Progress:
    """Tells of each box as it ends: its figures, and what is broken."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A line for each row; and, before the others have ended, the report of one that does not hold."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        for row in rows_of(report):
            reporter.write_line(
                f"  {row['runs']} runs, {row['timers']:,} timers, worst {row['worst']:.2f} s,"
                f" lost {row['lost']}, doubled {row['doubled']}, load {row['load']:.1f}"
            )
            if report.failed:
                reporter.write_line(report.longreprtext)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table: a line for each fault."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    rows = defaultdict(list)
    for report in reports:
        for row in rows_of(report):
            rows[row["fault"]].append(row)
    if rows:
        terminalreporter.section("faults")
        terminalreporter.write_line(table(rows))


def rows_of(report: pytest.TestReport) -> list[Row]:
    """The row that a box has left, once it has run."""
    return [row for name, row in report.user_properties if name == "row" and report.when == "call"]


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
