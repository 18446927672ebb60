"""What was measured and saved: `docs/benchmarks/<name>.json`, one file for each measurement."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SAVED = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"

Result = Mapping[str, Any]


def read(name: str) -> Result:
    """What was saved of a measurement."""
    found: Result = json.loads((SAVED / f"{name}.json").read_text())
    return found


def saved() -> list[Result]:
    """All that was saved, by name."""
    return [read(file.stem) for file in sorted(SAVED.glob("*.json"))]
