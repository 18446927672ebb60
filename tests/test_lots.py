"""Lots over HTTP: how an owner adds and changes them, and how the list is narrowed."""

import json
from decimal import Decimal

import pytest

from parking.models import CarWashType, Lot, Slot
from tests.conftest import soon


@pytest.fixture
def omar(cast, as_user):
    return as_user(cast.omar)


def send(client, method, path, body):
    return client.generic(method, path, json.dumps(body), content_type="application/json")


def slot(number, **fields):
    return {"number": number, "hourly_rate": "6.00", **fields}


def test_twenty_slots_are_added_in_one_call(cast, omar):
    body = {"slots": [slot(number, vehicle_type="van") for number in range(11, 31)]}
    answer = send(omar, "POST", f"/api/lots/{cast.lot.pk}/slots/", body)
    assert answer.status_code == 201
    assert [row["number"] for row in answer.json()] == list(range(11, 31))
    assert answer.json()[0] == {
        **slot(11, vehicle_type="van"),
        "id": answer.json()[0]["id"],
        "is_active": True,
    }
    assert cast.lot.slots.count() == 21


def test_one_number_twice_and_none_of_the_twenty_is_added(cast, omar):
    wish = {"slots": [slot(n) for n in [*range(11, 30), 12]]}
    answer = send(omar, "POST", f"/api/lots/{cast.lot.pk}/slots/", wish)
    assert (answer.status_code, answer.json()["fields"]) == (400, {"slots": ["The same number twice: 12."]})
    assert list(cast.lot.slots.all()) == [cast.slot]


def test_one_number_that_is_taken_and_none_of_the_twenty_is_added(cast, omar):
    numbers = [*range(11, 30), 7]
    answer = send(omar, "POST", f"/api/lots/{cast.lot.pk}/slots/", {"slots": [slot(n) for n in numbers]})
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")
    assert answer.json()["fields"] == {"number": ["This lot already has: 7."]}
    assert list(cast.lot.slots.all()) == [cast.slot]


def test_one_slot_that_cannot_be_is_named_by_its_place_and_none_is_added(cast, omar):
    body = {"slots": [slot(11), slot(12, hourly_rate="-1.00")]}
    answer = send(omar, "POST", f"/api/lots/{cast.lot.pk}/slots/", body)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]["slots"]) == ["1"]
    assert cast.lot.slots.count() == 1


def test_a_lot_is_closed_and_opened_again_in_one_call_each(cast, omar, as_user):
    Slot.objects.create(lot=cast.lot, number=8, hourly_rate=Decimal("5.00"))
    slots = f"/api/lots/{cast.lot.pk}/slots/"
    answer = send(omar, "PATCH", slots, {"is_active": False})
    assert (answer.status_code, [slot["is_active"] for slot in answer.json()]) == (200, [False, False])
    assert as_user(cast.dina).get(f"/api/lots/{cast.lot.pk}/").json()["slots"] == []
    send(omar, "PATCH", slots, {"is_active": True})
    told = as_user(cast.dina).get(f"/api/lots/{cast.lot.pk}/").json()["slots"]
    assert [(slot["number"], slot["hourly_rate"]) for slot in told] == [(7, "6.00"), (8, "5.00")]


def test_all_slots_of_a_lot_get_another_rate_and_those_of_other_lots_keep_theirs(cast, omar):
    other = Slot.objects.create(
        lot=Lot.objects.create(owner=cast.omar, name="Other", address="2"), number=1, hourly_rate=1
    )
    send(omar, "PATCH", f"/api/lots/{cast.lot.pk}/slots/", {"hourly_rate": "8.50"})
    cast.slot.refresh_from_db()
    other.refresh_from_db()
    assert (cast.slot.hourly_rate, other.hourly_rate) == (Decimal("8.50"), 1)


def test_a_slots_number_cannot_become_anothers(cast, omar):
    other = Slot.objects.create(lot=cast.lot, number=8, hourly_rate="6.00")
    answer = send(omar, "PATCH", f"/api/slots/{other.pk}/", {"number": 7})
    assert (answer.status_code, list(answer.json()["fields"])) == (409, ["number"])
    other.refresh_from_db()
    assert other.number == 8


def test_what_is_booked_stays_booked_when_its_slot_goes_out_of_use(cast, omar, book):
    booking = book()
    answer = send(omar, "PATCH", f"/api/slots/{cast.slot.pk}/", {"is_active": False, "hourly_rate": "9.00"})
    assert (answer.json()["is_active"], answer.json()["hourly_rate"]) == (False, "9.00")
    booking.refresh_from_db()
    assert (booking.status, str(booking.price)) == ("BOOKED", "6.00")


