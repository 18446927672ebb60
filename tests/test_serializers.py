"""What a body may say, and nothing else: made from the models' fields, so that a new one is covered."""

import copy

import pytest
from django.apps import apps
from django.test import Client
from rest_framework import serializers

from tests.world import ABOUT, SHAPES, bodies, rows, send

pytestmark = pytest.mark.django_db

MODELS = list(apps.get_app_config("parking").get_models())
EVERY_FIELD = {field.name for model in MODELS for field in model._meta.get_fields()} | {
    field.attname for model in MODELS for field in model._meta.concrete_fields
}
ALL = sorted(SHAPES)
PATCHES = [
    (route, name)
    for (method, route), shape in SHAPES.items()
    for name, field in shape().fields.items()
    if method == "PATCH" and not isinstance(field, serializers.ListField)
]


@pytest.fixture(scope="module")
def client():
    """One for the file: each new one loads the middleware anew, which takes longer than a test."""
    return Client()


def items(body, shape):
    """What of a body has fields: itself, or the objects in its one list."""
    nested = [name for name, field in shape().fields.items() if isinstance(field, serializers.ListField)]
    return [(body, shape()), *((body[name][0], shape().fields[name].child) for name in nested)]


def test_the_world_has_a_body_for_every_route_that_takes_one(world):
    assert bodies(world).keys() == SHAPES.keys()


@pytest.mark.parametrize(("method", "route"), ALL)
def test_the_body_works_as_it_is(client, world, method, route):
    assert send(client, world, method, route, bodies(world)[method, route]).status_code in (200, 201, 204)


@pytest.mark.parametrize(("method", "route"), ALL)
def test_every_field_of_every_model_that_is_not_to_be_written_is_refused_by_name(
    client, world, method, route
):
    works, before = bodies(world)[method, route], rows()
    for number, (_, shape) in enumerate(items(works, SHAPES[method, route])):
        body = copy.deepcopy(works)
        target, _ = items(body, SHAPES[method, route])[number]
        unknown = EVERY_FIELD - shape.fields.keys()
        target.update(dict.fromkeys(unknown, 1))
        answer = send(client, world, method, route, body)
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")
        named = answer.json()["fields"]
        assert (named if number == 0 else next(iter(named.values()))["0"]).keys() == unknown
    assert rows() == before


def other_value(field):
    if isinstance(field, serializers.ChoiceField):
        return list(field.choices)[-1]
    by_kind = {
        serializers.CharField: "Something else",
        serializers.DecimalField: "7.00",
        serializers.BooleanField: False,
        serializers.IntegerField: 77,
    }
    return next(value for kind, value in by_kind.items() if isinstance(field, kind))


def changes(before, after):
    """Which (id, field) differ; the tables hold the same rows."""
    for table in before:
        assert len(before[table]) == len(after[table])
        for old, new in zip(before[table], after[table], strict=True):
            yield from ((old["id"], name) for name in old if old[name] != new[name])


@pytest.mark.parametrize(("route", "name"), PATCHES)
def test_a_patch_changes_its_one_field_of_its_own_rows(client, world, route, name):
    value, before = other_value(SHAPES["PATCH", route]().fields[name]), rows()
    answer = send(client, world, "PATCH", route, {name: value})
    assert answer.status_code == 200, answer.json()
    told = answer.json()
    assert {str(row[name]).rstrip("0") for row in (told if isinstance(told, list) else [told])} == {
        str(value).rstrip("0")
    }
    # One row, or all slots of one lot.
    ids = [row["id"] for row in told] if isinstance(told, list) else [world.ids[ABOUT[route]]]
    assert list(changes(before, rows())) == [(pk, name) for pk in ids]
