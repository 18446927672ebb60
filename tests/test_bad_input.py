"""Bad input to every route: a 4xx with a code, never a 500, and nothing is stored.

The cases are made from what the views declare, so that a new route or field is covered by itself.
"""

import base64
import copy
import json
from itertools import chain

import httpx
import pytest
from django.test import Client
from rest_framework import serializers

from parking.api.pages import Listing
from parkmate.asgi import application
from tests.world import ABOUT, METHODS, PATTERNS, SHAPES, bodies, query_of, rows, send

pytestmark = pytest.mark.django_db

BEYOND = 2**63
IDS = ["0", "-1", str(BEYOND), "9" * 40, "abc", "1.5", "%00", "1e3"]
QUERIES = {route: shape for route in PATTERNS if (shape := query_of(route))}
NESTED = serializers.ListField


def refused(answer, *statuses):
    assert answer.status_code in statuses, (answer.status_code, answer.content[:300])
    assert {"code", "message"} <= answer.json().keys()
    return answer.json()


@pytest.fixture(scope="module")
def client():
    """One for the file: each new one loads the middleware anew, which takes longer than a test."""
    return Client()


@pytest.fixture
def nothing_changes(world):
    """Nothing that the test does leaves a trace in our tables."""
    before = rows()
    yield
    assert rows() == before


# --- Ids --------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["omar", "ada"])
@pytest.mark.parametrize("route", [route for route in PATTERNS if "<int:pk>" in route])
def test_an_id_that_cannot_be_is_a_404(client, world, nothing_changes, route, person):
    client.force_login(getattr(world, person))
    view = PATTERNS[route].callback.cls
    for method in [method for method in METHODS if hasattr(view, method.lower())]:
        body = json.dumps(bodies(world).get((method, route), {}))
        for pk in IDS:
            answer = client.generic(method, world.path(route, pk), body, content_type="application/json")
            refused(answer, 404)


def test_every_route_with_an_id_says_what_it_is_about():
    assert {route for route in PATTERNS if "<int:pk>" in route} == ABOUT.keys()


# --- Bodies -----------------------------------------------------------------------------------

BROKEN = {
    "malformed": "{",
    "two": "{} {}",
    "top-level array": "[]",
    "null": "null",
    "number": "5",
    "text": '"x"',
    "NaN": '{"price": NaN}',
    "infinite": '{"price": -Infinity}',
    "deep array": "[" * 10_000 + "]" * 10_000,
    "deep object": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "deep and open": "[" * 10_000,
    "not UTF-8": b"\xff\xfe",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "long number": "9" * 5000,
}


@pytest.mark.parametrize(("method", "route"), sorted(SHAPES))
def test_a_body_that_is_no_object_of_json_is_a_400(client, world, nothing_changes, method, route):
    for body in BROKEN.values():
        refused(send(client, world, method, route, body), 400)


def needed(shape):
    return [name for name, field in shape().fields.items() if field.required]


@pytest.mark.parametrize(("method", "route"), sorted(key for key in SHAPES if key[0] == "POST"))
def test_a_body_without_what_it_needs_names_the_fields(client, world, method, route):
    missing = needed(SHAPES[method, route])
    for body in ("", "{}") if missing else ():
        assert refused(send(client, world, method, route, body), 400)["fields"].keys() == set(missing)


@pytest.mark.parametrize(("method", "route"), sorted(SHAPES))
def test_a_key_that_comes_twice_is_a_400(client, world, nothing_changes, method, route):
    works = json.dumps(bodies(world)[method, route])
    name = next(iter(bodies(world)[method, route]))
    refused(send(client, world, method, route, f'{works[:-1]}, "{name}": 1}}'), 400)


NEVER = [{}, [], True, 1.5, ["x"], {"x": 1}, [[]], [None], -1, BEYOND]


def wrong_values(field):
    """Values that this field must not take."""
    words = {str(choice) for choice in getattr(field, "choices", ())}
    by_kind = {
        NESTED: ["x", 1, None, {"0": {}}, [1], [None], [[]], ["x"], [{}] * 101],
        serializers.BooleanField: [*NEVER[:2], *NEVER[3:], 1, 0, "true", "1", ""],
        serializers.IntegerField: [*NEVER, "1", "", "abc", 1e300],
        serializers.ChoiceField: [*NEVER, "", "shells", *(f"{word}\0" for word in words)],
        serializers.DecimalField: [
            *(*NEVER, 1, "", "abc", "NaN", "Infinity", "-Infinity", "1e3", "1_0", " 1"),
            *("9" * 30, "1." + "1" * 15, "\u0661", "1000000000"),
        ],
        serializers.DateTimeField: [
            *(*NEVER, 1, "", "tomorrow", "\0", "2099-01-01", "2099-01-01T00:00:00", "2099-13-01T00:00:00Z"),
            *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
        ],
        serializers.CharField: [*NEVER, 1, "x" * 1000, "x" * 60_000, "\0", "KA01\0", "\ud800", "KA01\ud800"],
    }
    values = next(values for kind, values in by_kind.items() if isinstance(field, kind))
    return [*values, *([] if field.allow_null else [None])]


