"""Is the cost of one the same, however many there are? Bookings that end at once, armed timers, open sockets.

ParkMate alone, at growing sizes. What is flat costs as much for the last as for the first.
"""

import argparse
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from bench import armed, sockets
from bench.harness import Machine
from bench.report import median, progress, table
from bench.stage import Plan, Stage
from bench.ways import PARKMATE


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--bursts", type=int, nargs="+", default=[1000, 2000, 5000, 10_000, 20_000])
    parser.add_argument("--timers", type=int, nargs="+", default=[0, 1000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--sockets", type=int, nargs="+", default=[1000, 2000, 5000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)


def measure(here: Machine, options: argparse.Namespace) -> dict[str, Any]:
    """Each size of each."""
    stage = Stage(here, slots=max(options.bursts), drivers=2000)
    bursts = []
    for count in options.bursts:
        plan = Plan(count, lead=min(110.0, 15 + count / 400))
        played = [stage.play(PARKMATE, plan) for _ in range(options.rounds)]
        commit, frame = (
            median([one.commit(1) or 0 for one in played]),
            median([one.frame(1) or 0 for one in played]),
        )
        bursts.append(
            {
                "bookings": count,
                "commit_last": round(commit, 3),
                "frame_last": round(frame, 3),
                "exact": all(one.exact for one in played),
            }
        )
        progress(f"{count:,} at once: last committed after {commit:.2f} s, heard after {frame:.2f} s")
    here.end_processes()
    of_timers = Namespace(timers=options.timers, peers_most=0, ways=[PARKMATE.name])
    of_sockets = Namespace(
        sockets=options.sockets, frames=20_000, rounds=options.rounds, servers=[PARKMATE.name]
    )
    return {
        "bursts": bursts,
        "timers": armed.measure(here, of_timers)["ways"][PARKMATE.name],
        "sockets": sockets.measure(here, of_sockets)["servers"][PARKMATE.name],
    }


def report(result: Mapping[str, Any]) -> str:
    """Three tables: the cost of one."""
    bursts = [
        {
            "bookings at once": f"{one['bookings']:,}",
            "last committed": f"{one['commit_last']:.2f} s",
            "for each": f"{one['commit_last'] / one['bookings'] * 1e6:.0f} µs",
            "last heard": f"{one['frame_last']:.2f} s",
            "for each ": f"{one['frame_last'] / one['bookings'] * 1e6:.0f} µs",
            "once each": "yes" if one["exact"] else "NO",
        }
        for one in result["bursts"]
    ]
    timers = armed.report({"ways": {PARKMATE.name: result["timers"]}})
    return "\n\n".join(
        [table(bursts), timers, sockets.report({"servers": {PARKMATE.name: result["sockets"]}})]
    )
