"""Does each of many bookings that end at once cost as much as each of a few?

ParkMate alone, at growing size. (What armed timers and open sockets cost at growing size, `armed` and
`sockets` tell.)
"""

import argparse
from collections.abc import Mapping
from typing import Any

from bench.harness import Machine
from bench.report import median, progress, table
from bench.stage import Plan, Stage
from bench.ways import PARKMATE


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--bookings", type=int, nargs="+", default=[1000, 2000, 5000, 10_000, 20_000])
    parser.add_argument("--sockets", type=int, default=2000, help="of as many drivers (default: 2000)")
    parser.add_argument("--lead", type=float, help="seconds to prepare a round (default: by --bookings)")
    parser.add_argument("--rounds", type=int, default=3)


def measure(here: Machine, options: argparse.Namespace) -> dict[str, Any]:
    """Each size, some times."""
    stage = Stage(here, slots=max(options.bookings), drivers=options.sockets)
    sizes = []
    for count in options.bookings:
        # Alarms are set at most 120 s ahead: ALARM_HORIZON_SECONDS.
        plan = Plan(count, lead=options.lead or min(110.0, 15 + count / 200))
        played = [stage.play(PARKMATE, plan) for _ in range(options.rounds)]
        commit, frame = (
            median([late for one in played if (late := of(one)) is not None])
            for of in (lambda one: one.commit(1), lambda one: one.frame(1))
        )
        sizes.append(
            {
                "bookings": count,
                "commit_last": round(commit, 3),
                "frame_last": round(frame, 3),
                "exact": all(one.exact for one in played),
            }
        )
        progress(f"{count:,} at once: last committed after {commit:.2f} s, heard after {frame:.2f} s")
    return {
        "sockets": options.sockets,
        "sizes": sizes,
        "broken": not all(size["exact"] for size in sizes),
    }


def report(result: Mapping[str, Any]) -> str:
    """The table: the cost of one."""
    return table(
        [
            {
                "bookings at once": f"{one['bookings']:,}",
                "last committed": f"{one['commit_last']:.2f} s",
                "for each": f"{one['commit_last'] / one['bookings'] * 1e6:.0f} µs",
                "last heard": f"{one['frame_last']:.2f} s",
                "for each ": f"{one['frame_last'] / one['bookings'] * 1e6:.0f} µs",
                "once each": "yes" if one["exact"] else "NO",
            }
            for one in result["sizes"]
        ]
    )
