"""The operators' pages: everything shown in a few queries, and states moved by the verbs alone."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from parking import punctuality, readiness, timers
from parking.actions import bookings, payments
from parking.admin import verbs
from parking.admin.base import duration
from parking.admin.timers import verdict
from parking.models import (
    Booking,
    CarWash,
    CarWashType,
    DeviceToken,
    Employee,
    EmployeeAssignment,
    Lot,
    Mute,
    Notification,
    Payment,
    Pulse,
    Slot,
    Timer,
    User,
)
from tests.conftest import soon, time_passes, told

MODELS = sorted(
    (model for model in admin.site._registry if model._meta.app_label == "parking"),
    key=lambda model: model.__name__,
)
every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


@pytest.fixture
def ada(cast, as_user, alarms, swept):
    return as_user(cast.ada)


def list_of(model):
    return reverse(f"admin:parking_{model._meta.model_name}_changelist")


def page_of(row):
    return reverse(f"admin:parking_{row._meta.model_name}_change", args=[row.pk])


def messages_of(answer):
    return [str(message) for message in answer.context["messages"]]


def act(client, action, *rows, **data):
    """Tick these rows, choose an action, and follow to where its messages are."""
    data = {"action": action, "_selected_action": [row.pk for row in rows], **data}
    return client.post(list_of(type(rows[0])), data, follow=True)


def sure(client, action, *rows, **data):
    """The same, and answer the question that is asked first."""
    assert "cannot be undone" in act(client, action, *rows).content.decode()
    return act(client, action, *rows, confirmed="yes", **data)


# --- everything visible, a few queries ---------------------------------------------------------


def fill(cast, rows):
    """So many rows of every model, none sharing what it belongs to with another."""
    with transaction.atomic():
        for number in range(rows):
            one_of_everything(f"{rows}-{number}")


def one_of_everything(n):
    driver = User.objects.create(username=f"driver-{n}")
    owner = User.objects.create(username=f"owner-{n}", role=User.Role.OWNER)
    lot = Lot.objects.create(owner=owner, name=f"Lot {n}", address="There")
    slot = Slot.objects.create(lot=lot, number=1, hourly_rate=Decimal(1))
    booking = Booking.objects.create(
        driver=driver,
        slot=slot,
        vehicle_number="KA01",
        starts_at=soon(),
        ends_at=soon(hours=1),
        status="BOOKED",
        price=Decimal(1),
    )
    wash = hang_on(booking, lot=lot, owner=owner, number=1)
    Payment.objects.create(car_wash=wash, method="cash", amount=Decimal(1), status="PENDING")
    Mute.objects.create(user=driver, event="RENEW_FAILURE", channel="sound")
    DeviceToken.objects.create(user=driver, device="Phone")


def hang_on(booking, *, lot, owner, number):
    """One more of everything that a booking's page shows; returns the wash."""
    kind = CarWashType.objects.create(lot=lot, name=f"Wash {number}", price=Decimal(1))
    employee = Employee.objects.create(owner=owner, name="Ravi")
    EmployeeAssignment.objects.create(employee=employee, lot=lot, assigned_by=owner)
    now = timers.now()
    Timer.objects.create(booking=booking, kind="WARNING", due_at=now, fired_at=now, state="fired")
    Payment.objects.create(
        booking=booking,
        method="cash",
        amount=Decimal(1),
        status="VERIFIED",
        verified_by=owner,
        verified_at=now,
    )
    told_one = User.objects.create(username=f"told-{booking.pk}-{number}")
    Notification.objects.create(
        recipient=told_one, event="X", level="info", message="x", facts={"booking": {"id": booking.pk}}
    )
    return CarWash.objects.create(
        driver=booking.driver, booking=booking, wash_type=kind, employee=employee, price=Decimal(1)
    )


def queries_for(client, address):
    client.get(address)  # What Django reads once per process is not counted.
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code == 200
    return len(queries)


def test_every_list_and_page_takes_the_same_number_of_queries_for_3_rows_as_for_30(ada, cast):
    counts = []
    for rows in (3, 27):
        fill(cast, rows)
        addresses = {}
        for model in MODELS:
            assert model.objects.count() >= rows
            addresses[model, "list"] = list_of(model)
            addresses[model, "page"] = page_of(model.objects.order_by("pk").last())
        counts.append({page: queries_for(ada, address) for page, address in addresses.items()})
    assert counts[0] == counts[1]
    assert max(counts[0].values()) <= 20


