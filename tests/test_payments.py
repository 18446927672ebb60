"""Payments over HTTP: cash is verified and handed back, and lists are narrowed."""

import json

import pytest

from parking.actions import bookings, carwashes
from parking.models import CarWashType, Payment
from tests.conftest import told


@pytest.fixture
def omar(cast, as_user):
    return as_user(cast.omar)


@pytest.fixture
def cash(book):
    return book(method=Payment.Method.CASH, token="")


def verb(client, payment, name):
    path = f"/api/owner/payments/{payment.pk}/{name}/"
    return client.post(path, json.dumps({}), content_type="application/json")


def test_verified_cash_says_so_and_books_the_booking(cast, omar, cash):
    payment = cash.payments.get()
    answer = verb(omar, payment, "verify")
    assert answer.status_code == 200
    assert answer.json() == {
        "id": payment.pk,
        "booking": cash.pk,
        "car_wash": None,
        "driver": cast.dina.pk,
        "driver_name": "dina",
        "method": "cash",
        "amount": "6.00",
        "status": "VERIFIED",
        "reference": "",
        "verified_at": answer.json()["verified_at"],
        "refund_due_at": None,
        "refunded_at": None,
        "created_at": answer.json()["created_at"],
    }
    cash.refresh_from_db()
    assert cash.status == "BOOKED"
    assert told(cast.dina) == ["CASH_VERIFIED"]


def test_verifying_again_changes_nothing(cast, omar, cash):
    first, second = (verb(omar, cash.payments.get(), "verify") for _ in range(2))
    assert (second.status_code, second.json()) == (200, first.json())
    assert told(cast.dina) == ["CASH_VERIFIED"]


def test_what_was_paid_by_card_is_not_verified_by_hand(omar, book):
    answer = verb(omar, book().payments.get(), "verify")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_cash")


def test_cash_of_a_cancelled_booking_cannot_be_verified_any_more(cast, omar, cash):
    bookings.cancel(cash.pk, by=cast.dina)
    answer = verb(omar, cash.payments.get(), "verify")
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move")
    assert answer.json()["payment_status"] == "FAILED"


def test_cash_goes_back_once_and_only_when_it_is_due(cast, omar, cash):
    payment = cash.payments.get()
    verb(omar, payment, "verify")
    early = verb(omar, payment, "hand-back")
    assert (early.status_code, early.json()["code"]) == (409, "no_refund_due")
    bookings.cancel(cash.pk, by=cast.dina)
    first, second = (verb(omar, payment, "hand-back") for _ in range(2))
    assert first.json()["refunded_at"]
    assert (second.status_code, second.json()) == (200, first.json())


@pytest.mark.parametrize("name", ["verify", "hand-back"])
def test_a_driver_does_neither_with_their_own_cash(cast, as_user, cash, name):
    answer = verb(as_user(cast.dina), cash.payments.get(), name)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert cash.payments.get().status == "PENDING"


def test_lists_are_narrowed_by_what_was_paid_how_and_how_it_stands(cast, omar, as_user, cash):
    wash_type = CarWashType.objects.create(lot=cast.lot, name="Quick", price="10.00")
    card = {"method": Payment.Method.CARD, "token": "tok_visa"}
    wash = carwashes.order(driver=cast.dina, wash_type_id=wash_type.pk, **card)
    of_booking, of_wash = cash.payments.get().pk, wash.payments.get().pk

    for client, path in ((omar, "/api/owner/payments/"), (as_user(cast.dina), "/api/payments/")):

        def found(client=client, path=path, **query):
            return [row["id"] for row in client.get(path, query).json()["results"]]

        assert found() == [of_wash, of_booking]
        assert found(method="cash", status="PENDING") == found(booking=cash.pk) == [of_booking]
        assert found(car_wash=wash.pk) == found(status="PAID") == [of_wash]
        assert found(booking=cash.pk, method="upi") == []


def test_a_stranger_sees_no_payment(cast, as_user, cash):
    assert as_user(cast.eve).get("/api/payments/").json()["results"] == []
    assert as_user(cast.eve).get(f"/api/payments/{cash.payments.get().pk}/").status_code == 404
