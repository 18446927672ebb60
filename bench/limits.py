"""How near to the limit? Each thing that ParkMate does beside the barest way to do it here.

Bare are: the same rows written by SQL alone, in one transaction and one process; the same bytes published by
redis-py; and uvicorn as it comes, whose application does nothing but send frames.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil

from bench import sockets
from bench.audience import Audience
from bench.harness import Machine, serve
from bench.people import book, make_drivers, make_slots, sign_in
from bench.report import brief, median, progress, table

# Each small cost is the median of so many.
TRIES = 100
DRIVERS = 1000
FRAME = "x" * 300
PUBLISHED = 500


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--bookings", type=int, default=5000, help="how many end at once (default: 5000)")
    parser.add_argument("--frames", type=int, default=20_000, help="frames in a round (default: 20,000)")
    parser.add_argument("--rounds", type=int, default=3)


def measure(here: Machine, options: argparse.Namespace) -> dict[str, Any]:
    """Each thing, bare and ours, in turns: seconds for one."""
    drivers, slots = make_drivers(DRIVERS), make_slots(options.bookings)
    return {
        "bookings": options.bookings,
        "timer": timers(here, drivers, slots, at_once=1, rounds=TRIES),
        "burst": timers(here, drivers, slots, at_once=options.bookings, rounds=options.rounds),
        "push": pushes(here, rounds=options.rounds),
        "frame": frames(here, drivers, options),
    }


# What `run_due` and `relay` write, and nothing else.
EXPIRE = """
WITH due AS (
    SELECT id, booking_id FROM parking_timer WHERE state = 'armed' AND due_at <= now() FOR UPDATE
), ended AS (
    UPDATE parking_booking b SET status = 'EXPIRED' FROM due WHERE b.id = due.booking_id
    RETURNING b.id, b.driver_id
), fired AS (
    UPDATE parking_timer t SET state = 'fired', fired_at = clock_timestamp() FROM due WHERE t.id = due.id
)
INSERT INTO parking_notification (recipient_id, event, level, message, facts, dedupe_key, muted)
SELECT driver_id, 'BOOKING_EXPIRED', 'info', 'Your booking has expired. Slot released.',
    jsonb_build_object('booking', jsonb_build_object('id', id, 'status', 'EXPIRED')), 'bare:' || id, '{}'
FROM ended
"""


def timers(
    here: Machine, drivers: Sequence[int], slots: Sequence[int], *, at_once: int, rounds: int
) -> dict[str, float]:
    """So many bookings end: seconds for each, from the claim until the last is committed."""
    from parking.actions.due import run_due
    from parking.connections import keep_one
    from parking.models import Timer

    keep_one()
    taken: dict[str, list[float]] = {"bare": [], "ours": []}

    def ours() -> None:
        run_due(looked=True)

    ways: dict[str, Callable[[], Any]] = {"bare": lambda: here.rows(EXPIRE), "ours": ours}
    for _ in range(rounds):
        for name, way in ways.items():
            here.rows("TRUNCATE parking_booking, parking_notification, parking_inbox CASCADE")
            due_at = datetime.now(UTC) - timedelta(seconds=1)
            Timer.objects.bulk_create(
                Timer(booking=booking, kind=Timer.Kind.EXPIRY, due_at=booking.ends_at)
                for booking in book(slots[:at_once], drivers, due_at=due_at)
            )
            here.rows("ANALYZE parking_booking, parking_timer, parking_notification")
            begun = time.time()
            way()
            last = here.value(
                "SELECT max(extract(epoch FROM pg_xact_commit_timestamp(xmin)))::float8 FROM parking_booking"
                " WHERE status = 'EXPIRED'"
            )
            taken[name].append((last - begun) / at_once)
    found = {name: median(times) for name, times in taken.items()}
    progress(f"{at_once} at once: {found['ours'] * 1e6:.0f} µs each, bare {found['bare'] * 1e6:.0f}")
    return found


def pushes(here: Machine, *, rounds: int) -> dict[str, float]:
    """Frames given to Valkey in one pipeline: seconds for each."""
    from parkmate.channel_layer import RedisLayer

    layer = RedisLayer(url=here.valkey.url)
    message = {"type": "notice", "seq": 1, "text": FRAME}
    taken: dict[str, list[float]] = {"bare": [], "ours": []}

    def bare() -> None:
        pipe = here.broker.pipeline(transaction=False)
        for n in range(PUBLISHED):
            pipe.publish(f"bare{n}", FRAME)
        pipe.execute()

    def ours() -> None:
        layer.group_send_many([(f"user.{n}", message) for n in range(PUBLISHED)])

    for _ in range(10 * rounds):
        for name, way in {"bare": bare, "ours": ours}.items():
            begun = time.perf_counter()
            way()
            taken[name].append((time.perf_counter() - begun) / PUBLISHED)
    return {name: median(times) for name, times in taken.items()}


def frames(here: Machine, drivers: Sequence[int], options: argparse.Namespace) -> dict[str, float]:
    """Frames on open sockets: seconds of the web process's CPU for each."""
    sessions = sign_in(drivers)
    given = argparse.Namespace(frames=options.frames, rounds=options.rounds, pace=sockets.PACE)
    ours = sockets.one(here, sockets.SERVERS["parkmate"], sessions, given).microseconds
    here.end_processes()
    bare = median([bare_frames(here, options.frames) for _ in range(options.rounds)])
    progress(f"a frame: {ours:.0f} µs, bare {bare:.0f}")
    return {"bare": bare / 1e6, "ours": ours / 1e6}


def bare_frames(here: Machine, count: int) -> float:
    """uvicorn alone, each frame on the next of its sockets: microseconds of its CPU for each frame."""
    command = f"{sockets.UVICORN.format('bench.ways.nothing:application')} --lifespan off"
    address = serve(here, command=command)
    # The last to come sets it off.
    audience = Audience(address, path=f"/{count}/{DRIVERS + 1}/{{user}}/")
    try:
        web = psutil.Process(here.pid("web"))
        audience.open(dict.fromkeys(range(DRIVERS), ""))
        taken = [sum(web.cpu_times()[:2])]
        audience.open({DRIVERS: ""})
        heard = audience.listen(count, seconds=60, each=lambda: taken.append(sum(web.cpu_times()[:2])))
        return (taken[-1] - taken[0]) / len(heard) * 1e6
    finally:
        audience.close()
        here.end_processes()


def report(result: Mapping[str, Any]) -> str:
    """The table."""
    words = {
        "timer": "one timer: from the claim to the commit",
        "burst": f"each of {result['bookings']:,} bookings that end at once, in one process",
        "push": f"each of {PUBLISHED} frames that are handed to Valkey together",
        "frame": "a frame to an open socket: CPU of the web process",
    }
    return table(
        [
            {
                "": what,
                "bare": brief_micro(result[name]["bare"]),
                "ParkMate": brief_micro(result[name]["ours"]),
                "bare's share": f"{result[name]['bare'] / result[name]['ours']:.0%}",
            }
            for name, what in words.items()
        ]
    )


def brief_micro(seconds: float) -> str:
    """A short duration: in µs below a millisecond."""
    return f"{seconds * 1e6:.0f} µs" if seconds < 0.001 else brief(seconds)
