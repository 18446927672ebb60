"""Where somebody else is ahead of ParkMate, by what was saved: found by comparing, not by choosing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bench.report import brief, table
from bench.saved import read
from bench.sockets import SERVERS
from bench.ways import PARKMATE, WAYS

Words = Callable[[float], str]


@dataclass(frozen=True)
class Race:
    """One thing, and what was measured of it for everybody, by title; `words` says such a value."""

    what: str
    values: Mapping[str, float | None]
    words: Words = brief
    more_is_better: bool = False

    def ahead(self) -> dict[str, float]:
        """Those who are better at it than ParkMate, the best first."""
        ours = self.values[PARKMATE.title]
        if ours is None:
            raise SystemExit(f"{self.what}: nothing was measured of ParkMate.")
        others = {title: value for title, value in self.values.items() if value is not None}
        better = {
            title: value
            for title, value in others.items()
            if (value > ours if self.more_is_better else value < ours)
        }
        return dict(sorted(better.items(), key=lambda pair: pair[1], reverse=self.more_is_better))


def races() -> Iterator[Race]:
    """All that was measured of more than one."""
    yield from of_timers()
    yield from of_armed()
    yield from of_sockets()
    yield from of_bookings()


def of_timers() -> Iterator[Race]:
    """One by one, and all at once."""
    names = {
        "commit_p50": "committed, p50",
        "commit_p99": "committed, p99",
        "frame_p50": "on the socket, p50",
        "frame_p99": "on the socket, p99",
    }
    ways = read("punctual")["ways"]
    for key, words in names.items():
        yield Race(f"One timer, due → {words}", {WAYS[name].title: one[key] for name, one in ways.items()})
    burst = read("burst")
    for key, words in {"commit_last": "committed", "frame_last": "on the socket"}.items():
        values = {WAYS[name].title: one[key] for name, one in burst["ways"].items()}
        yield Race(f"{burst['bookings']:,} at once, the last {words}", values)


def of_armed() -> Iterator[Race]:
    """While they wait."""
    names: dict[str, tuple[str, Words]] = {
        "all_mb": ("memory of all processes", "{:.0f} MB".format),
        "broker_mb": ("memory of the broker", "{:.1f} MB".format),
        "arm_ms": ("arming one", "{:.2f} ms".format),
    }
    ways = read("armed")["ways"]
    for count in [one["timers"] for one in ways[PARKMATE.name]]:
        of_size = {
            WAYS[name].title: size
            for name, sizes in ways.items()
            for size in sizes
            if size["timers"] == count
        }
        for key, (what, words) in names.items():
            values = {title: size[key] for title, size in of_size.items()}
            yield Race(f"{count:,} armed timers: {what}", values, words)


def of_sockets() -> Iterator[Race]:
    """While they are open."""
    names: dict[str, tuple[str, Words, bool]] = {
        "connects": ("let in, a second", "{:,.0f}".format, True),
        "kilobytes": ("memory of each", "{:.1f} kB".format, False),
        "frames": ("frames a second", "{:,.0f}".format, True),
        "microseconds": ("CPU of a frame", "{:.0f} µs".format, False),
        "delay_p50": ("delay of a frame, p50", brief, False),
        "delay_p99": ("delay of a frame, p99", brief, False),
    }
    servers = read("sockets")["servers"]
    for count in [one["sockets"] for one in servers["parkmate"]]:
        of_size = {
            SERVERS[name].title: size
            for name, sizes in servers.items()
            for size in sizes
            if size["sockets"] == count and "failed" not in size
        }
        for key, (what, words, more) in names.items():
            values = {title: size[key] for title, size in of_size.items()}
            yield Race(f"{count:,} sockets: {what}", values, words, more_is_better=more)


def of_bookings() -> Iterator[Race]:
    """Over HTTP."""
    names: dict[str, tuple[str, Words, bool]] = {
        "booked": ("booked a second", "{:.1f}".format, True),
        "web": ("CPU of the web process for an answer", "{:.1f} ms".format, False),
        "overlaps": ("overlapping bookings", "{:.0f}".format, False),
    }
    cases: dict[str, dict[str, Mapping[str, float]]] = {}
    for one in read("book")["medians"]:
        cases.setdefault(f"{one['clients']} clients, {one['slots']} slots", {})[one["way"]] = one
    for case, ways in cases.items():
        for key, (what, words, more) in names.items():
            values = {way: one[key] for way, one in ways.items()}
            yield Race(f"Booking, {case}: {what}", values, words, more_is_better=more)


def behind() -> str:
    """The table: each race that ParkMate does not lead, and who does."""
    rows = [
        {
            "": race.what,
            "ParkMate": race.words(race.values[PARKMATE.title] or 0),
            "better": "; ".join(f"{title}: {race.words(value)}" for title, value in ahead.items()),
        }
        for race in races()
        if (ahead := race.ahead())
    ]
    return f"{table(rows)}\n"
