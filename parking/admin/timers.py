"""The clock: is it healthy, what is it about to do, and what of it needs an operator?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from parking import punctuality, timers
from parking.admin.base import History, duration, link_to, linked
from parking.admin.verbs import ActingPage, Verb
from parking.models import Timer, User
from parking.punctuality import BOUND, Health
from parking.readiness import Problem, readiness

# More parked timers than this are one trouble, not many: the list below has them all.
PARKED_SHOWN = 20


@dataclass(frozen=True)
class Verdict:
    """The answer in a word, what it means in sentences, and the colour that goes with it."""

    word: str
    meaning: str
    tone: str


def verdict(health: Health, *, problems: Sequence[Problem] = ()) -> Verdict:
    """Whether the clock is healthy, in words."""
    troubles = _troubles(health)
    said = {word for word, _ in troubles}
    found = [(problem.word, problem.message) for problem in problems if problem.word not in said]
    if trouble := [*found, *troubles]:
        return Verdict(trouble[0][0], " ".join(meaning for _, meaning in trouble), "error")
    if health.late_p99 and health.late_p99 > BOUND:
        meaning = f"One in a hundred of the last hour's timers came more than {duration(BOUND)} late."
        return Verdict("Was late", f"{meaning} Nothing is overdue now.", "warning")
    if health.retrying:
        failed = _count(health.retrying, "timer has failed and waits", "timers have failed and wait")
        return Verdict("Trying again", f"{failed} for the next try.", "warning")
    if not health.fired:
        idle = "Nothing has fired in the last hour, because nothing was due."
        return Verdict("Idle", idle, "info")
    return Verdict("Healthy", "What was due in the last hour has fired on time.", "success")


def _troubles(health: Health) -> list[tuple[str, str]]:
    found = []
    if health.oldest_overdue and health.oldest_overdue > BOUND:
        overdue = _count(health.overdue, "timer is overdue", "timers are overdue")
        age = duration(health.oldest_overdue)
        found.append(("Late", f"{overdue}, the oldest by {age}. Do a sweeper and a worker run?"))
    if health.parked:
        one = "timer is parked: what it promised has not happened, and its error below says why."
        many = "timers are parked: what they promised has not happened, and their errors below say why."
        found.append(("Parked", _count(health.parked, one, many)))
    return found


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def figures(health: Health) -> list[tuple[str, str, str]]:
    """What is shown of the clock: name, value, and what it means."""
    oldest = f"the oldest by {duration(health.oldest_overdue)}" if health.overdue else "nothing waits"
    return [
        ("Overdue now", str(health.overdue), oldest),
        ("Half came within", duration(health.late_p50), "in the last hour"),
        ("99 % came within", duration(health.late_p99), "in the last hour"),
        ("Fired", str(health.fired), "in the last hour"),
        ("Armed", str(health.armed), "wait for their moment"),
        ("Failed", str(health.retrying), "wait for another try"),
        ("Canary", _canary(health), "fires every 10 s, to prove the way to the screens"),
    ]


def _canary(health: Health) -> str:
    canary = health.canary
    if canary is None or canary.fired_at is None:
        return "not yet"
    return f"{duration(health.at - canary.fired_at)} ago, {duration(canary.fired_at - canary.due_at)} late"


def _retry(timer_id: int, *, by: User) -> Timer:
    return timers.retry(timer_id)


@admin.display(description="late")
def late(timer: Timer) -> str:
    """How long after its moment it was done."""
    return duration(timer.fired_at - timer.due_at if timer.fired_at else None)


@admin.display(description="last error")
def error(timer: Timer) -> str:
    """The beginning of it."""
    return timer.last_error[:80]


@admin.register(Timer)
class Timers(ActingPage, History):
    list_display = (
        "id",
        linked("booking", says="pk"),
        "kind",
        "state",
        "due_at",
        "fired_at",
        late,
        "attempts",
        "retry_at",
        error,
    )
    list_select_related = ("booking",)
    list_filter = ("state", "kind", "due_at")
    search_fields = ("booking__id__exact", "booking__vehicle_number", "booking__driver__username")
    search_help_text = "A booking's number, a vehicle or a driver"
    verbs = (Verb("retry", "Try again", "Try the selected timers again", done="Armed again", do=_retry),)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, and above it how the clock does."""
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data and "cl" in response.context_data:
            response.context_data.update(self._health(request))
        return response

    def _health(self, request: HttpRequest) -> dict[str, Any]:
        health = punctuality.health()
        found = health.next_due
        return {
            "title": "Timers",
            "verdict": verdict(health, problems=readiness.problems()),
            "figures": figures(health),
            "at": health.at,
            "next_due": found,
            "next_in": found and duration(max(found.due_at - health.at, timedelta(0))),
            "next_booking": found and found.booking and link_to(found.booking),
            "parked": punctuality.parked().select_related("booking")[:PARKED_SHOWN] if health.parked else [],
            "parked_hidden": max(0, health.parked - PARKED_SHOWN),
            "may_retry": self.has_change_permission(request),
        }
