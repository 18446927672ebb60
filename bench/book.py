"""How many bookings a second does one web process take over HTTP, and what does one cost?

Two ways in turns, in the same process: ParkMate's (locked, paid, with its timers and notices, safe to
repeat) and a plain view that looks for an overlap and creates (`bench.plain_web`). Once each client has
slots of its own; once all of them want the same slot and time, again and again.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psutil

from bench.harness import Machine, serve
from bench.people import HOUR, make_drivers, make_slots, sign_in
from bench.report import at, progress, table

TOKEN = "a" * 32
# So many that no two clients ever wait for one, unless they are to.
SLOTS = 200


@dataclass(frozen=True)
class View:
    """One way to book: where it is asked, and where its rows are."""

    name: str
    path: str
    table: str


OURS = View("ParkMate", "/api/bookings/", "parking_booking")
PLAIN = View("plain", "/plain/bookings/", "plain_plainbooking")


@dataclass(frozen=True)
class Outcome:
    """One turn. `web`, `base`: milliseconds of CPU for each answer, of the web process and PostgreSQL's."""

    way: str
    slots: str
    clients: int
    booked: float
    answered: float
    p50: float
    p99: float
    web: float
    base: float
    overlaps: int


class Wishes:
    """Which slot to ask for next, and from when on."""

    def __init__(self, slots: Sequence[int], *, contested: bool) -> None:
        self._first = datetime.now(UTC).replace(microsecond=0) + HOUR
        self._turns = iter(
            (hour, slot) for hour in itertools.count() for slot in (slots[:1] if contested else slots)
        )
        self.contested = contested
        self._now = next(self._turns)

    def next(self) -> tuple[int, datetime]:
        """Where nobody has asked yet; or, contested, what all want until somebody has it."""
        wish = self._now
        if not self.contested:
            self._now = next(self._turns)
        return wish[1], self._first + 2 * wish[0] * HOUR

    def booked(self, starts_at: datetime) -> None:
        """Somebody has it: the others want the next."""
        if self.contested and starts_at == self.next()[1]:
            self._now = next(self._turns)


def body(slot: int, starts_at: datetime, view: View) -> dict[str, object]:
    """What is asked."""
    wish = {
        "slot": slot,
        "vehicle_number": "KA01AB1234",
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + HOUR).isoformat(),
    }
    return wish | ({"payment_method": "card", "payment_token": "tok_visa"} if view is OURS else {})


class Client:
    """Somebody who is signed in, on a connection of their own. It does little: the machine is shared."""

    _keys = itertools.count()

    def __init__(self, address: str, session: str) -> None:
        self._address = address
        self._session = session

    async def open(self) -> None:
        host, _, port = self._address.partition(":")
        self._reader, self._writer = await asyncio.open_connection(host, int(port))

    async def post(self, path: str, what: dict[str, object]) -> int:
        """The status of the answer."""
        text = json.dumps(what)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._address}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\nCookie: sessionid={self._session}; csrftoken={TOKEN}\r\n"
            f"X-CSRFToken: {TOKEN}\r\nIdempotency-Key: bench-{next(self._keys)}\r\n\r\n"
        )
        self._writer.write((head + text).encode())
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await self._reader.readexactly(length)
        return int(answer.split(None, 2)[1])

    def close(self) -> None:
        self._writer.close()


def busy(here: Machine) -> tuple[float, float]:
    """The seconds of CPU that the web process has taken so far, and those of PostgreSQL's processes."""

    def taken(process: psutil.Process) -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    postgres = psutil.Process(int((here.postgres.directory / "postmaster.pid").read_text().split()[0]))
    backends = [postgres, *postgres.children()]
    return taken(psutil.Process(here.pid("web"))), sum(taken(backend) for backend in backends)


async def ask(
    clients: Sequence[Client], view: View, wishes: Wishes, *, seconds: float
) -> tuple[Counter[int], list[float], float]:
    """Let all clients book, one after the other each.

    The statuses, how long each answer took, and how long it was until the last came, in seconds.
    """
    statuses: Counter[int] = Counter()
    times: list[float] = []
    started = time.monotonic()
    until = started + seconds

    async def one(client: Client) -> None:
        while (begun := time.monotonic()) < until:
            slot, starts_at = wishes.next()
            status = await client.post(view.path, body(slot, starts_at, view))
            times.append(time.monotonic() - begun)
            statuses[status] += 1
            if status == 201:
                wishes.booked(starts_at)

    await asyncio.gather(*(one(client) for client in clients))
    return statuses, times, time.monotonic() - started