def test_a_bookings_page_takes_the_same_number_of_queries_for_3_of_everything_as_for_30(ada, cast):
    fill(cast, 1)
    booking = Booking.objects.get()
    counts = []
    for numbers in (range(10, 12), range(12, 40)):
        for number in numbers:
            hang_on(booking, lot=booking.slot.lot, owner=cast.omar, number=number)
        counts.append(queries_for(ada, page_of(booking)))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("model", "field"), [("slot", "lot"), ("lot", "owner"), ("employeeassignment", "employee")]
)
def test_choices_of_an_autocomplete_take_the_same_queries_however_many(ada, cast, model, field):
    ask = {"app_label": "parking", "model_name": model, "field_name": field}
    counts = []
    for rows in (3, 15):
        fill(cast, rows)
        with CaptureQueriesContext(connection) as queries:
            answer = ada.get("/admin/autocomplete/", ask)
        assert len(answer.json()["results"]) >= rows
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(("model", "verb"), [(Booking, "decline"), (Payment, "verify"), (CarWash, "assign")])
def test_the_question_before_a_verb_takes_the_same_queries_however_many_rows_are_ticked(
    ada, cast, model, verb
):
    counts = []
    for rows in (3, 15):
        fill(cast, rows)
        act(ada, verb, *model.objects.all())
        with CaptureQueriesContext(connection) as queries:
            question = act(ada, verb, *model.objects.all()).content.decode()
        assert question.count('name="_selected_action"') == model.objects.count()
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- nonsense ----------------------------------------------------------------------------------

NONSENSE = ["%00", "a%00b", "%ED%A0%80", "x" * 10_000, "a+" * 5_000, "%27%22%5C", "99999999999999999999999"]


@every_model
def test_nonsense_in_the_search_box_is_answered(ada, cast, model):
    fill(cast, 1)
    for text in NONSENSE:
        answer = ada.get(f"{list_of(model)}?q={text}", follow=True)
        assert answer.status_code == 200, text[:20]


@every_model
def test_nonsense_in_a_filter_is_answered(ada, cast, model):
    fill(cast, 1)
    page = admin.site._registry[model]
    names = [field.name for field in model._meta.concrete_fields]
    filters = [getattr(spec, "parameter_name", spec) for spec in page.list_filter]
    keys = [*names, *filters, *(f"{name}__gte" for name in filters)]
    for key in [*keys, "o", "p", "all", "e", "_facets", "_to_field", "nonsense__x"]:
        for text in ("a%00b", "%ED%A0%80", "9" * 30):
            answer = ada.get(f"{list_of(model)}?{quote(key)}={text}")
            assert answer.status_code in (200, 302, 400), (key, text)
    assert ada.get(f"{list_of(model)}?{quote(names[0])}={'x' * 10_000}").status_code in (200, 302)
    assert ada.get(f"{list_of(model)}?e=1").status_code == 200


def test_nonsense_about_groups_is_answered(ada):
    for query in ("q=a%00b", "name=a%00b", "id=" + "9" * 30, "q=" + "a+" * 5_000):
        assert ada.get(f"/admin/auth/group/?{query}").status_code in (200, 302)


@every_model
@pytest.mark.parametrize("row", ["0", "x", "%00", "9" * 30, "-1", "%ED%A0%80"])
def test_a_row_that_does_not_exist_is_answered(ada, model, row):
    address = list_of(model)
    for page in ("change", "history", "delete"):
        assert ada.get(f"{address}{row}/{page}/", follow=True).status_code in (200, 403, 404)


def test_nonsense_in_an_autocomplete_is_answered(ada, cast):
    ask = "app_label=parking&model_name=slot&field_name=lot"
    for text in NONSENSE:
        assert ada.get(f"/admin/autocomplete/?{ask}&term={text}").json()["results"] == []
        assert ada.get(f"/admin/autocomplete/?{ask}&page={text}").status_code in (200, 404)


