"""The timeline: what became of each promise about a booking, and who may know."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.dateparse import parse_datetime

from parking.actions import bookings, inbox
from parking.actions.bookings import run_due
from parking.models import Notification
from tests.conftest import time_passes

MOMENTS = ("due_at", "fired_at", "committed_at", "sent_at", "acknowledged_at", "read_at")


@pytest.fixture
def timeline(as_user):
    def ask(person, booking):
        answer = as_user(person).get(f"/api/bookings/{booking.pk}/timeline/")
        assert answer.status_code == 200
        assert answer.json()["booking"] == booking.pk
        return answer.json()["entries"]

    return ask


def at(entry, *names):
    """Which of an entry's moments are known."""
    return [name for name in names or MOMENTS if entry[name]]


def test_what_has_not_happened_yet_is_null(cast, book, timeline):
    entries = timeline(cast.dina, book())
    assert [(entry["timer"], entry["state"], entry["event"]) for entry in entries] == [
        ("WARNING", "armed", None),
        ("EXPIRY", "armed", None),
        ("AUTO_EXPIRY", "armed", None),
    ]
    assert [at(entry) for entry in entries] == [["due_at"]] * 3


def test_a_timer_and_its_notice_are_one_entry_with_all_their_moments(cast, book, timeline):
    booking = book()
    time_passes(booking, minutes=56)
    run_due()
    notice = Notification.objects.get(recipient=cast.dina)
    inbox.read(notice.pk, by=cast.dina)
    Notification.objects.filter(pk=notice.pk).update(acked_at=notice.committed_at)
    warning, *_ = timeline(cast.dina, booking)
    assert (warning["timer"], warning["state"]) == ("WARNING", "fired")
    assert (warning["event"], warning["to"]) == ("BOOKING_WARNING", "dina")
    assert warning["message"] == "Your booking will expire in 5 minutes!"
    assert at(warning) == list(MOMENTS)
    due, fired, committed, sent = (parse_datetime(warning[name]) for name in MOMENTS[:4])
    assert due < fired <= committed <= sent


def test_entries_come_in_order_of_time_also_those_without_a_timer(cast, book, timeline):
    booking = book()
    time_passes(booking, hours=1, minutes=20)
    run_due()
    told = [(entry["state"], entry["event"]) for entry in timeline(cast.dina, booking)]
    # The warning would have come after the end.
    assert told == [("superseded", None), ("fired", "BOOKING_EXPIRED"), ("fired", "SLOT_AUTO_EXPIRED")]


def test_a_decline_is_an_entry_of_its_own_and_the_timers_are_cancelled(cast, book, timeline):
    booking = book()
    bookings.decline(booking.pk, by=cast.omar)
    entries = timeline(cast.dina, booking)
    assert {entry["state"] for entry in entries if entry["timer"]} == {"cancelled"}
    assert [entry["event"] for entry in entries if not entry["timer"]] == ["BOOKING_DECLINED"]


def test_drivers_and_owners_see_their_own_notices_and_staff_all(cast, book, timeline):
    booking = book()
    bookings.decline(booking.pk, by=cast.omar)
    told = {
        person.username: {(entry["event"], entry["to"]) for entry in timeline(person, booking)}
        for person in (cast.dina, cast.omar, cast.ada)
    }
    nothing = (None, None)
    assert told["dina"] == {nothing, ("BOOKING_DECLINED", "dina")}
    assert told["omar"] == {nothing, ("NEW_BOOKING", "omar")}
    assert told["ada"] == {nothing, ("BOOKING_DECLINED", "dina"), ("NEW_BOOKING", "omar")}


def test_an_extended_booking_tells_of_its_cancelled_timers_too(cast, book, timeline):
    booking = book()
    end = booking.ends_at + timedelta(hours=1)
    bookings.extend(booking.pk, by=cast.dina, ends_at=end, method="card", token="tok_visa")
    states = [(entry["timer"], entry["state"]) for entry in timeline(cast.dina, booking)]
    assert sorted(states) == sorted(
        (kind, state) for kind in ("WARNING", "EXPIRY", "AUTO_EXPIRY") for state in ("armed", "cancelled")
    )


def test_a_timeline_among_twenty_thousand_notices_is_found_by_its_index(cast, book, timeline):
    booking = book()
    time_passes(booking, hours=1, minutes=20)
    run_due()
    others = (
        Notification(
            recipient=cast.eve,
            seq=number,
            event="BOOKING_EXPIRED",
            level="info",
            message="x",
            facts={"booking": {"id": 1_000_000 + number}} if number % 10 else {},
        )
        for number in range(1, 20_001)
    )
    Notification.objects.bulk_create(others, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE parking_notification")
    for person in (cast.ada, cast.dina):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert timeline(person, booking)
        (sql,) = [query["sql"] for query in queries if 'FROM "parking_notification"' in query["sql"]]
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + sql)
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "Seq Scan on parking_notification" not in plan, plan
        if person == cast.ada:
            assert "notification_of_booking" in plan, plan
