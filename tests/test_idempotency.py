"""Idempotency-Key: what was sent twice is done once, and answered twice alike."""

import json

import psycopg
import pytest
from django.db import connection

from parking.actions.bookings import run_due
from parking.errors import GatewayAway
from parking.gateways import SandboxGateway
from parking.models import Booking, CarWash, Lot, Payment, StoredAnswer
from tests.conftest import soon, time_passes, told
from tests.world import SHAPES, bodies
from tests.world import build as build_world

BOOKINGS = "/api/bookings/"


@pytest.fixture
def wish(cast):
    return {
        "slot": cast.slot.pk,
        "vehicle_number": "KA01AB1234",
        "ends_at": soon(hours=1).isoformat(),
        "payment_method": "card",
        "payment_token": "tok_visa",
    }


@pytest.fixture
def dina(cast, as_user, alarms):
    return as_user(cast.dina)


def post(client, body, *, key, path=BOOKINGS):
    text = body if isinstance(body, str) else json.dumps(body)
    return client.post(path, text, content_type="application/json", headers={"Idempotency-Key": key})


def test_the_same_key_and_body_is_done_once_and_answered_alike(dina, wish):
    first, second = post(dina, wish, key="a"), post(dina, wish, key="a")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (Booking.objects.count(), Payment.objects.count()) == (1, 1)


def test_the_same_body_in_another_order_is_the_same(dina, wish):
    post(dina, wish, key="a")
    assert post(dina, dict(reversed(wish.items())), key="a").status_code == 201


def test_the_same_key_with_another_body_is_refused(dina, wish):
    post(dina, wish, key="a")
    answer = post(dina, {**wish, "vehicle_number": "KA01AB9999"}, key="a")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Booking.objects.get().vehicle_number == "KA01AB1234"


def test_another_key_is_another_wish(dina, wish):
    post(dina, wish, key="a")
    assert post(dina, wish, key="b").json()["code"] == "slot_taken"


def test_a_key_belongs_to_its_user(cast, as_user, dina, wish):
    post(dina, wish, key="a")
    answer = post(as_user(cast.eve), wish, key="a")
    assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")
    assert "Idempotent-Replayed" not in answer.headers


def test_a_key_belongs_to_its_address(dina, wish):
    booking = post(dina, wish, key="a").json()["id"]
    longer = {**wish, "ends_at": soon(hours=2).isoformat()}
    del longer["slot"], longer["vehicle_number"]
    answer = post(dina, longer, key="a", path=f"{BOOKINGS}{booking}/extend/")
    assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (200, False)
    assert Payment.objects.count() == 2


def test_while_the_first_is_under_way_the_second_is_told_to_wait(cast, dina, wish):
    with psycopg.connect(connection.connection.info.dsn) as other:
        name = f"{cast.dina.pk} POST {BOOKINGS} a"
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        answer = post(dina, wish, key="a")
        assert (answer.status_code, answer.json()["code"]) == (409, "in_flight")
        assert answer.headers["Retry-After"] == "1"
        assert post(dina, wish, key="b").status_code == 201
    assert StoredAnswer.objects.get().key == "b"


def test_a_declined_payment_is_stored_and_not_tried_again(dina, wish):
    declined = {**wish, "payment_token": "tok_declined"}
    first, second = post(dina, declined, key="a"), post(dina, declined, key="a")
    assert (first.status_code, second.status_code) == (402, 402)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert not Booking.objects.exists()


def test_a_renewal_that_was_refused_is_told_once(cast, dina, book, wish):
    old = book()
    time_passes(old, hours=1, minutes=1)
    run_due()
    body = {name: wish[name] for name in ("ends_at", "payment_method")}
    body["payment_token"] = "tok_insufficient_funds"
    answers = [post(dina, body, key="a", path=f"{BOOKINGS}{old.pk}/renew/") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [402, 402]
    assert told(cast.dina).count("RENEW_FAILURE") == 1


def test_a_provider_that_is_away_is_told_and_asked_again_by_the_same_key(cast, dina, book, wish, monkeypatch):
    def away(self, **_):
        raise GatewayAway

    old = book()
    time_passes(old, hours=1, minutes=1)
    run_due()
    body = {name: wish[name] for name in ("ends_at", "payment_method", "payment_token")}
    path = f"{BOOKINGS}{old.pk}/renew/"
    with monkeypatch.context() as patch:
        patch.setattr(SandboxGateway, "authorise", away)
        answer = post(dina, body, key="a", path=path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert told(cast.dina).count("RENEW_FAILURE") == 1
    assert not StoredAnswer.objects.exists()
    assert post(dina, body, key="a", path=path).status_code == 201


@pytest.mark.parametrize("body", ["{", "[]", {}, {"price": "0.01"}])
def test_a_body_that_cannot_be_stores_nothing_and_the_key_stays_free(dina, wish, body):
    assert post(dina, body, key="a").status_code == 400
    assert not StoredAnswer.objects.exists()
    assert post(dina, wish, key="a").status_code == 201


def test_a_defect_stores_nothing(dina, wish, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError

    dina.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr(StoredAnswer, "save", broken)
        assert post(dina, wish, key="a").status_code == 500
    assert not StoredAnswer.objects.exists()
    assert not Booking.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 201, "two words", " ", "tab\tbed", "schlüssel", "\x7f", "☃"])
def test_a_key_that_cannot_be_is_a_400(dina, wish, key):
    answer = post(dina, wish, key=key)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["Idempotency-Key"])
    assert not Booking.objects.exists()


def test_a_key_of_two_hundred_signs_will_do(dina, wish):
    assert post(dina, wish, key="~" * 200).status_code == 201


COSTS_MONEY = {route for (method, route), shape in SHAPES.items() if "payment_method" in shape().fields}


def test_what_costs_money_is_what_it_is():
    known = {"bookings/", "bookings/<int:pk>/renew/", "bookings/<int:pk>/extend/", "carwashes/"}
    assert known == COSTS_MONEY


@pytest.mark.parametrize("route", sorted(COSTS_MONEY))
def test_everything_that_costs_money_takes_a_key(db, alarms, as_user, route):
    world = build_world()
    client, body = as_user(world.dina), bodies(world)["POST", route]
    before = Payment.objects.count()
    first, second = (post(client, body, key="a", path=world.path(route)) for _ in range(2))
    assert first.status_code in (200, 201)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Payment.objects.count() == before + 1


def test_a_lot_can_still_be_added_without_a_key(cast, as_user):
    answer = post(
        as_user(cast.omar), {"name": "North", "address": "9 Hill"}, key="ignored", path="/api/lots/"
    )
    assert answer.status_code == 201
    assert (Lot.objects.count(), CarWash.objects.count(), StoredAnswer.objects.count()) == (2, 0, 0)
