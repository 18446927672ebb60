"""The matrix's ground, made once; its seeds; and the table at the end."""

import os
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.faults.fault import Result
from tests.faults.ground import Ground, ground
from tests.faults.lines import Lines
from tests.services import HOME

RESULTS: pytest.StashKey[list[Result]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RESULTS] = []


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


@pytest.fixture
def results(request: pytest.FixtureRequest) -> list[Result]:
    """Where a run leaves what it has shown, for the table."""
    return request.config.stash[RESULTS]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table: a line for each fault."""
    rows = defaultdict(list)
    for result in config.stash[RESULTS]:
        rows[result.fault.name].append(result)
    if not rows:
        return
    terminalreporter.section("faults")
    terminalreporter.write_line(table(rows))


def table(rows: dict[str, list[Result]]) -> str:
    """Of each fault: runs, timers, how late the latest came, what was lost and doubled, whether all held."""
    lines = ["| Fault | Runs | Timers | Worst, s | Bound, s | Lost | Doubled | Holds |", "|" + "---|" * 8]
    for name, results in rows.items():
        lost, doubled = (sum(result.count(kind) for result in results) for kind in ("lost", "doubled"))
        lines.append(
            f"| {name} | {len(results)} | {sum(result.timers for result in results)}"
            f" | {max(result.worst for result in results):.2f} | {results[0].fault.bound:g}"
            f" | {lost} | {doubled} | {'no' if any(result.violations for result in results) else 'yes'} |"
        )
    loads = [result.load for results in rows.values() for result in results]
    lines.append(f"Load of the machine, of {os.cpu_count()} cores: {min(loads):.1f} to {max(loads):.1f}.")
    return "\n".join(lines)