def wrong_bodies(works, shape):
    """For each field of a body, and of the objects in its list: that field wrong, the rest right."""
    for name, field in shape.fields.items():
        if name in works or field.required or not isinstance(field, NESTED):
            yield from ((name, {**works, name: value}) for value in wrong_values(field))
        if isinstance(field, NESTED):
            (inner,) = works[name]
            for wrong, body in wrong_bodies(inner, field.child):
                yield wrong, {**works, name: [inner, body]}


@pytest.mark.parametrize(("method", "route"), sorted(SHAPES))
def test_a_field_of_the_wrong_kind_is_a_400_that_names_it(client, world, nothing_changes, method, route):
    works = copy.deepcopy(bodies(world)[method, route])
    for name, body in wrong_bodies(works, SHAPES[method, route]()):
        answer = send(client, world, method, route, body)
        said = refused(answer, 400)
        assert name in json.dumps(said.get("fields", name)), (name, said)


@pytest.mark.parametrize(("method", "route"), sorted(SHAPES))
def test_a_body_that_is_not_json_is_a_415(client, world, nothing_changes, method, route):
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "x"):
        refused(send(client, world, method, route, "a=b", content_type=kind), 415)


async def post_unread(method, route):
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        body = b'{"name": "' + b"x" * 2**20 + b'"}'
        path = "/api/" + route.replace("<int:pk>", "1")
        return await client.request(method, path, content=body, headers={"Content-Type": "application/json"})


@pytest.mark.asyncio
async def test_a_megabyte_of_text_is_a_413_everywhere():
    for method, route in SHAPES:
        refused(await post_unread(method, route), 413)


# --- Queries ----------------------------------------------------------------------------------

WRONG_IN_QUERY = {
    serializers.BooleanField: ["1", "yes", "", "TRUE", "%00"],
    serializers.IntegerField: ["0", "-1", "x", "", "1.5", "1e9", "%00", "9" * 40, str(BEYOND), "%D9%A1"],
    serializers.ChoiceField: ["x", "", "%00", "booked"],
    serializers.DateTimeField: ["x", "", "2099-01-01", "2099-01-01T00:00:00", "%00", "1"],
    serializers.CharField: ["%00", "x%00y", "x" * 5000],
}


def wrong_queries(shape):
    for name, field in shape().fields.items():
        values = next(values for kind, values in WRONG_IN_QUERY.items() if isinstance(field, kind))
        yield from ((name, value) for value in values)


@pytest.mark.parametrize("route", sorted(QUERIES))
def test_a_parameter_that_cannot_be_is_a_400_that_names_it(client, world, nothing_changes, route):
    client.force_login(world.omar)
    unknown = [("nothing", "1"), ("Page", "1"), ("page_size[]", "1"), ("%00", "1")]
    for name, value in chain(wrong_queries(QUERIES[route]), unknown):
        if name == "cursor":
            continue
        said = refused(client.get(f"{world.path(route)}?{name}={value}"), 400)
        assert said["fields"].keys() == {name.replace("%00", "\0")}, (name, value, said)


@pytest.mark.parametrize("route", [route for route in sorted(QUERIES) if route != "owner/today/"])
def test_no_page_is_longer_than_a_hundred_rows(client, world, route):
    client.force_login(world.omar)
    for size in ("101", "1000", "1000000000"):
        assert refused(client.get(f"{world.path(route)}?page_size={size}"), 400)["fields"].keys() == {
            "page_size"
        }


# What a cursor holds, forged.
CURSORS = [
    base64.b64encode(text).decode()
    for text in (b"p=", b"p=x", b"p=1.5", b"p=%00", b"p=1&o=x", b"o=-1", b"\xff")
]


@pytest.mark.parametrize("route", sorted(QUERIES))
def test_a_page_that_is_not_there_is_a_404(client, world, route):
    client.force_login(world.omar)
    parameters = QUERIES[route]().fields
    wrong = {"page": ["2", "999999"], "cursor": ["x", "x" * 5000, *CURSORS]}
    for name in wrong.keys() & parameters.keys():
        for value in wrong[name]:
            refused(client.get(f"{world.path(route)}?{name}={value}"), 404)


def test_every_list_says_which_parameters_it_takes():
    lists = {route for route, pattern in PATTERNS.items() if issubclass(_view(pattern), Listing)}
    assert lists <= QUERIES.keys()


# --- Everything -------------------------------------------------------------------------------


def _view(pattern):
    return getattr(pattern.callback, "cls", object)


@pytest.mark.parametrize("route", [route for route in PATTERNS if route not in ("schema/", "docs/")])
def test_who_wants_something_else_than_json_is_answered_406(client, world, nothing_changes, route):
    client.force_login(world.dina)
    for method in [method for method in METHODS if hasattr(_view(PATTERNS[route]), method.lower())]:
        body = json.dumps(bodies(world).get((method, route), {}))
        for wanted in ("text/html", "application/xml", "x"):
            answer = client.generic(
                method, world.path(route), body, content_type="application/json", HTTP_ACCEPT=wanted
            )
            refused(answer, 406)