def test_a_slot_out_of_use_is_shown_to_its_owner_and_staff_only(cast, as_user):
    Slot.objects.update(is_active=False)
    people = (cast.omar, cast.ada, cast.eve)
    seen = [len(as_user(person).get(f"/api/lots/{cast.lot.pk}/").json()["slots"]) for person in people]
    assert seen == [1, 1, 0]


def test_an_owner_adds_a_lot_and_moves_it(cast, omar):
    made = send(omar, "POST", "/api/lots/", {"name": "North", "address": "9 Hill"}).json()
    assert (made["owner"], made["latitude"], made["slot_count"]) == (cast.omar.pk, None, 0)
    where = {"latitude": "12.5", "longitude": "-77.25"}
    moved = send(omar, "PATCH", f"/api/lots/{made['id']}/", where).json()
    assert (moved["latitude"], moved["longitude"]) == ("12.500000", "-77.250000")
    gone = send(omar, "PATCH", f"/api/lots/{made['id']}/", dict.fromkeys(where))
    assert (gone.status_code, gone.json()["latitude"]) == (200, None)


@pytest.mark.parametrize(
    "half", [{"latitude": "1.0"}, {"longitude": "1.0"}, {"latitude": "1.0", "longitude": None}]
)
def test_half_a_position_is_a_400(cast, omar, half):
    for method, path, rest in (
        ("POST", "/api/lots/", {"name": "North", "address": "9 Hill"}),
        ("PATCH", f"/api/lots/{cast.lot.pk}/", {}),
    ):
        assert send(omar, method, path, {**rest, **half}).status_code == 400
    assert Lot.objects.get().latitude is None


def test_lots_are_found_by_words_of_name_and_address(cast, as_user):
    Lot.objects.create(owner=cast.eve, name="North", address="9 Hill Street")
    client = as_user(cast.dina)
    found = {
        words: [lot["name"] for lot in client.get("/api/lots/", {"q": words}).json()["results"]]
        for words in ("street", "north STREET", "hill central", "", "%", "_", "'; DROP")
    }
    both = ["Central", "North"]
    nothing = {"hill central": [], "%": [], "_": [], "'; DROP": []}
    assert found == {"street": both, "north STREET": ["North"], "": both, **nothing}


def test_an_owner_asks_for_their_own(cast, omar):
    Lot.objects.create(owner=cast.eve, name="North", address="9 Hill Street")
    assert [lot["name"] for lot in omar.get("/api/lots/?mine=true").json()["results"]] == ["Central"]
    assert omar.get("/api/lots/?mine=false").json()["count"] == 2


def test_a_kind_of_wash_is_offered_changed_and_named_once(cast, omar):
    path = f"/api/lots/{cast.lot.pk}/carwash-types/"
    made = send(omar, "POST", path, {"name": "Quick", "price": "10.00"})
    assert made.status_code == 201
    again = send(omar, "POST", path, {"name": "Quick", "price": "12.00"})
    assert (again.status_code, list(again.json()["fields"])) == (409, ["name"])
    changed = send(omar, "PATCH", f"/api/carwash-types/{made.json()['id']}/", {"is_offered": False})
    assert changed.json() == {**made.json(), "is_offered": False}
    assert omar.get(path).json() == [changed.json()]
    assert CarWashType.objects.count() == 1


def test_bookings_are_narrowed_by_status_lot_slot_and_time(cast, as_user, book):
    now_, later = book(), book(starts_at=soon(days=2))
    client = as_user(cast.dina)
    other = Slot.objects.create(lot=cast.lot, number=8, hourly_rate="6.00")

    def found(**query):
        return [row["id"] for row in client.get("/api/bookings/", query).json()["results"]]

    tomorrow = soon(days=1).isoformat()
    assert found() == found(lot=cast.lot.pk) == found(slot=cast.slot.pk) == [later.pk, now_.pk]
    assert found(after=tomorrow) == [later.pk]
    assert found(before=tomorrow) == [now_.pk]
    assert found(status="BOOKED", before=tomorrow, after=now_.starts_at.isoformat()) == [now_.pk]
    assert found(slot=other.pk) == found(status="EXPIRED") == found(lot=cast.lot.pk + 1) == []