@pytest.mark.parametrize("ticked", ["x", "\0", "9" * 30, "", "1.5"])
def test_nonsense_among_the_ticked_rows_does_nothing(ada, book, ticked):
    booking = book()
    answer = ada.post(
        list_of(Booking), {"action": "decline", "_selected_action": [ticked], "confirmed": 1}, follow=True
    )
    assert answer.status_code == 200
    booking.refresh_from_db()
    assert booking.status == "BOOKED"
    assert messages_of(answer)


# --- verbs -------------------------------------------------------------------------------------


def test_declining_asks_first_and_then_frees_the_slot_and_tells_the_driver(ada, book, cast):
    booking = book()
    question = act(ada, "decline", booking).content.decode()
    assert "dina" in question
    assert "cannot be undone" in question
    booking.refresh_from_db()
    assert booking.status == "BOOKED"
    answer = sure(ada, "decline", booking)
    booking.refresh_from_db()
    assert booking.status == "CANCELLED_BY_ADMIN"
    assert told(cast.dina) == ["BOOKING_DECLINED"]
    assert messages_of(answer) == [f"Declined 1 of 1: booking {booking.pk}."]


def test_some_done_and_some_refused_are_each_named_with_the_reason(ada, book, cast):
    first, over, last = book(), book(starts_at=soon(hours=2)), book(starts_at=soon(hours=4))
    bookings.cancel(over.pk, by=cast.dina)
    answer = sure(ada, "decline", first, over, last)
    assert messages_of(answer) == [
        f"Declined 2 of 3: booking {first.pk}, booking {last.pk}.",
        f"Refused for booking {over.pk}: The booking is CANCELLED: this cannot be done now.",
    ]


def test_a_row_that_has_left_the_lists_filter_is_still_answered_for(ada, book, cast):
    booking = book()
    bookings.cancel(booking.pk, by=cast.dina)
    data = {"action": "decline", "_selected_action": [booking.pk], "confirmed": "yes"}
    answer = ada.post(f"{list_of(Booking)}?status__exact=BOOKED", data, follow=True)
    assert any("this cannot be done now" in message for message in messages_of(answer))


def test_a_ticked_row_that_is_gone_is_said_to_be(ada, book):
    data = {"action": "decline", "_selected_action": [book().pk, 4711], "confirmed": "yes"}
    answer = ada.post(list_of(Booking), data, follow=True)
    assert "Not there any more: 4711." in messages_of(answer)


def test_too_many_rows_at_once_are_refused_as_a_whole(ada, book, monkeypatch):
    monkeypatch.setattr(verbs, "MOST_AT_ONCE", 1)
    made = [book(), book(starts_at=soon(hours=2))]
    answer = act(ada, "decline", *made, confirmed="yes")
    assert messages_of(answer) == ["At most 1 at once. Nothing was done."]
    assert set(Booking.objects.values_list("status", flat=True)) == {"BOOKED"}


def test_all_rows_of_a_filtered_list_are_the_filtered_ones(ada, book, cast):
    keep, go = book(driver=cast.eve), book(starts_at=soon(hours=2))
    data = {"action": "decline", "_selected_action": [go.pk], "select_across": "1", "confirmed": "yes"}
    ada.post(f"{list_of(Booking)}?q=dina", data, follow=True)
    assert set(Booking.objects.filter(status="BOOKED")) == {keep}


def test_what_was_done_is_in_the_rows_history_with_who_did_it(ada, book, cast):
    booking = book()
    sure(ada, "decline", booking)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (cast.ada, str(booking.pk), "Declined.")


def test_cash_is_verified_in_its_operators_name_and_the_booking_is_booked(ada, book, cast):
    booking = book(method="cash")
    answer = sure(ada, "verify", booking.payments.get())
    booking.refresh_from_db()
    payment = booking.payments.get()
    assert (booking.status, payment.status, payment.verified_by) == ("BOOKED", "VERIFIED", cast.ada)
    assert told(cast.dina) == ["CASH_VERIFIED"]
    assert messages_of(answer) == [f"Verified 1 of 1: payment {payment.pk}."]