OVERLAPS = """
SELECT count(*) FROM {table} a JOIN {table} b ON a.id < b.id AND a.slot_id = b.slot_id
WHERE a.starts_at < b.ends_at AND b.starts_at < a.ends_at
"""


def make_plain_table(here: Machine) -> None:
    """The table of the plain way."""
    columns = "driver_id, slot_id, vehicle_number, starts_at, ends_at, status, price"
    here.rows(
        f"CREATE TABLE {PLAIN.table} AS SELECT id, {columns} FROM {OURS.table} WITH NO DATA;"
        f" ALTER TABLE {PLAIN.table} ALTER id SET NOT NULL, ALTER id ADD GENERATED BY DEFAULT AS IDENTITY,"
        " ADD PRIMARY KEY (id);"
        f" CREATE INDEX ON {PLAIN.table} (slot_id, ends_at)"
    )


def clear(here: Machine) -> None:
    """No bookings, no notices, no answers kept."""
    tables = "parking_booking, plain_plainbooking, parking_notification, parking_inbox, parking_storedanswer"
    here.rows(f"TRUNCATE {tables} CASCADE")


async def measure_turn(
    here: Machine, view: View, clients: Sequence[Client], wishes: Wishes, *, seconds: float
) -> Outcome:
    """One turn of one view. Stops if anything was answered but "booked" and "taken"."""
    clear(here)
    web, base = busy(here)
    for client in clients:
        await client.open()
    statuses, times, taken = await ask(clients, view, wishes, seconds=seconds)
    for client in clients:
        client.close()
    web_after, base_after = busy(here)
    if statuses.keys() - {201, 409}:
        raise SystemExit(f"{view.name} answered {dict(statuses)}:\n{here.log('web')}")
    return Outcome(
        way=view.name,
        slots="contested" if wishes.contested else "free",
        clients=len(clients),
        booked=statuses[201] / taken,
        answered=len(times) / taken,
        p50=at(0.5, times) * 1000,
        p99=at(0.99, times) * 1000,
        web=(web_after - web) / len(times) * 1000,
        base=(base_after - base) / len(times) * 1000,
        overlaps=here.value(OVERLAPS.format(table=view.table)),
    )


def medians(found: Sequence[Outcome]) -> Outcome:
    """Of each number, the median of the rounds."""
    numbers = {
        name: round(statistics.median(asdict(one)[name] for one in found), 2)
        for name, value in asdict(found[0]).items()
        if isinstance(value, float)
    }
    return replace(found[0], overlaps=sum(one.overlaps for one in found), **numbers)


async def run(
    here: Machine, clients: Sequence[Client], slots: Sequence[int], options: argparse.Namespace
) -> list[Outcome]:
    """All turns; the medians."""
    cases = list(itertools.product((False, True), options.clients))
    found: dict[tuple[bool, int, str], list[Outcome]] = {}
    for number in range(options.rounds + 1):
        views = (OURS, PLAIN) if number % 2 else (PLAIN, OURS)
        for (contested, count), view in itertools.product(cases, views):
            wishes = Wishes(slots, contested=contested)
            # Round 0 warms up.
            seconds = options.seconds if number else min(1.0, options.seconds)
            one = await measure_turn(here, view, clients[:count], wishes, seconds=seconds)
            if number:
                found.setdefault((contested, count, view.name), []).append(one)
                progress(
                    f"round {number}, {view.name}, {count} clients, {one.slots}: {one.booked:.1f} bookings/s"
                )
    return [medians(ones) for ones in found.values()]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16, 32])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each turn (default: 5)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is measured (default: 3)")


def measure(here: Machine, options: argparse.Namespace) -> dict[str, Any]:
    """All turns, in one web process."""
    make_plain_table(here)
    address = serve(here, application="bench.plain_web")
    sessions = sign_in(make_drivers(max(options.clients)))
    clients = [Client(address, session) for session in sessions.values()]
    found = asyncio.run(run(here, clients, make_slots(SLOTS), options))
    return {
        "medians": [asdict(one) for one in found],
        "broken": any(one.overlaps for one in found if one.way == OURS.name),
    }


def report(result: Mapping[str, Any]) -> str:
    """The table."""
    return table(
        [
            {
                "slots": one["slots"],
                "clients": one["clients"],
                "way": one["way"],
                "bookings/s": f"{one['booked']:.1f}",
                "answers/s": f"{one['answered']:.1f}",
                "p50": f"{one['p50']:.1f} ms",
                "p99": f"{one['p99']:.1f} ms",
                "CPU of the web process": f"{one['web']:.1f} ms",
                "of PostgreSQL": f"{one['base']:.1f} ms",
                "overlaps": one["overlaps"],
            }
            for one in result["medians"]
        ]
    )
