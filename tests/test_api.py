"""The HTTP door: shapes, refusals, and that bad input loses nothing."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from parking.actions.bookings import run_due
from parking.models import Booking, Lot, Slot
from tests.conftest import soon, time_passes


def wish(cast, **changes):
    body = {
        "slot": cast.slot.pk,
        "vehicle_number": "KA 01-ab 1234",
        "ends_at": soon(hours=1).isoformat(),
        "payment_method": "card",
        "payment_token": "tok_visa",
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


def post(client, path, body=None, **extra):
    data = body if isinstance(body, str | bytes) else json.dumps(body or {})
    return client.post(path, data, content_type="application/json", **extra)


# --- lots -------------------------------------------------------------------------------------


def test_lots_tell_how_many_of_their_slots_are_free(cast, as_user, book):
    Slot.objects.create(lot=cast.lot, number=8, hourly_rate="3.50")
    Slot.objects.create(lot=cast.lot, number=9, hourly_rate="1.00", is_active=False)
    book()
    (lot,) = as_user(cast.eve).get("/api/lots/").json()["results"]
    assert lot["name"] == "Central"
    assert (lot["slot_count"], lot["free_now"], lot["hourly_rate_from"]) == (2, 1, "3.50")


def test_a_lot_tells_when_each_slot_is_free(cast, as_user, book):
    booking = book(starts_at=soon(hours=1), minutes=30)
    lot = as_user(cast.eve).get(f"/api/lots/{cast.lot.pk}/").json()
    (slot,) = lot["slots"]
    assert slot["free_now"] is True
    _now, *edges, end = [moment for period in slot["free"] for moment in period.values()]
    assert [datetime.fromisoformat(edge) for edge in edges] == [booking.starts_at, booking.ends_at]
    assert end == lot["outlook_until"]


def test_a_slot_that_is_held_now_says_so(cast, as_user, book):
    booking = book()
    (slot,) = as_user(cast.eve).get(f"/api/lots/{cast.lot.pk}/").json()["slots"]
    assert slot["free_now"] is False
    assert datetime.fromisoformat(slot["free"][0]["starts_at"]) == booking.ends_at


def test_a_page_has_at_most_a_hundred_rows(cast, as_user):
    Lot.objects.bulk_create(Lot(owner=cast.omar, name="x", address="y") for _ in range(120))
    page = as_user(cast.eve).get("/api/lots/?page_size=100").json()
    assert (len(page["results"]), page["count"]) == (100, 121)


@pytest.mark.parametrize("size", ["101", "1000000000", "0", "-1", "x", "1e9", "9" * 40, "%00"])
def test_another_page_size_is_refused(cast, as_user, size):
    answer = as_user(cast.eve).get(f"/api/lots/?page_size={size}")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["page_size"])


# --- bookings ---------------------------------------------------------------------------------


def test_booking_answers_201_with_the_booking(cast, as_user, alarms):
    body = wish(cast)
    answer = post(as_user(cast.dina), "/api/bookings/", body)
    assert answer.status_code == 201
    booking = answer.json()
    assert (booking["status"], booking["price"], booking["vehicle_number"]) == (
        "BOOKED",
        "6.00",
        "KA01AB1234",
    )
    assert datetime.fromisoformat(booking["ends_at"]) == datetime.fromisoformat(body["ends_at"])


def test_a_taken_slot_answers_409_with_when_it_is_next_free(cast, as_user, book):
    held = book()
    answer = post(as_user(cast.eve), "/api/bookings/", wish(cast))
    assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")
    free = datetime.fromisoformat(answer.json()["next_free_at"])
    assert abs(free - held.ends_at) < timedelta(milliseconds=1)


BAD_WISHES = {
    "in the past": ({"starts_at": "2020-01-01T00:00:00Z"}, 400, "starts_at"),
    "end before start": ({"ends_at": "2020-01-01T00:00:00Z"}, 400, "ends_at"),
    "no time zone": ({"ends_at": "2099-01-01T00:00:00"}, 400, "ends_at"),
    "only a date": ({"ends_at": "2099-01-01"}, 400, "ends_at"),
    "year 9999": ({"ends_at": "9999-12-31T23:59:59Z"}, 400, "ends_at"),
    "beyond the calendar": ({"ends_at": "9999-12-31T23:59:59-14:00"}, 400, "ends_at"),
    "before the calendar": ({"starts_at": "0001-01-01T00:00:00+14:00"}, 400, "starts_at"),
    "a year ahead": ({"starts_at": "9998-12-31T23:59:59Z"}, 400, "starts_at"),
    "not a time": ({"ends_at": "tomorrow"}, 400, "ends_at"),
    "a number for a time": ({"ends_at": 5}, 400, "ends_at"),
    "no end": ({"ends_at": ...}, 400, "ends_at"),
    "no slot": ({"slot": ...}, 400, "slot"),
    "slot zero": ({"slot": 0}, 400, "slot"),
    "slot minus one": ({"slot": -1}, 400, "slot"),
    "slot beyond bigint": ({"slot": 2**63}, 400, "slot"),
    "slot true": ({"slot": True}, 400, "slot"),
    "slot a word": ({"slot": "abc"}, 400, "slot"),
    "slot infinite": ({"slot": 1e400}, 400, None),
    "slot unknown": ({"slot": 999_999}, 404, None),
    "plate too short": ({"vehicle_number": "A1"}, 400, "vehicle_number"),
    "plate too long": ({"vehicle_number": "A" * 13}, 400, "vehicle_number"),
    "plate with signs": ({"vehicle_number": "KA01;DROP"}, 400, "vehicle_number"),
    "plate with a NUL": ({"vehicle_number": "KA01\x0023"}, 400, "vehicle_number"),
    "plate with a lone surrogate": ({"vehicle_number": "KA01\ud800"}, 400, "vehicle_number"),
    "plate whose capitals would do": ({"vehicle_number": "KA01\u00df\u00df"}, 400, "vehicle_number"),
    "plate a list": ({"vehicle_number": ["KA01AB1234"]}, 400, "vehicle_number"),
    "plate in other digits": ({"vehicle_number": "KA\u0660\u0661\u0662\u0663"}, 400, "vehicle_number"),
    "paid with shells": ({"payment_method": "shells"}, 400, "payment_method"),
    "a price of one's own": ({"price": "0.01"}, 400, "price"),
    "card declined": ({"payment_token": "tok_declined"}, 402, None),
    "card without a token": ({"payment_token": ...}, 400, "payment_token"),
}


@pytest.mark.parametrize("name", BAD_WISHES)
def test_a_booking_that_cannot_be_is_refused_and_nothing_is_stored(cast, as_user, name):
    changes, status, field = BAD_WISHES[name]
    answer = post(as_user(cast.dina), "/api/bookings/", wish(cast, **changes))
    body = answer.json()
    assert answer.status_code == status, body
    assert {"code", "message"} <= body.keys()
    if field:
        assert list(body["fields"]) == [field]
    assert not Booking.objects.exists()


def test_a_write_without_the_csrf_token_is_refused(cast):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(cast.dina)
    answer = post(browser, "/api/bookings/", wish(cast))
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert not Booking.objects.exists()


def test_longer_than_a_month_is_refused(cast, as_user):
    answer = post(as_user(cast.dina), "/api/bookings/", wish(cast, ends_at=soon(days=32).isoformat()))
    assert list(answer.json()["fields"]) == ["ends_at"]


def test_an_inactive_slot_is_refused(cast, as_user):
    Slot.objects.update(is_active=False)
    assert post(as_user(cast.dina), "/api/bookings/", wish(cast)).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        "5",
        '"x"',
        '{"slot": NaN}',
        "[" * 60_000,
        '{"a":' * 10_000,
        b"\xff\xfe",
        "9" * 5000,
    ],
)
def test_broken_json_is_a_400_never_a_500(cast, as_user, body):
    answer = post(as_user(cast.dina), "/api/bookings/", body)
    assert answer.status_code == 400
    assert {"code", "message"} <= answer.json().keys()


def test_another_content_type_is_a_415(cast, as_user):
    answer = as_user(cast.dina).post("/api/bookings/", {"slot": 1})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_another_method_is_a_405(cast, as_user):
    answer = as_user(cast.dina).delete("/api/bookings/")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_an_unknown_address_is_a_404_in_the_same_shape(db, client):
    answer = client.get("/api/nowhere/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


PRIVATE = ["/api/bookings/", "/api/bookings/1/", "/api/lots/", "/api/lots/1/"]


@pytest.mark.parametrize("path", PRIVATE)
def test_who_is_not_signed_in_is_answered_401(db, client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("verb", ["renew", "extend", "cancel", "decline"])
def test_verbs_on_anothers_booking_answer_404(cast, as_user, book, verb):
    pay = {"ends_at": soon(hours=2).isoformat(), "payment_method": "card", "payment_token": "tok_visa"}
    body = pay if verb in ("renew", "extend") else {}
    answer = post(as_user(cast.eve), f"/api/bookings/{book().pk}/{verb}/", body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("pk", ["0", "-1", "abc", str(2**63), "9" * 40])
def test_ids_that_cannot_be_answer_404(cast, as_user, pk):
    client = as_user(cast.dina)
    assert client.get(f"/api/bookings/{pk}/").status_code == 404
    assert client.get(f"/api/lots/{pk}/").status_code == 404
    assert post(client, f"/api/bookings/{pk}/cancel/").status_code == 404


def test_an_illegal_move_answers_409_with_the_state_it_is_in(cast, as_user, book):
    client, path = as_user(cast.dina), f"/api/bookings/{book().pk}/cancel/"
    assert post(client, path).json()["status"] == "CANCELLED"
    answer = post(client, path)
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move")
    assert answer.json()["booking_status"] == "CANCELLED"


def test_everyone_sees_only_the_bookings_that_concern_them(cast, as_user, book):
    booking = book()
    seen = {
        who.username: [row["id"] for row in as_user(who).get("/api/bookings/").json()["results"]]
        for who in (cast.dina, cast.omar, cast.ada, cast.eve)
    }
    assert seen == {"dina": [booking.pk], "omar": [booking.pk], "ada": [booking.pk], "eve": []}
    assert as_user(cast.eve).get(f"/api/bookings/{booking.pk}/").status_code == 404
    assert as_user(cast.dina).get(f"/api/bookings/{booking.pk}/").json()["id"] == booking.pk


def test_extending_renewing_and_declining_over_http(cast, as_user, book):
    driver, owner, booking = as_user(cast.dina), as_user(cast.omar), book()
    end = booking.ends_at + timedelta(hours=1)
    body = {"ends_at": end.isoformat(), "payment_method": "upi", "payment_token": "tok_visa"}
    extended = post(driver, f"/api/bookings/{booking.pk}/extend/", body)
    assert (extended.status_code, extended.json()["price"]) == (200, "12.00")
    early = post(driver, f"/api/bookings/{booking.pk}/renew/", body)
    assert (early.status_code, early.json()["code"]) == (409, "not_expired")
    booking.refresh_from_db()
    time_passes(booking, hours=2, minutes=1)
    run_due()
    renewed = post(driver, f"/api/bookings/{booking.pk}/renew/", body)
    assert (renewed.status_code, renewed.json()["renewed_from"]) == (201, booking.pk)
    declined = post(owner, f"/api/bookings/{renewed.json()['id']}/decline/")
    assert declined.json()["status"] == "CANCELLED_BY_ADMIN"


def test_times_are_answered_in_utc_with_their_zone(cast, as_user, book):
    ends_at = as_user(cast.dina).get(f"/api/bookings/{book().pk}/").json()["ends_at"]
    assert datetime.fromisoformat(ends_at).tzinfo == UTC


def test_health_answers_without_signing_in(db, swept, client):
    assert client.get("/api/health/live/").json() == {"status": "live"}
    assert client.get("/api/health/ready/").json() == {"status": "ready"}


def test_the_first_page_of_the_api_says_what_there_is(db, client):
    assert "/api/lots/" in client.get("/api/").json()["paths"]