def test_verifying_again_says_that_nothing_changed_and_a_card_payment_is_refused(ada, book):
    cash, card = book(method="cash").payments.get(), book(starts_at=soon(hours=2)).payments.get()
    sure(ada, "verify", cash)
    assert messages_of(sure(ada, "verify", cash, card)) == [
        f"Was so already: payment {cash.pk}.",
        f"Refused for payment {card.pk}: This payment was not made in cash.",
    ]


def test_cash_of_a_declined_booking_is_listed_until_it_is_recorded_as_handed_back(ada, book, cast):
    booking = book(method="cash")
    payment = payments.verify(booking.payments.get().pk, by=cast.omar)
    sure(ada, "decline", booking)
    to_do = f"{list_of(Payment)}?todo=hand_back"
    assert page_of(payment) in ada.get(to_do).content.decode()
    sure(ada, "hand_back", payment)
    assert page_of(payment) not in ada.get(to_do).content.decode()
    payment.refresh_from_db()
    assert payment.refunded_at


def test_cash_to_verify_is_listed_until_it_is(ada, book):
    payment = book(method="cash").payments.get()
    to_do = f"{list_of(Payment)}?todo=verify"
    assert page_of(payment) in ada.get(to_do).content.decode()
    sure(ada, "verify", payment)
    assert page_of(payment) not in ada.get(to_do).content.decode()


@pytest.fixture
def wash(cast):
    kind = CarWashType.objects.create(lot=cast.lot, name="Full", price=Decimal(3))
    return CarWash.objects.create(driver=cast.dina, wash_type=kind, price=Decimal(3))


def test_a_wash_is_assigned_started_and_completed_and_its_driver_told(ada, cast, wash):
    ravi = Employee.objects.create(owner=cast.omar, name="Ravi")
    act(ada, "assign", wash, confirmed="yes", employee=ravi.pk)
    act(ada, "start", wash)
    answer = sure(ada, "complete", wash)
    wash.refresh_from_db()
    assert (wash.employee, wash.status) == (ravi, "COMPLETED")
    assert told(cast.dina) == ["CARWASH_COMPLETED"]
    assert messages_of(answer) == [f"Completed 1 of 1: car wash {wash.pk}."]


def test_only_employees_at_work_for_the_lots_owner_are_offered_for_a_wash(ada, cast, wash):
    other = User.objects.create(username="olga", role=User.Role.OWNER)
    Employee.objects.create(owner=cast.omar, name="Ravi")
    Employee.objects.create(owner=cast.omar, name="Gone", is_active=False)
    stranger = Employee.objects.create(owner=other, name="Sita")
    page = act(ada, "assign", wash).content.decode()
    assert re.findall(r'<option value="\d+">(\w+)', page) == ["Ravi"]
    answer = act(ada, "assign", wash, confirmed="yes", employee=stranger.pk)
    assert "Select a valid choice" in answer.content.decode()
    wash.refresh_from_db()
    assert wash.employee is None


def test_washes_of_two_owners_cannot_get_one_employee_and_the_answer_says_which(ada, cast, wash):
    olga = User.objects.create(username="olga", role=User.Role.OWNER)
    there = Lot.objects.create(owner=olga, name="There", address="There")
    kind = CarWashType.objects.create(lot=there, name="Full", price=Decimal(3))
    hers = CarWash.objects.create(driver=cast.dina, wash_type=kind, price=Decimal(3))
    ravi = Employee.objects.create(owner=cast.omar, name="Ravi")
    answer = act(ada, "assign", wash, hers, confirmed="yes", employee=ravi.pk)
    assert messages_of(answer) == [
        f"Assigned 1 of 2: car wash {wash.pk}.",
        f"Refused for car wash {hers.pk}: The lot's owner has no such employee at work.",
    ]


def test_an_assignment_is_made_in_its_operators_name_and_the_owner_told(ada, cast):
    ravi = Employee.objects.create(owner=cast.omar, name="Ravi")
    address = reverse("admin:parking_employeeassignment_add")
    assert ada.post(address, {"employee": ravi.pk, "lot": cast.lot.pk}).status_code == 302
    assert EmployeeAssignment.objects.get().assigned_by == cast.ada
    assert told(cast.omar) == ["EMPLOYEE_ASSIGNED"]


