"""Each event has its causes and no others: without one of them exactly its own scenarios fall silent.

The scenarios are those of `tests/live`, which hear them over real sockets; here the rows are enough.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from parking import signals
from parking.actions import bookings, due
from parking.models import Notification, User
from tests.conftest import Cast
from tests.live.scenarios import CASES, TABLE, World

HTTP_AND_SHELL = {"http", "shell"}
EVERY_DOOR = {"http", "shell", "admin"}

# What may be removed: the place, the event it tells, and the doors that are silent without it.
CAUSES = {
    ("clock", "BOOKING_WARNING"): HTTP_AND_SHELL,
    ("clock", "BOOKING_EXPIRED"): HTTP_AND_SHELL,
    ("clock", "SLOT_AUTO_EXPIRED"): HTTP_AND_SHELL,
    ("verb", "RENEW_SUCCESS"): HTTP_AND_SHELL,
    ("verb", "RENEW_FAILURE"): HTTP_AND_SHELL,
    ("verb", "RENEW_TOO_EARLY"): HTTP_AND_SHELL,
    ("signal", "NEW_BOOKING"): HTTP_AND_SHELL,
    ("signal", "BOOKING_DECLINED"): EVERY_DOOR,
    ("signal", "BOOKING_EXPIRED"): {"row"},
    ("signal", "SLOT_AUTO_EXPIRED"): {"row"},
    ("signal", "CASH_VERIFIED"): EVERY_DOOR,
    ("signal", "CARWASH_COMPLETED"): EVERY_DOOR,
    ("signal", "EMPLOYEE_ASSIGNED"): EVERY_DOOR,
}


@pytest.fixture
def world(cast: Cast, alarms: Any) -> World:
    def client(user: User) -> Client:
        made = Client()
        made.force_login(user)
        return made

    def post(user: User, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = client(user).post(f"/api/{path}", json.dumps(body or {}), content_type="application/json")
        return dict(answer.json())

    def admin(model: str, action: str, row: Any = None, **form: Any) -> None:
        path = f"/admin/parking/{model}/" + ("add/" if action == "add" else "")
        wish = (
            form if action == "add" else {"action": action, "_selected_action": [row.pk], "confirmed": "yes"}
        )
        client(cast.ada).post(path, wish)

    return World(cast, post, admin)


def remove(place: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take one cause out, as if its line had been deleted."""
    if place == "signal":
        monkeypatch.setattr(signals, "CHANGES", [c for c in signals.CHANGES if c.event.code != code])
    elif place == "verb":
        monkeypatch.setattr(bookings, "notify", _deaf_to(code, bookings.notify))
    else:
        real = due.notify_many
        monkeypatch.setattr(due, "notify_many", lambda all_: real([n for n in all_ if n.event.code != code]))


def _deaf_to(code: str, notify: Callable[..., None]) -> Callable[..., None]:
    return lambda event, **facts: None if event.code == code else notify(event, **facts)


def silent(world: World) -> set[tuple[str, str]]:
    """The scenarios in which nobody was told."""
    return {(event, door) for event, door in CASES if not _told(world, event, door)}


def _told(world: World, event: str, door: str) -> bool:
    who, scenario, _ = TABLE[event]
    # The verbs ask for the outermost transaction, as they should; a test's own does not count.
    outer = transaction.atomic()
    outer._from_testcase = True
    with outer:
        list(scenario(world, door))
        told = Notification.objects.filter(recipient=getattr(world.cast, who), event=event).exists()
        transaction.set_rollback(True)
    return told


def test_with_every_cause_in_place_no_scenario_is_silent(world):
    assert silent(world) == set()


@pytest.mark.parametrize(("place", "code"), CAUSES)
def test_without_a_cause_exactly_its_own_scenarios_are_silent(world, monkeypatch, place, code):
    remove(place, code, monkeypatch)
    assert silent(world) == {(code, door) for door in CAUSES[place, code]}


def test_every_change_of_the_table_of_signals_is_a_cause():
    assert {code for place, code in CAUSES if place == "signal"} == {c.event.code for c in signals.CHANGES}


def test_every_effect_of_the_clock_is_a_cause():
    assert {code for place, code in CAUSES if place == "clock"} == {
        e.event.code for e in due.EFFECTS.values()
    }
