"""`python -m bench.document`: puts what was saved (`python -m bench --save`) into docs/benchmarks.md.

Each measurement's tables stand between two comments with its name, and its chart beside the document.
"""

import argparse
import importlib
import re
import sys
from collections.abc import Callable, Mapping

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.behind import behind
from bench.saved import SAVED, Result, read, saved
from bench.ways import WAYS

DOCUMENT = SAVED.with_suffix(".md")

OURS, THEIRS = "#0b7a4b", "#8a94a3"
matplotlib.rcParams.update(
    {
        # Text stays text, and the same numbers give the same file.
        "svg.fonttype": "none",
        "svg.hashsalt": "parkmate",
        "font.family": "sans-serif",
        "font.size": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)


def save(figure: Figure, name: str) -> None:
    """Write one chart."""
    figure.savefig(SAVED / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")


def sideways(axes: Axes, values: Mapping[str, float], words: Callable[[float], str], title: str) -> None:
    """One bar for each name on a logarithmic scale, ParkMate's in colour, its value written beside it."""
    names = list(values)[::-1]
    bars = axes.barh(
        names,
        [values[name] for name in names],
        color=[OURS if name == "ParkMate" else THEIRS for name in names],
    )
    axes.bar_label(bars, [words(values[name]) for name in names], padding=4)
    axes.set_xscale("log")
    axes.margins(x=0.25)
    axes.tick_params(axis="y", length=0)
    axes.set_title(title, loc="left")
    axes.xaxis.set_visible(False)
    axes.spines.bottom.set_visible(False)


def seconds(value: float) -> str:
    """A duration, short."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def punctual(result: Result) -> None:
    """Who is how late."""
    figure = Figure(figsize=(8, 3.4))
    late = {WAYS[name].title: one["commit_p99"] for name, one in result["ways"].items() if one["commit_p99"]}
    sideways(figure.subplots(), late, seconds, "99 of 100 timers were committed within …")
    save(figure, "punctual")


def burst(result: Result) -> None:
    """Who is done when."""
    figure = Figure(figsize=(8, 3.2))
    last = {
        WAYS[name].title: one["commit_last"] for name, one in result["ways"].items() if one["commit_last"]
    }
    sideways(
        figure.subplots(),
        last,
        seconds,
        f"{result['bookings']:,} bookings end at once: the last is committed after …",
    )
    save(figure, "burst")


def armed(result: Result) -> None:
    """What waiting timers cost."""
    figure = Figure(figsize=(8, 3.6))
    axes = figure.subplots()
    for name, sizes in result["ways"].items():
        some = [one for one in sizes if one["timers"]]
        axes.plot(
            [one["timers"] for one in some],
            [one["all_mb"] + one["broker_mb"] for one in some],
            marker="o",
            label=WAYS[name].title,
            color=OURS if name == "parkmate" else None,
            linewidth=2.5 if name == "parkmate" else 1.2,
        )
    axes.set(xscale="log", yscale="log", xlabel="armed timers")
    axes.set_title("Memory of all its processes and the broker, MB", loc="left")
    axes.legend(frameon=False)
    save(figure, "armed")


def sockets(result: Result) -> None:
    """What a frame costs."""
    from bench.sockets import SERVERS

    figure = Figure(figsize=(8, 3.2))
    axes = figure.subplots()
    for name, sizes in result["servers"].items():
        some = [one for one in sizes if "failed" not in one]
        axes.plot(
            [one["sockets"] for one in some],
            [1e6 / one["microseconds"] for one in some],
            marker="o",
            label=SERVERS[name].title,
            color=OURS if name == "parkmate" else None,
            linewidth=2.5 if name == "parkmate" else 1.2,
        )
    axes.set(xlabel="open sockets", ylim=0)
    axes.set_title("Frames a second that one web process's core is good for", loc="left")
    axes.legend(frameon=False)
    save(figure, "sockets")


def grow(result: Result) -> None:
    """Is it flat? What armed timers and open sockets cost, was measured with those of the peers."""
    figure = Figure(figsize=(9, 3))
    left, middle, right = figure.subplots(1, 3)
    sizes = result["sizes"]
    each = [one["commit_last"] / one["bookings"] * 1e6 for one in sizes]
    flat(left, [one["bookings"] for one in sizes], each, "µs for each booking\nthat ends at once")
    timers = [one for one in read("armed")["ways"]["parkmate"] if one["timers"]]
    costs = [one["arm_ms"] for one in timers]
    flat(middle, [one["timers"] for one in timers], costs, "ms to arm one more\nbeside so many")
    held = [one for one in read("sockets")["servers"]["parkmate"] if "failed" not in one]
    flat(
        right,
        [one["sockets"] for one in held],
        [one["kilobytes"] for one in held],
        "kB for each\nopen socket",
    )
    figure.tight_layout()
    save(figure, "grow")


def flat(axes: Axes, sizes: list[int], costs: list[float], title: str) -> None:
    """The cost of one, at growing size."""
    axes.plot(sizes, costs, marker="o", color=OURS)
    axes.set_title(title, loc="left")
    axes.set_xscale("log")
    axes.set_ylim(0, 1.3 * max(costs))


CHARTS: dict[str, Callable[[Result], None]] = {
    chart.__name__: chart for chart in (punctual, burst, armed, sockets, grow)
}


def goals() -> str:
    """What was to be reached, and what was measured."""
    rows = [*of_timers(), *of_sockets()]
    lines = [
        f"| {what} | {goal} | {value} | {'yes' if reached else 'no'} |" for what, goal, value, reached in rows
    ]
    return "\n".join(["| | Goal | Measured | Reached |", "|---|---|---|---|", *lines, ""])


# What, the goal and the value in words, and whether it is reached.
Goal = tuple[str, str, str, bool]


def at_most(what: str, goal: float, value: float) -> Goal:
    """A duration in seconds that is not to be longer."""
    return what, seconds(goal), seconds(value), value <= goal


def of_timers() -> list[Goal]:
    """On a quiet system, all at once, and armed."""
    ours, ways = read("punctual")["ways"]["parkmate"], read("burst")["ways"]
    ten = next(one for one in read("grow")["sizes"] if one["bookings"] == 10_000)
    none, *_, most = read("armed")["ways"]["parkmate"]
    times = ways["celery_eta"]["commit_last"] / ways["parkmate"]["commit_last"]
    bigger = most["worker_mb"] / none["worker_mb"] - 1
    return [
        at_most("A timer on a quiet system, due → committed: p50", 0.010, ours["commit_p50"]),
        at_most("… p99", 0.050, ours["commit_p99"]),
        ("… early", "none", f"{ours['early']}", ours["early"] == 0),
        at_most("due → frame on the socket: p50", 0.025, ours["frame_p50"]),
        at_most("… p99", 0.100, ours["frame_p99"]),
        at_most("10,000 bookings end at once: all committed", 2, ten["commit_last"]),
        at_most("… all frames on 2,000 open sockets", 3, ten["frame_last"]),
        (
            "5,000 at once: with an ETA task each, the last commit comes later",
            "50 times",
            f"{times:.0f} times",
            times >= 50,
        ),
        (f"{most['timers']:,} armed timers: the worker is bigger by", "5 %", f"{bigger:.0%}", bigger <= 0.05),
        at_most("… a claim of 500 that are due", 0.010, most["claim_ms"] / 1000),
    ]


def of_sockets() -> list[Goal]:
    """Open, and cut."""
    held, cut = read("sockets")["servers"]["parkmate"][-1], read("storm")
    size, frames = held["kilobytes"], held["frames"]
    behind = f"{cut['sockets']:,} sockets cut at once, {cut['missed']} notices behind"
    return [
        (f"{held['sockets']:,} sockets on one web process: each", "40 kB", f"{size:.0f} kB", size <= 40),
        ("… frames a second", "8,000", f"{frames:,.0f}", frames >= 8000),
        at_most(f"{behind}: all told", 20, cut["seconds"]),
        at_most("… a booking meanwhile: p99", 0.5, cut["booking_p99"]),
    ]


def section(result: Result) -> str:
    """What stands in the document for one measurement."""
    tables = importlib.import_module(f"bench.{result['bench']}").report(result)
    return f"```\n$ {result['command']}\n{result['machine']}\n```\n\n{tables}\n"


def put(text: str, name: str, words: str) -> str:
    """The document with these words in the place of that name."""
    between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    parts = between.split(text)
    if len(parts) != 4:
        raise SystemExit(f"docs/benchmarks.md has no place for {name}.")
    return "".join((*parts[:2], words, *parts[2:]))


def document() -> str:
    """The page, with all that was saved in it."""
    text = put(put(DOCUMENT.read_text(), "goals", goals()), "behind", behind())
    for result in saved():
        text = put(text, result["bench"], section(result))
    return text


def main() -> int:
    """Put in and draw whatever was saved; with `--check` only say whether the page tells it."""
    parser = argparse.ArgumentParser(prog="python -m bench.document", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if the page is another one")
    text = document()
    if parser.parse_args().check:
        if text != DOCUMENT.read_text():
            print("docs/benchmarks.md does not tell what was saved: run `python -m bench.document`.")
            return 1
        return 0
    for result in saved():
        if draw := CHARTS.get(result["bench"]):
            draw(result)
    DOCUMENT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
