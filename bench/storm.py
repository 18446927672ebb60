"""What happens when all sockets are cut at once and come back at once, each some notices behind?

All wait for nobody: the worst case, no client of ours comes back without a random pause. Meanwhile people
book over HTTP, at an even pace, on the same web process, whether or not those before them have their answers.
"""

import argparse
import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bench.audience import Audience, Heard
from bench.book import OURS, SLOTS, Client, Wishes, body
from bench.harness import Machine, serve
from bench.people import make_drivers, make_slots, sign_in
from bench.report import at, brief, median, progress, table

# Longer than this nothing is waited for, in seconds.
PATIENCE = 120.0
# Recipients in one transaction.
AT_ONCE = 500


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--sockets", type=int, default=5000, help="how many (default: 5000)")
    parser.add_argument("--missed", type=int, default=20, help="notices each (default: 20)")
    parser.add_argument("--bookings", type=float, default=10, help="bookings a second (default: 10)")
    parser.add_argument("--rounds", type=int, default=3)


class Bookers:
    """Book at an even pace until they are stopped, each on a connection of its own.

    `times`: when each booking was due (seconds since 1970), and how long after that its answer came.
    """

    def __init__(self, address: str, session: str, wishes: Wishes, *, rate: float) -> None:
        self._address = address
        self._session = session
        self._wishes = wishes
        self._rate = rate
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._book()))
        self.times: list[tuple[float, float]] = []
        self._wrong: list[int] = []

    def __enter__(self) -> "Bookers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        if self._wrong:
            raise SystemExit(f"A booking was answered with {self._wrong}.")

    async def _book(self) -> None:
        due = time.time()
        async with asyncio.TaskGroup() as group:
            while not self._stopped.is_set():
                group.create_task(self._book_one(due))
                due += 1 / self._rate
                await asyncio.sleep(due - time.time())

    async def _book_one(self, due: float) -> None:
        client = Client(self._address, self._session)
        await client.open()
        status = await client.post(OURS.path, body(*self._wishes.next(), OURS))
        self.times.append((due, time.time() - due))
        client.close()
        if status != 201:
            self._wrong.append(status)

    def waited(self, *, until: float) -> list[float]:
        """How long each of those took that were due by then."""
        return [taken for due, taken in self.times if due <= until]


def measure(here: Machine, options: argparse.Namespace) -> dict[str, Any]:
    """Cut and come back, some times over."""
    address = serve(here)
    drivers = make_drivers(options.sockets + 1)
    sessions = sign_in(drivers)
    booker = sessions.pop(drivers[-1])
    wishes = Wishes(make_slots(SLOTS), contested=False)
    with Bookers(address, booker, wishes, rate=options.bookings) as calm:
        time.sleep(5)
    rounds = []
    audience = Audience(address, together=options.sockets)
    try:
        audience.open(sessions)
        where = positions(audience.listen(len(sessions), seconds=PATIENCE))
        for number in range(1, options.rounds + 1):
            audience.cut()
            tell(list(sessions), each=options.missed)
            progress(
                f"round {number}: {options.sockets} sockets cut, {options.missed} notices missed by each"
            )
            with Bookers(address, booker, wishes, rate=options.bookings) as during:
                back = come_back(audience, sessions, where, options)
            rounds.append(back | {"times": during.waited(until=back["ended"])})
            progress(f"round {number}: all caught up after {rounds[-1]['seconds']:.1f} s")
            where = {user: (seq + options.missed, epoch) for user, (seq, epoch) in where.items()}
    finally:
        audience.close()
    return {
        "sockets": options.sockets,
        "missed": options.missed,
        "seconds": round(median([one["seconds"] for one in rounds]), 2),
        "worst": round(max(one["seconds"] for one in rounds), 2),
        "wrong": sum(one["wrong"] for one in rounds),
        "broken": any(one["wrong"] for one in rounds),
        "booking_p99": round(median([at(0.99, one["times"]) for one in rounds]), 4),
        "booking_p50": round(median([at(0.5, one["times"]) for one in rounds]), 4),
        "calm_p99": round(at(0.99, calm.waited(until=time.time())), 4),
        "calm_p50": round(at(0.5, calm.waited(until=time.time())), 4),
    }


def positions(heard: Sequence[Heard]) -> dict[int, tuple[int, str]]:
    """Where each socket stands, by its hello: the number and the epoch."""
    return {
        frame.user: (hello["seq"], hello["epoch"]) for frame in heard if "epoch" in (hello := frame.json())
    }


def tell(drivers: Sequence[int], *, each: int) -> None:
    """So many notices to each."""
    from django.db import transaction

    from parking.events import ANNOUNCEMENT
    from parking.notifications import Notice, notify_many

    for start in range(0, len(drivers), AT_ONCE):
        some = drivers[start : start + AT_ONCE]
        with transaction.atomic():
            notify_many(
                [
                    Notice(ANNOUNCEMENT, to=driver, facts={"words": f"Number {number}"})
                    for number in range(each)
                    for driver in some
                ]
            )


def come_back(
    audience: Audience,
    sessions: Mapping[int, str],
    where: Mapping[int, tuple[int, str]],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """All at once: when the last had all, after how many seconds, and how many did not have it in order."""
    begun = time.time()
    after = {user: f"?after={seq}&epoch={epoch}" for user, (seq, epoch) in where.items()}
    audience.open(sessions, after=after)
    heard = audience.listen(len(sessions) * (options.missed + 1), seconds=PATIENCE)
    shown = defaultdict(list)
    for frame in heard:
        found = frame.json()
        if "epoch" not in found:
            shown[frame.user].append(found["seq"])
    wanted = {user: list(range(seq + 1, seq + options.missed + 1)) for user, (seq, _) in where.items()}
    ended = max(frame.at for frame in heard)
    return {
        "ended": ended,
        "seconds": ended - begun,
        "wrong": sum(shown[user] != numbers for user, numbers in wanted.items()),
    }


def report(result: Mapping[str, Any]) -> str:
    """The table."""
    return table(
        [
            {
                "sockets": f"{result['sockets']:,}",
                "missed by each": result["missed"],
                "all caught up": f"{brief(result['seconds'])} (worst {brief(result['worst'])})",
                "not once, in order": result["wrong"],
                "booking p50": brief(result["booking_p50"]),
                "p99": brief(result["booking_p99"]),
                "quiet p50": brief(result["calm_p50"]),
                "p99 ": brief(result["calm_p99"]),
            }
        ]
    )
