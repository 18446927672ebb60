"""An owner's day at a glance: what counts as today, and as income."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from parking.actions import bookings, carwashes, lots, payments
from parking.models import Booking, CarWashType, Lot, Payment, Slot, User
from tests.conftest import soon

DAY = timedelta(days=1)


@pytest.fixture
def today(as_user):
    def ask(person, zone=None):
        answer = as_user(person).get("/api/owner/today/", {"zone": zone} if zone else {})
        assert answer.status_code == 200, answer.json()
        return answer.json()

    return ask


@pytest.fixture
def clock(monkeypatch):
    """Set what the view takes for now."""

    def set_to(text):
        monkeypatch.setattr("parking.api.owners.timers.now", lambda: datetime.fromisoformat(text))

    return set_to


def came(payment, moment):
    """Let a payment have come at another moment."""
    times = {"created_at": moment} if payment.verified_at is None else {"verified_at": moment}
    Payment.objects.filter(pk=payment.pk).update(**times)


def cash(book, **wish):
    return book(method=Payment.Method.CASH, token="", **wish).payments.get()


def test_a_day_counts_what_is_held_what_arrives_and_what_came_in(cast, book, today):
    Slot.objects.create(lot=cast.lot, number=8, hourly_rate="6.00")
    book()
    answer = today(cast.omar)
    lot = {"id": cast.lot.pk, "name": "Central", "slot_count": 2, "occupied_now": 1}
    assert answer["lots"] == [{**lot, "arriving_today": 0, "income_today": "6.00"}]
    assert (answer["slot_count"], answer["occupied_now"], answer["income_today"]) == (2, 1, "6.00")
    starts_at, ends_at = (datetime.fromisoformat(answer[name]) for name in ("starts_at", "ends_at"))
    assert (starts_at.hour, ends_at - starts_at) == (0, DAY)


def test_who_arrives_today_comes_before_midnight(cast, book, today, clock):
    clock("2026-11-22T10:00:00+00:00")
    for day in (22, 23):
        moment = datetime(2026, 11, day, 20, tzinfo=UTC)
        booking = book(starts_at=soon(days=day), minutes=30)
        times = {"starts_at": moment, "ends_at": moment + timedelta(hours=1)}
        Booking.objects.filter(pk=booking.pk).update(**times)
    assert today(cast.omar)["arriving_today"] == 1
    # In Auckland the evening of the 22nd is the morning of the 23rd.
    assert today(cast.omar, "Pacific/Auckland")["arriving_today"] == 0


@pytest.mark.parametrize(
    ("zone", "starts_at", "ends_at"),
    [
        ("UTC", "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"),
        ("Asia/Kolkata", "2026-10-24T18:30:00Z", "2026-10-25T18:30:00Z"),
        ("Pacific/Auckland", "2026-10-25T11:00:00Z", "2026-10-26T11:00:00Z"),
        # Clocks go back: 25 hours.
        ("Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
    ],
)
def test_the_day_is_that_of_the_zone_also_when_clocks_go_back(cast, today, clock, zone, starts_at, ends_at):
    clock("2026-10-25T12:00:00+00:00")
    answer = today(cast.omar, zone)
    assert (answer["starts_at"], answer["ends_at"]) == (starts_at, ends_at)


def test_the_day_when_clocks_go_forward_has_23_hours(cast, today, clock):
    clock("2026-03-29T12:00:00+00:00")
    answer = today(cast.omar, "Europe/Berlin")
    assert (answer["starts_at"], answer["ends_at"]) == ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")


def test_money_of_the_last_second_of_a_25_hour_day_is_of_that_day(cast, book, today, clock):
    clock("2026-10-25T12:00:00+00:00")
    payment = book().payments.get()
    came(payment, datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC))
    assert today(cast.omar, "Europe/Berlin")["income_today"] == "6.00"
    came(payment, datetime(2026, 10, 25, 23, 0, tzinfo=UTC))
    assert today(cast.omar, "Europe/Berlin")["income_today"] == "0.00"


def test_cash_is_income_of_the_day_it_was_verified_whenever_the_booking_is(cast, book, today):
    payment = payments.verify(cash(book).pk, by=cast.omar)
    assert today(cast.omar)["income_today"] == "6.00"
    came(payment, soon(days=-1))
    assert today(cast.omar)["income_today"] == "0.00"


def test_cash_of_yesterdays_booking_that_is_verified_today_is_todays(cast, book, today):
    payment = cash(book)
    Payment.objects.filter(pk=payment.pk).update(created_at=soon(days=-1))
    payments.verify(payment.pk, by=cast.omar)
    assert today(cast.omar)["income_today"] == "6.00"


def test_cash_that_is_due_is_no_income_but_counted(cast, book, today):
    cash(book)
    answer = today(cast.omar)
    assert (answer["income_today"], answer["cash_to_verify"], answer["cash_to_verify_amount"]) == (
        "0.00",
        1,
        "6.00",
    )


def test_what_is_given_back_is_no_income(cast, book, today):
    bookings.cancel(book().pk, by=cast.dina)
    paid = cash(book)
    payments.verify(paid.pk, by=cast.omar)
    bookings.cancel(paid.booking_id, by=cast.dina)
    answer = today(cast.omar)
    assert (answer["income_today"], answer["cash_to_hand_back"]) == ("0.00", 1)
    payments.hand_back(paid.pk, by=cast.omar)
    assert today(cast.omar)["cash_to_hand_back"] == 0


def test_a_wash_is_income_too(cast, alarms, today):
    wash = CarWashType.objects.create(lot=cast.lot, name="Quick", price=Decimal("10.00"))
    carwashes.order(driver=cast.dina, wash_type_id=wash.pk, method=Payment.Method.CARD, token="tok_visa")
    assert today(cast.omar)["income_today"] == "10.00"


def test_owners_see_their_own_lots_and_staff_all(cast, book, today):
    book()
    olga = User.objects.create(username="olga", password="!", role=User.Role.OWNER)
    lot = lots.create_lot(owner=olga, name="North", address="9 Hill")
    assert [row["id"] for row in today(olga)["lots"]] == [lot.pk]
    assert today(olga)["income_today"] == "0.00"
    assert {row["id"] for row in today(cast.ada)["lots"]} == set(Lot.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "/etc/localtime", "utc+1", "x" * 51])
def test_a_zone_that_is_not_known_is_a_400(cast, as_user, zone):
    answer = as_user(cast.omar).get("/api/owner/today/", {"zone": zone})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["zone"])
