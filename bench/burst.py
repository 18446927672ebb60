"""How late is the last of many bookings that all end in the same second?

ParkMate (a timer is a row, one alarm fires all that is due) and its peers, in turns, on the same PostgreSQL
and Valkey, with everybody's socket open: seconds from due to the last commit, by PostgreSQL's own record of
it, and to the last frame.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import Any

from bench.harness import Machine
from bench.report import brief, table, typical
from bench.stage import Plan, Played, Stage, in_turns, quiet, say
from bench.ways import CELERY_ETA, PARKMATE, WAYS

# django-celery-beat goes through all its rows again and again: thousands are not what it is for.
USUAL = [name for name in WAYS if name != "beat_once"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--bookings", type=int, default=5000, help="how many (default: 5000)")
    parser.add_argument("--sockets", type=int, default=2000, help="of as many drivers (default: 2000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is measured (default: 3)")
    parser.add_argument("--spread", action="store_true", help="due evenly over a second, not all at once")
    parser.add_argument("--lead", type=float, help="seconds to prepare a round (default: by --bookings)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=USUAL, metavar="WAY")
    parser.add_argument(
        "--plain-reconnects",
        action="store_true",
        help="the ETA tasks' worker opens a database connection for every task, as Celery does by default",
    )


def measure(here: Machine, options: argparse.Namespace) -> dict[str, Any]:
    """All rounds, in turns."""
    if options.plain_reconnects:
        os.environ["BENCH_PLAIN_RECONNECTS"] = "1"
    ways = [WAYS[name] for name in options.ways]
    stage = Stage(here, slots=options.bookings, drivers=options.sockets)
    for way in ways:
        way.prepare()
    rounds: dict[str, list[Played]] = {way.name: [] for way in ways}
    # Alarms are set at most 120 s ahead: ALARM_HORIZON_SECONDS.
    lead = options.lead or min(110.0, 15 + options.bookings / 200)
    plan = Plan(options.bookings, spread=float(options.spread), lead=lead)
    for number in range(1, options.rounds + 1):
        for way in in_turns(ways, number):
            rounds[way.name].append(played := stage.play(way, plan))
            say(way, number, played)
    ours = rounds.get(PARKMATE.name, [])
    return {
        "bookings": options.bookings,
        "sockets": options.sockets,
        "rounds": options.rounds,
        "spread": options.spread,
        "ways": {way.name: summary(rounds[way.name]) for way in ways},
        "broken": not all(one.exact and not one.early for one in ours),
        "quiet": quiet([played for one in rounds.values() for played in one]),
    }


def summary(rounds: Sequence[Played]) -> dict[str, Any]:
    """The medians of one way's rounds, in seconds."""
    return {
        "exact": all(one.exact for one in rounds),
        "early": sum(one.early for one in rounds),
        "lost": sum(one.lost for one in rounds),
        "commit_p50": typical([one.commit(0.5) for one in rounds]),
        "commit_last": typical([one.commit(1) for one in rounds]),
        "frame_p50": typical([one.frame(0.5) for one in rounds]),
        "frame_last": typical([one.frame(1) for one in rounds]),
    }


def report(result: Mapping[str, Any]) -> str:
    """The table, and what follows from it."""
    ours = result["ways"].get(PARKMATE.name)
    rows = []
    for name, one in result["ways"].items():
        times = one["commit_last"] / ours["commit_last"] if ours and one["commit_last"] else None
        rows.append(
            {
                "way": WAYS[name].title,
                "half committed": brief(one["commit_p50"]),
                "the last": brief(one["commit_last"]),
                "half heard": brief(one["frame_p50"]),
                "the last ": brief(one["frame_last"]),
                "as late as ParkMate": f"{times:.1f} times" if times else "-",
                "early": one["early"],
                "once each": "yes" if one["exact"] else "NO",
            }
        )
    due = "evenly over a second" if result["spread"] else "at once"
    words = [f"{result['bookings']:,} bookings due {due}, {result['sockets']:,} sockets\n", table(rows)]
    if ours and CELERY_ETA.name in result["ways"]:
        ratio = result["ways"][CELERY_ETA.name]["commit_last"] / ours["commit_last"]
        words.append(f"\nThe last commit comes {ratio:.0f} times sooner than with one ETA task each.")
    return "\n".join([*words, result["quiet"]]).strip()
