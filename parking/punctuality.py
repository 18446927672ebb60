"""Is the clock healthy? The figures for operators: what is overdue, how late timers came, what is parked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Aggregate, Count, DurationField, F, Min, QuerySet
from django.db.models.functions import Coalesce

from parking import canary
from parking.claims import RETRY_PAUSES, due
from parking.models import Timer
from parking.timers import now

# How long a timer that just fired counts for the figures of lateness.
LOOKING_BACK = timedelta(hours=1)

# Promised, whatever single process dies (docs/architecture.md, P2). A timer overdue for longer is late.
BOUND = timedelta(seconds=3)

# What people wait for: the canary says how the clock does, and is not of those.
BOOKED = Timer.objects.exclude(kind=Timer.Kind.CANARY)


class Percentile(Aggregate):
    """PostgreSQL's `percentile_cont`: that part of the values is at most this."""

    template = "percentile_cont(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"


@dataclass(frozen=True)
class Health:
    """How the clock does, by the database's time. None: there was nothing to measure.

    `overdue` timers could fire at this moment; `retrying` ones failed and wait for their next try.
    """

    at: datetime
    armed: int
    overdue: int
    oldest_overdue: timedelta | None
    retrying: int
    fired: int
    late_p50: timedelta | None
    late_p99: timedelta | None
    parked: int
    next_due: Timer | None
    canary: Timer | None = None


def health() -> Health:
    """The figures that say whether the clock is healthy: a handful of queries, each with its index."""
    at = now()
    armed = BOOKED.filter(state=Timer.State.ARMED)
    soon = armed.alias(ring_at=Coalesce("retry_at", "due_at")).order_by("ring_at")
    return Health(
        at=at,
        armed=armed.count(),
        retrying=soon.filter(ring_at__lte=at + timedelta(seconds=max(RETRY_PAUSES)), attempts__gt=0).count(),
        parked=parked().count(),
        next_due=soon.filter(ring_at__gt=at).select_related("booking").first(),
        canary=canary.last(),
        **_overdue(at),
        **_lateness(at),
    )


def parked() -> QuerySet[Timer]:
    """The timers that need an operator, the oldest first."""
    return BOOKED.filter(state=Timer.State.PARKED).order_by("due_at")


def _overdue(at: datetime) -> dict[str, Any]:
    # Overdue since it could fire: one that failed was not late while it waited for its next try.
    since = Coalesce("retry_at", "due_at")
    found = due(BOOKED.all()).order_by().aggregate(count=Count("pk"), oldest=Min(since))
    return {"overdue": found["count"], "oldest_overdue": found["oldest"] and at - found["oldest"]}


def _lateness(at: datetime) -> dict[str, Any]:
    """Of the timers fired lately, how many there were, and how late they came."""
    late = F("fired_at") - F("due_at")
    fired = BOOKED.filter(state=Timer.State.FIRED, fired_at__gt=at - LOOKING_BACK)
    return fired.aggregate(
        fired=Count("pk"),
        late_p50=Percentile(late, fraction=0.5, output_field=DurationField()),
        late_p99=Percentile(late, fraction=0.99, output_field=DurationField()),
    )