def test_an_assignment_that_the_rules_refuse_is_refused_at_its_field(ada, cast):
    olga = User.objects.create(username="olga", role=User.Role.OWNER)
    address = reverse("admin:parking_employeeassignment_add")
    for employee, words in [
        (Employee.objects.create(owner=cast.omar, name="Gone", is_active=False), "not at work"),
        (Employee.objects.create(owner=olga, name="Sita"), "another owner's"),
    ]:
        answer = ada.post(address, {"employee": employee.pk, "lot": cast.lot.pk})
        assert words in unescape(answer.content.decode())
    assert not EmployeeAssignment.objects.exists()


# --- history stays -----------------------------------------------------------------------------

HISTORY = ("Booking", "Payment", "CarWash", "Timer", "Notification", "Inbox", "Mute", "EmployeeAssignment")


@pytest.mark.parametrize("name", HISTORY)
def test_rows_of_history_are_neither_changed_nor_deleted(ada, cast, name):
    fill(cast, 1)
    model = next(model for model in MODELS if model.__name__ == name)
    row = model.objects.order_by("pk").last()
    before = model.objects.filter(pk=row.pk).values().get()
    for page in ("change", "delete"):
        wish = {key: "1" for key in before if key != "id"}
        ada.post(page_of(row).replace("change", page), {"post": "yes", **wish}, follow=True)
    act(ada, "delete_selected", row, post="yes")
    assert model.objects.filter(pk=row.pk).values().get() == before
    if name != "EmployeeAssignment":
        assert ada.get(reverse(f"admin:parking_{name.lower()}_add")).status_code == 403


def test_a_bookings_page_offers_no_field_and_no_button_to_save_but_its_verb(ada, book):
    page = ada.get(page_of(book())).content.decode()
    assert not re.findall(r'<(?:input|select|textarea)[^>]*name="(?:status|starts_at|ends_at|price)', page)
    assert 'name="_save"' not in page
    assert 'value="decline"' in page


def test_a_bookings_page_shows_its_timers_payments_washes_and_notices(ada, book, cast, wash):
    booking = book(method="cash")
    CarWash.objects.filter(pk=wash.pk).update(booking=booking)
    page = ada.get(page_of(booking)).content.decode()
    for words in ("Closes by itself", "Pending: cash", "Full", "NEW_BOOKING", "to omar"):
        assert words in page


# --- ordinary forms ----------------------------------------------------------------------------


def errors_of(answer):
    assert answer.status_code == 200
    return unescape(" ".join(re.findall(r'class="errorlist[^>]*>(.*?)</ul>', answer.content.decode(), re.S)))


@pytest.mark.parametrize(
    ("latitude", "longitude"), [("12.9", ""), ("", "77.6"), ("91", "0"), ("0", "181")], ids=str
)
def test_a_position_that_is_half_or_off_the_earth_is_a_form_error(ada, cast, latitude, longitude):
    wish = {"owner": cast.omar.pk, "name": "Central", "address": "Here"}
    answer = ada.post(page_of(cast.lot), {**wish, "latitude": latitude, "longitude": longitude})
    assert "A position needs both" in errors_of(answer)


def test_a_lot_belongs_to_an_owner_and_only_owners_are_offered(ada, cast):
    answer = ada.post(page_of(cast.lot), {"owner": cast.eve.pk, "name": "Central", "address": "Here"})
    assert "valid choice" in errors_of(answer)
    ask = {"app_label": "parking", "model_name": "lot", "field_name": "owner", "term": ""}
    offered = ada.get("/admin/autocomplete/", ask).json()["results"]
    assert [person["text"] for person in offered] == ["omar"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("number", "7", "already exists"),
        ("number", "9" * 30, "less than or equal"),
        ("number", "\0", "Enter a whole number"),
        ("hourly_rate", "-1", "not negative"),
        ("hourly_rate", "NaN", "Enter a number"),
        ("vehicle_type", "tank", "valid choice"),
        ("lot", "9" * 30, "valid choice"),
        ("lot", "\0", "Null characters"),
        ("lot", "x", "valid choice"),
    ],
)
def test_a_slot_that_the_database_would_refuse_is_a_form_error(ada, cast, field, value, words):
    wish = {"lot": cast.lot.pk, "number": 8, "vehicle_type": "car", "hourly_rate": "1", field: value}
    assert words in errors_of(ada.post(reverse("admin:parking_slot_add"), wish))


