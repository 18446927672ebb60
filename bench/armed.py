"""What do armed timers cost while they wait?

So many timers, the first due in an hour: memory of the worker and of all processes that the way needs (what
they do not share with others, and their part of what they do) and of the broker, the time to arm one more,
and ParkMate's question what is due: with nothing due, and as a claim of 500 that are.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psutil

from bench.harness import Machine, until
from bench.people import make_drivers, make_slots
from bench.report import brief, median, progress, table
from bench.ways import WAYS, Way

if TYPE_CHECKING:
    from parking.models import Booking

USUAL = ("parkmate", "celery_eta", "apscheduler_jobs", "procrastinate_jobs")
SLOTS = 1000
CLAIM = 500
# Each cost is the median of so many.
TRIES = 50
# How long a worker lives before it is measured, in seconds.
WARM = 40.0
# How long a worker has to take in what was armed before it started, or after, in seconds.
PATIENCE = 600.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--timers", type=int, nargs="+", default=[0, 10_000, 100_000, 1_000_000])
    parser.add_argument("--peers-most", type=int, default=100_000, help="more is not armed the peers' ways")
    parser.add_argument(
        "--warm", type=float, default=WARM, help="seconds a worker lives before it is measured"
    )
    parser.add_argument("--ways", nargs="+", choices=USUAL, default=list(USUAL), metavar="WAY")


def measure(here: Machine, options: argparse.Namespace) -> dict[str, Any]:
    """Each size, each way."""
    drivers, slots = make_drivers(1), make_slots(SLOTS + 1)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in options.ways}
    for name in options.ways:
        WAYS[name].prepare()
    for count in sorted(options.timers):
        for name in options.ways:
            if name == "parkmate" or count <= options.peers_most:
                found[name].append(one(here, WAYS[name], count, drivers[0], slots, warm=options.warm))
                last = found[name][-1]
                progress(
                    f"{count:,} timers, {WAYS[name].title}: worker {last['worker_mb']:.0f} MB,"
                    f" arming {last['arm_ms']:.2f} ms"
                )
    return {"ways": found}


def one(
    here: Machine, way: Way, count: int, driver: int, slots: Sequence[int], *, warm: float = WARM
) -> dict[str, Any]:
    """One way with so many timers armed."""
    way.clear()
    here.rows("TRUNCATE parking_booking CASCADE")
    here.empty_queues()
    moment = datetime.now(UTC) + timedelta(hours=1)
    make_bookings(here, count, driver, slots[:-1], moment)
    more = one_by_one(driver, slots[-1], moment)
    if way.arms_first:
        fill(here, way)
    begun = time.monotonic()
    for name, command in way.processes.items():
        here.start(name, command)
    if not way.arms_first:
        fill(here, way)
    settle(here, way, count, begun=begun, warm=warm)
    here.rows("VACUUM ANALYZE")
    made = {
        "timers": count,
        "worker_mb": round(memory(here.pid("worker")), 1),
        "all_mb": round(sum(memory(here.pid(name)) for name in way.processes), 1),
        "broker_mb": round(here.broker.info("memory")["used_memory"] / 1e6, 1),
        "arm_ms": round(cost([lambda booking=booking: way.arm_one(booking) for booking in more]), 3),
        **(looks(here) if way.name == "parkmate" else {}),
    }
    here.end_processes()
    way.clear()
    return made


def make_bookings(here: Machine, count: int, driver: int, slots: Sequence[int], moment: datetime) -> None:
    """So many, hour after hour on each slot, the first ending at `moment`."""
    here.rows(
        "INSERT INTO parking_booking (driver_id, slot_id, vehicle_number, starts_at, ends_at, status, price)"
        " SELECT %s, (%s::bigint[])[1 + n %% %s], 'KA01AB1234', %s + (n / %s - 1) * interval '1 hour',"
        " %s + (n / %s) * interval '1 hour', 'BOOKED', 60 FROM generate_series(0, %s - 1) n",
        driver,
        list(slots),
        len(slots),
        moment,
        len(slots),
        moment,
        len(slots),
        count,
    )


def one_by_one(driver: int, slot: int, moment: datetime) -> list["Booking"]:
    """Bookings to be armed one by one."""
    from parking.models import Booking

    hour = timedelta(hours=1)
    return Booking.objects.bulk_create(
        Booking(
            driver_id=driver,
            slot_id=slot,
            vehicle_number="KA01AB1234",
            starts_at=moment + number * hour,
            ends_at=moment + (number + 1) * hour,
            status=Booking.Status.BOOKED,
            price=60,
        )
        for number in range(TRIES)
    )


def fill(here: Machine, way: Way) -> None:
    """Arm what was booked, but for those that are armed one by one."""
    if way.name == "parkmate":
        here.rows(
            "INSERT INTO parking_timer (booking_id, kind, due_at, state, attempts, last_error)"
            " SELECT id, 'EXPIRY', ends_at, 'armed', 0, '' FROM parking_booking"
            " ORDER BY id DESC OFFSET %s",
            TRIES,
        )
        return
    from parking.models import Booking

    way.arm(list(Booking.objects.order_by("-pk")[TRIES:]))


def settle(here: Machine, way: Way, count: int, *, begun: float, warm: float) -> None:
    """Wait until the worker has taken in what it takes in: its memory stays as it is."""
    if way.name == "celery_eta" and not until(
        lambda: here.messages() == (0, count), seconds=PATIENCE, every=1
    ):
        raise SystemExit(f"The worker did not take all messages: {here.messages()}")
    # By then it has done what it does again and again, and has loaded all that this needs.
    time.sleep(max(0.0, begun + warm - time.monotonic()))
    before, now = 0.0, memory(here.pid("worker"))
    while abs(now - before) > 0.5:
        time.sleep(5)
        before, now = now, memory(here.pid("worker"))


def memory(pid: int) -> float:
    """What a process and its children take, in MB; what they share is counted once."""
    parent = psutil.Process(pid)
    return sum(one.memory_full_info().pss for one in (parent, *parent.children(recursive=True))) / 1e6


def cost(tries: Sequence[Callable[[], Any]]) -> float:
    """Milliseconds that one takes: the median."""
    taken = []
    for act in tries:
        begun = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begun)
    return median(taken) * 1000


def looks(here: Machine) -> dict[str, Any]:
    """Milliseconds of ParkMate's questions."""
    from django.db import transaction

    from parking import claims

    def claim() -> None:
        with transaction.atomic():
            if len(claims.claim_due(limit=CLAIM).timers) != CLAIM:
                raise SystemExit("Not as many were due as should be.")
            transaction.set_rollback(True)

    # No worker or sweeper may take them first.
    for name in ("worker", "beat", "sweeper"):
        here.kill(name)
    found = {"look_ms": round(cost([claims.any_due] * TRIES), 3)}
    here.rows(
        "UPDATE parking_timer SET due_at = now() - interval '1 second'"
        " WHERE id IN (SELECT id FROM parking_timer WHERE kind = 'EXPIRY' AND state = 'armed' LIMIT %s)",
        CLAIM,
    )
    due = here.value("SELECT count(*) FROM parking_timer WHERE due_at < now() AND kind = 'EXPIRY'")
    if due == CLAIM:
        found["claim_ms"] = round(cost([claim] * TRIES), 3)
    return found


def report(result: Mapping[str, Any]) -> str:
    """The table."""
    rows = []
    for name, sizes in result["ways"].items():
        for size in sizes:
            rows.append(
                {
                    "timers": f"{size['timers']:,}",
                    "way": WAYS[name].title,
                    "worker": f"{size['worker_mb']:.0f} MB",
                    "all its processes": f"{size['all_mb']:.0f} MB",
                    "broker": f"{size['broker_mb']:.1f} MB",
                    "arming one": f"{size['arm_ms']:.2f} ms",
                    "is anything due?": brief(size["look_ms"] / 1000) if "look_ms" in size else "-",
                    f"claiming {CLAIM}": brief(size["claim_ms"] / 1000) if "claim_ms" in size else "-",
                }
            )
    return table(sorted(rows, key=lambda row: int(row["timers"].replace(",", ""))))
