"""A fault as data, and what one run of it has shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.faults.box import Shape
from tests.faults.judge import Violation

if TYPE_CHECKING:
    from tests.faults.run import Run

PEOPLE = 6
BOX = Shape()


@dataclass(frozen=True)
class Fault:
    """A row of the matrix: what is done (`strike`) to a box of this shape, and what is promised all the same.

    `bound`: lateness in seconds, from the due time, or from the end of an outage that `strike` has noted.
    `typical`: the same for 99 of 100 timers. `may_say`: what a traceback may be about.
    `rehearsed`: it strikes once before it is measured what the box takes: room kept for a crowd is no leak.
    """

    name: str
    strike: Callable[[Run], Awaitable[None]]
    bound: float = 3.0
    shape: Shape = BOX
    typical: float | None = None
    may_say: tuple[str, ...] = ()
    may_park: int = 0
    people: int = PEOPLE
    rehearsed: bool = False


@dataclass
class Result:
    """What a box has shown."""

    fault: Fault
    seeds: Sequence[int]
    timers: int
    worst: float
    violations: list[Violation]
    timeline: list[tuple[float, str]] = field(default_factory=list)
    load: float = 0.0

    def count(self, kind: str) -> int:
        """How much was `lost` or `doubled`."""
        return sum(violation.kind == kind for violation in self.violations)

    def row(self) -> dict[str, Any]:
        """What of it goes into the table."""
        return {
            "fault": self.fault.name,
            "runs": len(self.seeds),
            "timers": self.timers,
            "worst": self.worst,
            "bound": self.fault.bound,
            "lost": self.count("lost"),
            "doubled": self.count("doubled"),
            "holds": not self.violations,
            "load": self.load,
        }

    def report(self) -> str:
        """What to print of a failure: the seed, the timeline, and what is broken."""
        numbers = Counter(violation.number for violation in self.violations)
        return "\n".join(
            [
                f"{self.fault.name}, SEEDS={seeds_named(self.seeds)}, load of the machine {self.load:.1f}:",
                *(f"  {moment:7.2f} s  {what}" for moment, what in self.timeline),
                f"broken: {', '.join(f'({number}) {n} times' for number, n in sorted(numbers.items()))}",
                *(f"  {violation}" for violation in self.violations[:20]),
                f"  and {len(self.violations) - 20} more" if len(self.violations) > 20 else "",
            ]
        )


def seeds_named(seeds: Sequence[int]) -> str:
    """These seeds as `SEEDS=` takes them."""
    return f"{seeds[0]}-{seeds[-1]}"
