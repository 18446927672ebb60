"""Each event reaches its audience over a real socket, whoever causes it and through whichever door.

And only its audience, only for its cause: nobody else hears anything, and an unrelated save, a save that
leaves the field out, a rollback and a second save are silent.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from django.db import connection, transaction
from django.test import Client
from websockets.sync.client import ClientConnection, connect

from parking import signals
from parking.events import ANNOUNCEMENT, CATALOGUE
from parking.models import User
from parking.notifications import notify
from tests.conftest import Cast
from tests.frames import read
from tests.live.box import Box
from tests.live.scenarios import (
    CASES,
    PEOPLE,
    SILENT,
    TABLE,
    World,
    changes,
    expected,
    save_twice,
)
from tests.services import VALKEY

# The events of a change that signals announce.
MOVED = [change.event.code for change in signals.CHANGES if change.value]

END = "That is all."
SECRET = "a" * 32


@pytest.fixture(scope="module")
def web(services: Any, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A web process over this process's own database and Valkey: so this process is the shell."""
    box = Box(name=connection.settings_dict["NAME"], directory=tmp_path_factory.mktemp("web"))
    box.valkey = VALKEY
    box.times = {}
    try:
        box.start("web")
        yield box
    finally:
        for name in list(box.processes):
            box.kill(name)


@pytest.fixture
def cookie() -> Callable[[User], str]:
    """What a browser in which somebody is signed in sends."""

    def sign_in(user: User) -> str:
        client = Client()
        client.force_login(user)
        return f"sessionid={client.cookies['sessionid'].value}; csrftoken={SECRET}"

    return sign_in


@pytest.fixture
def world(cast: Cast, web: Box, cookie: Any) -> World:
    def post(user: User, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Cookie": cookie(user), "X-CSRFToken": SECRET}
        answer = httpx.post(f"{web.url}/api/{path}", json=body or {}, headers=headers, timeout=20)
        assert answer.status_code < 500, answer.text
        return dict(answer.json())

    def admin(model: str, action: str, row: Any = None, **form: Any) -> None:
        client = Client()
        client.force_login(cast.ada)
        if action == "add":
            answer = client.post(f"/admin/parking/{model}/add/", form)
        else:
            wish = {"action": action, "_selected_action": [row.pk], "confirmed": "yes", **form}
            answer = client.post(f"/admin/parking/{model}/", wish)
        assert answer.status_code == 302, answer.content.decode()

    return World(cast, post, admin)


@pytest.fixture
def listen(cast: Cast, web: Box, cookie: Any) -> Iterator[Callable[[], Callable[[], dict[str, list[str]]]]]:
    """Open everybody's socket; the function it returns tells what each has heard since."""
    with ExitStack() as stack:

        def opened(name: str) -> ClientConnection:
            headers = {"Cookie": cookie(getattr(cast, name))}
            address = f"ws://127.0.0.1:{web.port}/ws/notifications/me/"
            socket = stack.enter_context(connect(address, additional_headers=headers, origin=web.url))
            assert read(socket.recv(timeout=20))["connected"]
            return socket

        def start() -> Callable[[], dict[str, list[str]]]:
            sockets = {name: opened(name) for name in PEOPLE}

            def heard() -> dict[str, list[str]]:
                for name in PEOPLE:
                    notify(ANNOUNCEMENT, to=getattr(cast, name).pk, words=END)
                return {name: list(_until_the_end(socket)) for name, socket in sockets.items()}

            return heard

        yield start


def _until_the_end(socket: ClientConnection) -> Iterator[str]:
    while (frame := read(socket.recv(timeout=20)))["message"] != END:
        # What was told before the socket opened is no answer to what happened since.
        if not frame["replayed"]:
            yield frame["event"]


def test_the_table_has_every_event_that_a_person_or_the_clock_causes():
    # An operator's announcements and the digest have their own tests, with the schedule.
    assert set(TABLE) == set(CATALOGUE) - {"ANNOUNCEMENT", "OWNER_DIGEST"}


@pytest.mark.parametrize(("event", "door"), CASES)
def test_the_event_reaches_its_audience_and_nobody_else(world, listen, event, door):
    _, scenario, _ = TABLE[event]
    steps = scenario(world, door)
    next(steps)
    heard = listen()
    next(steps, None)
    assert heard() == expected(event)


@pytest.mark.parametrize("silence", SILENT, ids=lambda silence: silence.__name__)
@pytest.mark.parametrize("event", MOVED)
def test_what_is_no_change_is_silent(world, listen, cast, event, silence):
    make, change, other = changes(cast)[event]
    row = make(world)
    heard = listen()
    silence(row, change, other)
    assert heard() == {name: [] for name in PEOPLE}


@pytest.mark.parametrize("event", MOVED)
def test_a_second_save_is_silent(world, listen, cast, event):
    make, change, _ = changes(cast)[event]
    row = make(world)
    heard = listen()
    save_twice(row, change)
    assert heard() == expected(event)


@pytest.mark.parametrize("event", ["NEW_BOOKING", "EMPLOYEE_ASSIGNED"])
def test_a_creation_is_told_once_and_not_if_it_is_rolled_back(world, listen, event):
    _, scenario, _ = TABLE[event]
    heard = listen()
    with transaction.atomic():
        list(scenario(world, "shell"))
        transaction.set_rollback(True)
    list(scenario(world, "shell"))
    (change,) = [change for change in signals.CHANGES if change.event.code == event]
    change.model.objects.get().save()
    assert heard() == expected(event)
