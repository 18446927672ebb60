"""A change of state is announced whoever makes it; anything else says nothing."""

import pytest
from django.core import serializers
from django.db import transaction

from parking.actions import bookings
from parking.models import Booking, Notification
from tests.conftest import told

DECLINED = Booking.Status.CANCELLED_BY_ADMIN


def test_a_new_booking_is_announced_to_the_lots_owner(book, cast):
    booking = book()
    notice = Notification.objects.get(recipient=cast.omar)
    assert (notice.event, notice.message) == (
        "NEW_BOOKING",
        f"New booking received for Lot #{cast.lot.pk}",
    )
    assert notice.facts["booking"]["id"] == booking.pk


def test_a_booking_declined_by_a_save_in_a_shell_is_announced_once(book, cast):
    booking = Booking.objects.get(pk=book().pk)
    booking.status = DECLINED
    booking.save()
    booking.save()
    Booking.objects.get(pk=booking.pk).save()
    assert told(cast.dina) == ["BOOKING_DECLINED"]


def test_a_booking_declined_by_the_verb_is_announced_once_also_if_saved_later(book, cast):
    booking = bookings.decline(book().pk, by=cast.omar)
    booking.save()
    assert told(cast.dina) == ["BOOKING_DECLINED"]


def test_an_instance_that_was_created_and_then_declined_is_announced(book, cast):
    booking = book()
    booking.status = DECLINED
    booking.save(update_fields=["status"])
    assert told(cast.dina) == ["BOOKING_DECLINED"]


def test_a_save_of_something_else_says_nothing(book, cast):
    booking = Booking.objects.get(pk=book().pk)
    booking.vehicle_number = "KA02"
    booking.save()
    assert told(cast.dina) == []
    assert told(cast.omar) == ["NEW_BOOKING"]


def test_update_fields_that_leave_the_status_out_say_nothing(book, cast):
    booking = Booking.objects.get(pk=book().pk)
    booking.status = DECLINED
    booking.save(update_fields=["vehicle_number"])
    assert told(cast.dina) == []
    booking.save(update_fields=["status"])
    assert told(cast.dina) == ["BOOKING_DECLINED"]


def test_a_booking_cancelled_by_its_driver_is_not_announced_as_declined(book, cast):
    bookings.cancel(book().pk, by=cast.dina)
    assert told(cast.dina) == []


def test_a_rolled_back_decline_says_nothing(book, cast):
    booking = Booking.objects.get(pk=book().pk)
    with transaction.atomic():
        booking.status = DECLINED
        booking.save()
        transaction.set_rollback(True)
    assert told(cast.dina) == []


def test_a_booking_loaded_without_its_status_can_still_be_declined_and_announced(book, cast):
    booking = Booking.objects.only("vehicle_number").get(pk=book().pk)
    booking.status = DECLINED
    booking.save(update_fields=["status"])
    assert told(cast.dina) == ["BOOKING_DECLINED"]


def test_loading_a_fixture_announces_nothing(book, cast):
    dump = serializers.serialize("json", [book()])
    Notification.objects.all().delete()
    for loaded in serializers.deserialize("json", dump):
        loaded.save()
    assert not Notification.objects.exists()


@pytest.mark.parametrize("status", [s for s in Booking.Status if s != DECLINED])
def test_no_other_status_is_announced_as_declined(book, cast, status):
    booking = Booking.objects.get(pk=book().pk)
    booking.status = status
    booking.save()
    assert "BOOKING_DECLINED" not in told(cast.dina)


def test_a_booking_that_was_already_declined_when_loaded_is_no_change(book, cast):
    pk = book().pk
    Booking.objects.filter(pk=pk).update(status=DECLINED)
    Booking.objects.get(pk=pk).save()
    assert told(cast.dina) == []
