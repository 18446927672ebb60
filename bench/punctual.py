"""How late is a timer on a quiet system, and is it still there when its worker was killed?

Timers of bookings that end one after the other: seconds from due to the commit, by PostgreSQL's own record of
it, and to the frame on the driver's open socket. Then, for each way, all its processes are killed (`kill -9`)
while many are due, and started again at once: does each still happen? (A queue that delivers a dead worker's
messages again only after a time is given a short one for that.)
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import Any

from bench.harness import Machine
from bench.report import brief, progress, table, typical
from bench.stage import Plan, Played, Stage, in_turns, quiet, say
from bench.ways import CELERY_ETA, PARKMATE, REDELIVER, WAYS, Way

DRIVERS = 200
# In the trial the timers are due over so many seconds, and in the middle of it the processes die.
DYING = 1.0
# How long a timer is waited for, in seconds.
PATIENCE = 120.0
# In the trial a dead worker's messages are delivered again after so many seconds. It must be longer than they
# wait to be due, or they are delivered twice.
REDELIVERED = 30


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--timers", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--seconds", type=float, default=60, help="… over this long (default: 60)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is measured (default: 3)")
    parser.add_argument("--killed", type=int, default=200, help="timers of the trial by kill -9; 0: no trial")
    parser.add_argument("--lead", type=float, help="seconds to prepare a round (default: by --timers)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY")


def plan(way: Way, options: argparse.Namespace) -> Plan:
    """Fewer for django-celery-beat: it goes through all its rows again and again."""
    count = options.timers // 10 if way.name == "beat_once" else options.timers
    return Plan(count, spread=options.seconds, lead=options.lead or 15 + count / 100, patience=PATIENCE)


def measure(here: Machine, options: argparse.Namespace) -> dict[str, Any]:
    """All rounds, in turns, and the trial."""
    ways = [WAYS[name] for name in options.ways]
    stage = Stage(here, slots=max(options.timers, options.killed, 1), drivers=DRIVERS)
    for way in ways:
        way.prepare()
    rounds: dict[str, list[Played]] = {way.name: [] for way in ways}
    for number in range(1, options.rounds + 1):
        for way in in_turns(ways, number):
            rounds[way.name].append(played := stage.play(way, plan(way, options)))
            say(way, number, played)
    killed: dict[str, Played] = {}
    os.environ[REDELIVER] = str(REDELIVERED)
    for way in ways if options.killed else ():
        dying = Plan(
            options.killed,
            spread=DYING,
            lead=options.lead or 15 + options.killed / 100,
            patience=PATIENCE,
            killed=DYING / 2,
        )
        killed[way.name] = played = stage.play(way, dying)
        progress(f"killed, {way.title}: {kept(played)}")
    return {
        "ways": {way.name: summary(rounds[way.name], killed.get(way.name)) for way in ways},
        "seconds": options.seconds,
        "rounds": options.rounds,
        "broken": broken(rounds.get(PARKMATE.name, []), killed.get(PARKMATE.name)),
        "quiet": quiet([played for one in rounds.values() for played in one]),
    }


def broken(rounds: Sequence[Played], killed: Played | None) -> bool:
    """Whether a promise was: all once, none early, and all told once also when the processes were killed."""
    kept = killed is None or (killed.bookings == killed.told_once and not killed.lost and not killed.early)
    return not kept or any(one.early or not one.exact for one in rounds)


def summary(rounds: Sequence[Played], killed: Played | None) -> dict[str, Any]:
    """The medians of one way's rounds, in seconds."""
    return {
        "timers": rounds[0].bookings,
        "exact": all(one.exact for one in rounds),
        "early": sum(one.early for one in rounds),
        "commit_p50": typical([one.commit(0.5) for one in rounds]),
        "commit_p99": typical([one.commit(0.99) for one in rounds]),
        "commit_last": typical([one.commit(1) for one in rounds]),
        "frame_p50": typical([one.frame(0.5) for one in rounds]),
        "frame_p99": typical([one.frame(0.99) for one in rounds]),
        "killed": killed and {"timers": killed.bookings, "lost": killed.lost, "last": killed.commit(1)},
        "survives": killed and killed.lost == 0,
    }


def kept(played: Played) -> str:
    """What became of the timers whose processes were killed."""
    if played.lost:
        return f"no: {played.lost} of {played.bookings} had not happened {PATIENCE:.0f} s later"
    return f"yes, the last after {brief(played.commit(1))}"


def report(result: Mapping[str, Any]) -> str:
    """The table, and what follows from it."""
    rows = []
    for name, one in result["ways"].items():
        killed = one["killed"]
        survives = "not tried"
        if killed:
            lost = f"no: {killed['lost']} of {killed['timers']} not within {PATIENCE:.0f} s"
            survives = lost if killed["lost"] else f"yes, the last after {brief(killed['last'])}"
        rows.append(
            {
                "way": WAYS[name].title,
                "timers": one["timers"],
                "committed p50": brief(one["commit_p50"]),
                "p99": brief(one["commit_p99"]),
                "last": brief(one["commit_last"]),
                "heard p50": brief(one["frame_p50"]),
                "p99 ": brief(one["frame_p99"]),
                "early": one["early"],
                "once each": "yes" if one["exact"] else "NO",
                "survives kill -9": survives,
            }
        )
    return "\n".join([table(rows), *verdict(result["ways"]), result["quiet"]]).strip()


def verdict(ways: Mapping[str, Any]) -> list[str]:
    """ParkMate beside the plain way, and beside those whose timers survive, in sentences."""
    if PARKMATE.name not in ways:
        return []
    ours = ways[PARKMATE.name]["commit_p99"]
    sentences = ["", f"ParkMate, 99 of 100 committed within {brief(ours)}."]
    if CELERY_ETA.name in ways:
        sentences.append(f"One ETA task each: {brief(ways[CELERY_ETA.name]['commit_p99'])}.")
    for name, one in ways.items():
        if one["survives"] and name != PARKMATE.name and one["commit_p99"]:
            sentences.append(
                f"{WAYS[name].title}, which survives: {brief(one['commit_p99'])},"
                f" {one['commit_p99'] / ours:.1f} times as late."
            )
    return sentences