def test_a_kind_of_wash_that_the_database_would_refuse_is_a_form_error(ada, cast, wash):
    wish = {"lot": cast.lot.pk, "name": "Full", "price": "1"}
    address = reverse("admin:parking_carwashtype_add")
    assert "already exists" in errors_of(ada.post(address, wish))
    assert "not negative" in errors_of(ada.post(address, {**wish, "name": "Half", "price": "-1"}))


def test_a_form_writes_only_the_fields_that_were_changed_in_it(ada, cast):
    wish = {"lot": cast.lot.pk, "number": 7, "vehicle_type": "car", "hourly_rate": "9", "is_active": "on"}
    with CaptureQueriesContext(connection) as queries:
        assert ada.post(page_of(cast.slot), wish).status_code == 302
    (update,) = [q["sql"] for q in queries if q["sql"].startswith('UPDATE "parking_slot"')]
    assert re.findall(r'"(\w+)" = ', update.split(" WHERE ")[0]) == ["hourly_rate"]


def test_a_lot_with_slots_is_not_deleted_but_its_operator_told_why(ada, cast):
    answer = ada.post(reverse("admin:parking_lot_delete", args=[cast.lot.pk]), {"post": "yes"})
    assert "protected" in answer.content.decode()
    assert Lot.objects.exists()


def test_an_account_is_made_with_its_role(ada):
    wish = {"username": "olga", "role": "owner", "usable_password": "true"}
    wish |= {"password1": "a long enough passphrase", "password2": "a long enough passphrase"}
    assert ada.post(reverse("admin:parking_user_add"), wish).status_code == 302
    olga = User.objects.get(username="olga")
    assert (olga.role, olga.check_password("a long enough passphrase")) == ("owner", True)


def test_deleting_a_device_signs_it_out(ada, cast):
    token, _ = DeviceToken.objects.create(user=cast.dina, device="Phone")
    ada.post(reverse("admin:parking_devicetoken_delete", args=[token.pk]), {"post": "yes"})
    assert not DeviceToken.objects.exists()
    assert token.digest not in ada.get(list_of(DeviceToken)).content.decode()


# --- who may -----------------------------------------------------------------------------------


@pytest.fixture
def clerk(cast, as_user, alarms):
    """Somebody on the staff with just these permissions."""

    def clerk(*codenames):
        person = User.objects.create(username="carl", is_staff=True)
        person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        assert person.user_permissions.count() == len(codenames)
        return as_user(person)

    return clerk


def test_staff_without_permissions_see_no_list_and_no_clock(clerk):
    client = clerk()
    assert [client.get(list_of(model)).status_code for model in MODELS] == [403] * len(MODELS)
    assert "clock healthy" not in client.get("/admin/").content.decode()


def test_who_may_only_look_is_offered_no_verb_and_can_do_none(clerk, book):
    booking = book()
    client = clerk("view_booking")
    assert 'value="decline"' not in client.get(list_of(Booking)).content.decode()
    assert 'value="decline"' not in client.get(page_of(booking)).content.decode()
    act(client, "decline", booking, confirmed="yes")
    booking.refresh_from_db()
    assert booking.status == "BOOKED"


def test_who_may_change_bookings_may_decline_them(clerk, book):
    booking = book()
    sure(clerk("view_booking", "change_booking"), "decline", booking)
    booking.refresh_from_db()
    assert booking.status == "CANCELLED_BY_ADMIN"


def test_who_may_only_look_at_timers_sees_the_clock_but_no_button(clerk, parked, swept):
    page = clerk("view_timer").get(list_of(Timer)).content.decode()
    assert "Parked." in page
    assert "Try again" not in page


def test_drivers_owners_and_strangers_are_sent_to_the_sign_in(cast, as_user):
    for client in (as_user(cast.dina), as_user(cast.omar), as_user(cast.eve), Client()):
        for model in MODELS:
            answer = client.get(list_of(model))
            assert (answer.status_code, answer.url.split("?")[0]) == (302, "/admin/login/")


