"""ParkMate and its peers: ways to let something happen to a booking when its time is up.

All do the same to the same rows on the same PostgreSQL and Valkey; `work.py` is what the peers do. Each
module has an `arm(bookings)`, unless it looks for itself what is due; where it has tables of its own also
`prepare()` and `clear()`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.harness import PROCFILE

if TYPE_CHECKING:
    from parking.models import Booking

WORKER = PROCFILE["worker"]


@dataclass(frozen=True)
class Way:
    """One way. `processes`: the commands it needs, by name; `worker` is the one that does the work.

    `path`: where the socket of a user hears of it. `arms_first`: its worker notices no timer that
    somebody else arms after it started.
    """

    name: str
    title: str
    processes: Mapping[str, str]
    path: str = "/plain/{user}/"
    arms_first: bool = False

    def _call(self, name: str) -> Callable[..., Any] | None:
        return getattr(import_module(f"bench.ways.{self.name}"), name, None)

    def prepare(self) -> None:
        """Make the tables it needs beside ours, once."""
        if prepare := self._call("prepare"):
            prepare()

    def clear(self) -> None:
        """Forget every timer that was armed its way."""
        if clear := self._call("clear"):
            clear()

    def arm(self, bookings: Sequence["Booking"]) -> None:
        """Tell it when each is due."""
        if arm := self._call("arm"):
            arm(bookings)

    def arm_one(self, booking: "Booking") -> None:
        """The same for one, as it happens when somebody books."""
        (self._call("arm_one") or (lambda one: self.arm([one])))(booking)


# A trial sets it: a peer that keeps messages delivers those of a dead worker again after so many seconds.
REDELIVER = "BENCH_REDELIVER_SECONDS"

PARKMATE = Way(
    "parkmate",
    "ParkMate",
    {name: PROCFILE[name] for name in ("worker", "beat", "sweeper")},
    path="/ws/notifications/me/",
)
CELERY_ETA = Way(
    "celery_eta", "Celery, an ETA task each", {"worker": WORKER.replace("parkmate", "bench.ways.celery_eta")}
)
PEERS = (
    CELERY_ETA,
    Way(
        "apscheduler_jobs",
        "APScheduler, database job store",
        {"worker": "exec python -m bench.ways.apscheduler_jobs"},
        arms_first=True,
    ),
    Way(
        "procrastinate_jobs",
        "procrastinate",
        {
            # In its favour: by default it looks every five seconds, and does one job at a time.
            "worker": "exec python -m procrastinate --app bench.ways.procrastinate_jobs.app worker"
            " --concurrency 8 --fetch-job-polling-interval 0.1"
        },
    ),
    Way(
        "dramatiq_delay",
        "dramatiq, delay",
        {
            # In its favour: by default an idle worker looks once a second.
            "worker": "dramatiq_worker_timeout=10 exec dramatiq bench.ways.dramatiq_delay"
            " --processes 2 --threads 8"
        },
    ),
    Way("polling", "a loop, once a second", {"worker": "exec python -m bench.ways.polling"}),
    Way(
        "polling_bulk",
        "a loop in bulk, ten times a second",
        {"worker": "exec python -m bench.ways.polling_bulk"},
    ),
    Way(
        "beat_once",
        "django-celery-beat, one-off",
        {
            "worker": WORKER.replace("parkmate", "bench.ways.beat_once"),
            "beat": "exec celery --quiet --app bench.ways.beat_once beat --loglevel WARNING"
            " --scheduler django_celery_beat.schedulers:DatabaseScheduler",
        },
    ),
)
WAYS = {way.name: way for way in (PARKMATE, *PEERS)}
