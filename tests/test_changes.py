"""Each deed is told to those who draw what it changes, and found where it was not told."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from parking.actions import bookings, carwashes, inbox, lots, payments, staff
from parking.changes import desk, lot, me, versions
from parking.events import Channel
from parking.models import CarWash, CarWashType, Employee, Mute, Notification, Payment

pytestmark = pytest.mark.usefixtures("alarms")


def wash_type(cast):
    return CarWashType.objects.create(lot=cast.lot, name="Foam", price=5)


def wash(cast):
    return CarWash.objects.create(driver=cast.dina, wash_type=wash_type(cast), price=5, status="REQUESTED")


def notice(cast):
    return Notification.objects.create(recipient=cast.dina, event="X", level="info", message="x", seq=1)


def cash(cast, book):
    booking = book(method=Payment.Method.CASH)
    return booking.payments.get()


# What somebody does, and whose pages are not as they were. `before` makes what it needs.
DEEDS = {
    "book": (None, lambda c, book, _: book(), {"lot", "desk", "me"}),
    "cancel": (
        lambda c, book: book(),
        lambda c, book, had: bookings.cancel(had.pk, by=c.dina),
        {"lot", "desk", "me"},
    ),
    "verify cash": (
        cash,
        lambda c, book, had: payments.verify(had.pk, by=c.omar),
        {"lot", "desk", "me"},  # the booking is no longer pending
    ),
    "start a wash": (
        lambda c, book: wash(c),
        lambda c, book, had: carwashes.start(had.pk, by=c.omar),
        {"desk", "me"},
    ),
    "offer a wash": (None, lambda c, book, _: wash_type(c), {"lot", "desk"}),
    "add slots": (
        None,
        lambda c, book, _: lots.add_slots(c.lot.pk, by=c.omar, slots=[{"number": 8, "hourly_rate": 1}]),
        {"lot", "desk"},
    ),
    "rename a lot": (
        None,
        lambda c, book, _: lots.change_lot(c.lot.pk, by=c.omar, fields={"name": "West"}),
        {"lot", "desk"},
    ),
    "hire": (None, lambda c, book, _: staff.hire(owner=c.omar, name="Wim"), {"desk"}),
    "assign": (
        lambda c, book: Employee.objects.create(owner=c.omar, name="Wim"),
        lambda c, book, had: staff.assign_to_lot(employee_id=had.pk, lot_id=c.lot.pk, by=c.omar),
        {"desk"},
    ),
    "read": (
        lambda c, book: notice(c),
        lambda c, book, had: inbox.read(had.pk, by=c.dina),
        {"me"},
    ),
    "mute": (
        None,
        lambda c, book, _: inbox.choose(c.dina, [("NEW_BOOKING", {Channel.TOAST: False})]),
        {"me"},
    ),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_each_deed_is_told_to_those_who_draw_it_and_found_if_it_was_not_told(cast, book, deed, monkeypatch):
    before, act, changed = DEEDS[deed]
    said: list[set[str]] = []
    monkeypatch.setattr("parking.changes._say", lambda topics: said.append(set(topics)))
    topics = {"lot": lot(cast.lot.pk), "desk": desk(cast.omar.pk), "me": me(cast.dina.pk)}

    def look():
        had = before(cast, book) if before else None
        said.clear()
        were = versions([*topics.values(), me(cast.eve.pk), desk(cast.eve.pk)])
        act(cast, book, had)
        are = versions([*topics.values(), me(cast.eve.pk), desk(cast.eve.pk)])
        return {topic for topic in {*were, *are} if were.get(topic) != are.get(topic)}

    moved = look()
    expected = {topics[name] for name in changed}
    assert set().union(*said) == expected
    assert moved == expected


def test_the_versions_of_many_topics_are_one_query(cast, book):
    def look():
        with CaptureQueriesContext(connection) as asked:
            versions([lot(cast.lot.pk), desk(cast.omar.pk), me(cast.dina.pk), me(cast.eve.pk)])
        return len(asked)

    assert look() == 1


def test_what_is_muted_is_part_of_what_is_ones_own(cast):
    topic = me(cast.dina.pk)
    was = versions([topic])
    Mute.objects.create(user=cast.dina, event="NEW_BOOKING", channel="toast")
    assert versions([topic]) != was