def test_staff_who_may_change_accounts_make_nobody_an_operator(clerk, cast):
    client = clerk("view_user", "change_user")
    wish = {"username": "dina", "role": "driver", "is_staff": "on", "is_superuser": "on", "is_active": "on"}
    client.post(page_of(cast.dina), wish)
    cast.dina.refresh_from_db()
    assert (cast.dina.is_staff, cast.dina.is_superuser) == (False, False)


def test_staff_who_may_change_accounts_do_not_touch_an_operators(clerk, cast):
    client = clerk("view_user", "change_user", "delete_user")
    password = reverse("admin:auth_user_password_change", args=[cast.ada.pk])
    assert client.get(password).status_code == 403
    client.post(page_of(cast.ada), {"username": "mine", "role": "driver"})
    act(client, "delete_selected", cast.ada, post="yes")
    cast.ada.refresh_from_db()
    assert cast.ada.username == "ada"


# --- the clock ---------------------------------------------------------------------------------


@pytest.fixture
def parked(book):
    """Dina's booking has a timer that was parked."""
    booking = book()
    booking.timers.filter(kind="WARNING").delete()
    time_passes(booking, minutes=60, seconds=1)
    timer = booking.timers.get(kind="EXPIRY")
    Timer.objects.filter(pk=timer.pk).update(state="parked", attempts=3, last_error="ValueError: a defect")
    timer.refresh_from_db()
    return timer


def verdict_of(client):
    page = client.get(list_of(Timer)).content.decode()
    (found,) = re.findall(r'<p class="verdict (\w+)"><strong>(.*?)</strong> (.*?)</p>', page)
    return found


def test_an_idle_clock_says_that_nothing_was_due(ada):
    assert verdict_of(ada)[:2] == ("info", "Idle.")
    assert "no booking waits for its end" in ada.get(list_of(Timer)).content.decode()


def test_a_clock_that_fires_on_time_is_healthy_and_says_what_comes_next(ada, book):
    done, coming = book(), book(starts_at=soon(hours=3))
    done.timers.update(state="fired", fired_at=soon(), due_at=soon())
    assert verdict_of(ada)[:2] == ("success", "Healthy.")
    page = ada.get(list_of(Timer)).content.decode()
    assert f'Next: Warning before the end, <a href="{page_of(coming)}">' in page


def test_a_late_clock_says_how_many_are_overdue_and_by_how_much(ada, book):
    book().timers.filter(kind="EXPIRY").update(due_at=soon(minutes=-2))
    tone, word, meaning = verdict_of(ada)
    assert (tone, word) == ("error", "Late.")
    assert meaning.startswith("1 timer is overdue, the oldest by 2 min.")


def test_a_clock_that_stands_says_what_is_wrong_and_what_to_do(ada, monkeypatch):
    monkeypatch.setattr(readiness.readiness, "_began", 0.0)
    Pulse.objects.update(at=soon(hours=-1))
    tone, word, meaning = verdict_of(ada)
    assert (tone, word) == ("error", "Not swept.")
    assert re.search(r"No sweep has been completed for 36\d\d s", meaning)
    assert "manage.py sweep" in meaning


def test_an_overdue_timer_is_said_once_however_long_it_waits(ada, book, monkeypatch):
    monkeypatch.setattr(readiness.readiness, "_began", 0.0)
    book().timers.filter(kind="EXPIRY").update(due_at=soon(minutes=-2))
    assert verdict_of(ada)[1:] == (
        "Late.",
        "1 timer is overdue, the oldest by 2 min. Do a sweeper and a worker run?",
    )


def test_the_canary_is_in_a_line_of_its_own(ada):
    at = soon(seconds=-2)
    Timer.objects.create(kind="CANARY", state="fired", due_at=at, fired_at=at + timedelta(milliseconds=8))
    page = ada.get(list_of(Timer)).content.decode()
    assert re.search(r"<dt>Canary</dt><dd>[\d.]+ s ago, 8 ms late</dd>", page)
    assert verdict_of(ada)[1] == "Idle."


def test_a_parked_timer_is_shown_with_its_error_and_tried_again_by_its_button(ada, parked):
    assert verdict_of(ada)[:2] == ("error", "Parked.")
    page = ada.get(list_of(Timer)).content.decode()
    assert "ValueError: a defect" in page
    assert f'aria-label="Try timer {parked.pk} again"' in page
    assert messages_of(act(ada, "retry", parked)) == [f"Armed again 1 of 1: timer {parked.pk}."]
    assert bookings.run_due() == 1
    assert verdict_of(ada)[:2] == ("success", "Healthy.")


