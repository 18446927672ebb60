"""Who may do what: every route, every method, every kind of person, and what each is answered."""

import json

import pytest
from django.db import transaction
from django.test import Client

from parking import readiness
from tests.world import METHODS, PATTERNS, bodies

# What a test does on top of the file's one world is rolled back.
pytestmark = pytest.mark.django_db

PEOPLE = ("nobody", "dina", "eve", "omar", "olga", "ada")

# Nobody, Dina (whose things it is about), Eve (another driver), Omar (at whose lot it is), Olga
# (another owner), Ada (staff). A method that is not here is answered 405, or 401 to nobody.
MATRIX = {
    "":                                 {"GET":   "200 200 200 200 200 200"},
    # Accounts. The password that is sent is Dina's.
    "auth/register/":                   {"POST":  "201 201 201 201 201 201"},
    "auth/login/":                      {"POST":  "200 200 200 200 200 200"},
    "auth/logout/":                     {"POST":  "401 204 204 204 204 204"},
    "auth/me/":                         {"GET":   "200 200 200 200 200 200"},
    "auth/password/":                   {"POST":  "401 204 400 400 400 400"},
    "auth/token/":                      {"POST":  "201 201 201 201 201 201"},
    "auth/tokens/":                     {"GET":   "401 200 200 200 200 200"},
    "auth/tokens/<int:pk>/":            {"DELETE": "401 204 404 404 404 404"},
    "ws-ticket/":                       {"POST":  "401 201 201 201 201 201"},
    # Lots are everyone's to see, and their owner's to change.
    "lots/":                            {"GET":   "401 200 200 200 200 200",
                                         "POST":  "401 403 403 201 201 403"},
    "lots/<int:pk>/":                   {"GET":   "401 200 200 200 200 200",
                                         "PATCH": "401 403 403 200 403 200"},
    "lots/<int:pk>/slots/":             {"POST":  "401 403 403 201 403 201",
                                         "PATCH": "401 403 403 200 403 200"},
    "lots/<int:pk>/carwash-types/":     {"GET":   "401 200 200 200 200 200",
                                         "POST":  "401 403 403 201 403 201"},
    "slots/<int:pk>/":                  {"PATCH": "401 403 403 200 403 200"},
    "carwash-types/<int:pk>/":          {"PATCH": "401 403 403 200 403 200"},
    # Bookings are their driver's, and the lot's owner's to see and to decline. Ada drives, too.
    "bookings/":                        {"GET":   "401 200 200 200 200 200",
                                         "POST":  "401 201 201 403 403 201"},
    "bookings/<int:pk>/":               {"GET":   "401 200 404 200 404 200"},
    "bookings/<int:pk>/renew/":         {"POST":  "401 201 404 403 404 403"},
    "bookings/<int:pk>/extend/":        {"POST":  "401 200 404 403 404 403"},
    "bookings/<int:pk>/cancel/":        {"POST":  "401 200 404 403 404 403"},
    "bookings/<int:pk>/decline/":       {"POST":  "401 403 404 200 404 200"},
    "bookings/<int:pk>/timeline/":      {"GET":   "401 200 404 200 404 200"},
    "payments/":                        {"GET":   "401 200 200 200 200 200"},
    "payments/<int:pk>/":               {"GET":   "401 200 404 200 404 200"},
    "owner/today/":                     {"GET":   "401 403 403 200 200 200"},
    "owner/payments/":                  {"GET":   "401 403 403 200 200 200"},
    "owner/payments/<int:pk>/verify/":  {"POST":  "401 403 404 200 404 200"},
    "owner/payments/<int:pk>/hand-back/": {"POST": "401 403 404 200 404 200"},
    # The wash is ordered with Dina's booking: Eve must not know of it, and Ada does not order for Dina.
    "carwashes/":                       {"GET":   "401 200 200 200 200 200",
                                         "POST":  "401 201 404 403 403 403"},
    "carwashes/<int:pk>/":              {"GET":   "401 200 404 200 404 200"},
    "carwashes/<int:pk>/assign/":       {"POST":  "401 403 404 200 404 200"},
    "carwashes/<int:pk>/start/":        {"POST":  "401 403 404 200 404 200"},
    "carwashes/<int:pk>/complete/":     {"POST":  "401 403 404 200 404 200"},
    "carwashes/<int:pk>/cancel/":       {"POST":  "401 200 404 200 404 200"},
    # Employees are their owner's alone.
    "employees/":                       {"GET":   "401 403 403 200 200 200",
                                         "POST":  "401 403 403 201 201 403"},
    "employees/<int:pk>/":              {"GET":   "401 403 403 200 404 200",
                                         "PATCH": "401 403 403 200 404 200"},
    "employee-assignments/":            {"GET":   "401 403 403 200 200 200",
                                         "POST":  "401 403 403 201 404 201"},
    # The inbox is one's own: staff have no key to it.
    "notifications/":                   {"GET":   "401 200 200 200 200 200"},
    "notifications/unread/":            {"GET":   "401 200 200 200 200 200"},
    "notifications/read-all/":          {"POST":  "401 200 200 200 200 200"},
    "notifications/<int:pk>/read/":     {"POST":  "401 200 404 404 404 404"},
    "notification-preferences/":        {"GET":   "401 200 200 200 200 200",
                                         "PATCH": "401 200 200 200 200 200"},
    "health/live/":                     {"GET":   "200 200 200 200 200 200"},
    "health/ready/":                    {"GET":   "200 200 200 200 200 200"},
    "schema/":                          {"GET":   "200 200 200 200 200 200"},
    "docs/":                            {"GET":   "200 200 200 200 200 200"},
}  # fmt: skip

# Who is not signed in is told so first, except at these.
OPEN = {
    "",
    "auth/register/",
    "auth/login/",
    "auth/me/",
    "auth/token/",
    "health/live/",
    "health/ready/",
    "schema/",
    "docs/",
}


@pytest.fixture(scope="module")
def client():
    """One for the file: each new one loads the middleware anew, which takes longer than a test."""
    return Client()


def expected(route, method):
    """The six statuses of the table."""
    nobody = "405" if route in OPEN else "401"
    return [int(status) for status in MATRIX[route].get(method, f"{nobody} 405 405 405 405 405").split()]


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client.cookies["sessionid"].value


def ask(client, route, method, *, world, session):
    """The answer's status. What the request does is undone."""
    client.cookies.clear()
    if session:
        client.cookies["sessionid"] = session
    body = json.dumps(bodies(world).get((method, route), {}))
    with transaction.atomic():
        answer = client.generic(method, world.path(route), body, content_type="application/json")
        transaction.set_rollback(True)
    if answer.status_code >= 400:
        assert {"code", "message"} <= answer.json().keys()
    return answer.status_code


def test_every_route_is_in_the_matrix():
    assert MATRIX.keys() == PATTERNS.keys()


@pytest.fixture(scope="module")
def sessions(world):
    return [None, *(signed_in(getattr(world, name)) for name in PEOPLE[1:])]


@pytest.fixture
def all_is_well(monkeypatch):
    """Nobody sweeps here, and some of the world's bookings are over."""
    monkeypatch.setattr(readiness, "look", list)


@pytest.mark.usefixtures("all_is_well")
@pytest.mark.parametrize("route", MATRIX)
def test_each_person_is_answered_what_the_matrix_says(client, world, sessions, route):
    answered = {
        method: [ask(client, route, method, world=world, session=session) for session in sessions]
        for method in METHODS
    }
    assert answered == {method: expected(route, method) for method in METHODS}
