"""How a measurement speaks: progress while it runs, then a table and one line of JSON."""

import json
import math
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

_begun = time.monotonic()


def progress(words: str) -> None:
    """Say what is done now, and since when."""
    print(f"{time.monotonic() - _begun:7.1f} s  {words}", file=sys.stderr, flush=True)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """These rows as a table that can stand in a document; the first row's keys are the heads."""
    return tabulate(
        [list(row.values()) for row in rows], list(rows[0]), tablefmt="pipe", disable_numparse=True
    )


def line(name: str, result: Mapping[str, Any]) -> str:
    """The result as one line of JSON."""
    return json.dumps({"bench": name, **result}, separators=(",", ":"))


def at(share: float, values: Sequence[float]) -> float:
    """The value that at least this share of all did not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def median(values: Sequence[float]) -> float:
    """Their median."""
    return statistics.median(values)


def typical(values: Sequence[float | None]) -> float | None:
    """The median of those that there are, in seconds to a tenth of a millisecond; None if there is none."""
    found = [value for value in values if value is not None]
    return round(median(found), 4) if found else None


def brief(seconds: float | None) -> str:
    """A duration as people read it: `12 ms`, `3.4 s`, `31 s`; a dash for none."""
    if seconds is None:
        return "-"
    if abs(seconds) < 1:
        return f"{seconds * 1000:.1f} ms" if abs(seconds) < 0.1 else f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