def test_a_timer_that_is_not_parked_is_not_armed_again_and_the_operator_told(ada, book):
    timer = book().timers.get(kind="EXPIRY")
    (message,) = messages_of(act(ada, "retry", timer))
    assert message == f"Refused for timer {timer.pk}: The timer is armed: this cannot be done now."


HEALTHY = punctuality.Health(
    at=datetime(2026, 11, 22, tzinfo=UTC),
    armed=1,
    overdue=0,
    oldest_overdue=None,
    retrying=0,
    fired=1,
    late_p50=timedelta(milliseconds=9),
    late_p99=timedelta(milliseconds=20),
    parked=0,
    next_due=None,
)
LATE = {"overdue": 2, "oldest_overdue": timedelta(minutes=2)}


@pytest.mark.parametrize(
    ("figures", "tone", "word"),
    [
        ({}, "success", "Healthy"),
        ({"overdue": 1, "oldest_overdue": timedelta(seconds=1)}, "success", "Healthy"),
        ({"fired": 0, "late_p50": None, "late_p99": None}, "info", "Idle"),
        ({"retrying": 1}, "warning", "Trying again"),
        ({"late_p99": timedelta(seconds=4)}, "warning", "Was late"),
        (LATE, "error", "Late"),
        ({"parked": 3}, "error", "Parked"),
        ({**LATE, "parked": 3}, "error", "Late"),
    ],
    ids=str,
)
def test_the_worst_of_the_figures_decides_the_verdict(figures, tone, word):
    found = verdict(replace(HEALTHY, **figures))
    assert (found.tone, found.word) == (tone, word)


def test_a_clock_that_is_late_and_has_parked_timers_says_both():
    meaning = verdict(replace(HEALTHY, **LATE, parked=3)).meaning
    assert "2 timers are overdue, the oldest by 2 min." in meaning
    assert "3 timers are parked" in meaning


def test_the_clock_takes_the_same_number_of_queries_however_many_timers_there_are(ada, book):
    counts = []
    for hours in (0, 2, 4, 6):
        timer = book(starts_at=soon(hours=1 + hours)).timers.get(kind="EXPIRY")
        Timer.objects.filter(pk=timer.pk).update(state="parked", attempts=3)
        counts.append(queries_for(ada, list_of(Timer)))
    assert len(set(counts[1:])) == 1
    assert counts[-1] <= 20


def test_the_front_page_leads_to_the_clock_first(ada):
    page = ada.get("/admin/").content.decode()
    assert "ParkMate operations" in page
    body = page[page.index('id="content"') :]
    assert body.index("Is the clock healthy?") < body.index("app-parking")


# --- notices -----------------------------------------------------------------------------------


def test_notices_are_found_by_recipient_event_and_level(ada, book, cast):
    booking = book()
    bookings.decline(booking.pk, by=cast.omar)
    rows = Notification.objects.all()
    for query, wanted in [
        ("q=dina", rows.filter(recipient=cast.dina)),
        ("event=NEW_BOOKING", rows.filter(event="NEW_BOOKING")),
        ("level__exact=warning", rows.filter(level="warning")),
    ]:
        page = ada.get(f"{list_of(Notification)}?{query}").content.decode()
        shown = {row for row in rows if page_of(row) in page}
        assert shown == set(wanted)
        assert shown != set(rows)


def test_moments_are_shown_to_the_second(ada, book):
    booking = book()
    page = ada.get(page_of(booking)).content.decode()
    assert f"{booking.ends_at:%Y-%m-%d %H:%M:%S}" in page


def test_lengths_of_time_are_said_as_people_do():
    said = [0.0004, 0.012, 3.21, 60, 150, 3600, 5400, 86_400 * 3]
    assert [duration(timedelta(seconds=each)) for each in said] == [
        "0 ms",
        "12 ms",
        "3.2 s",
        "1 min",
        "2.5 min",
        "1 h",
        "1.5 h",
        "3 days",
    ]
