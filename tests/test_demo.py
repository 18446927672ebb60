"""The demo data: people and lots once, and a booking that soon has something to say."""

from datetime import timedelta

from django.contrib.auth import authenticate
from django.core.management import call_command
from django.test import RequestFactory

from parking.management.commands.demo import DEMO_PASSWORD, DEMO_USERS
from parking.models import Booking, Lot, Slot, Timer, User
from tests.conftest import soon


def test_the_demo_has_a_driver_an_owner_and_a_staff_member_who_can_sign_in(db, alarms):
    call_command("demo")
    assert Lot.objects.count() == 2
    asked = RequestFactory().get("/")
    people = {name: authenticate(asked, username=name, password=DEMO_PASSWORD) for name in DEMO_USERS}
    assert (people["dina"].role, people["omar"].role, people["ada"].is_staff) == ("driver", "owner", True)


def test_the_demo_bookings_warning_comes_within_half_a_minute(db, alarms):
    call_command("demo")
    due_in = Timer.objects.get(kind="WARNING").due_at - soon()
    assert timedelta(0) < due_in <= timedelta(seconds=30)


def test_the_demo_is_loaded_once_and_books_again_only_when_no_booking_is_open(db, alarms):
    for _ in range(3):
        call_command("demo")
    assert (User.objects.count(), Lot.objects.count(), Booking.objects.count()) == (3, 2, 1)
    Booking.objects.update(status=Booking.Status.COMPLETED)
    call_command("demo")
    assert Booking.objects.count() == 2


def test_the_demo_adds_nothing_to_a_system_that_has_its_own_dina(db, alarms):
    User.objects.create_user("dina", password="her own")
    call_command("demo")
    assert (User.objects.count(), Slot.objects.count(), Booking.objects.count()) == (1, 0, 0)
