"""What a person wants to be told where: kept out of the inbox, or only silent."""

import pytest

from parking.actions import inbox
from parking.errors import Invalid
from parking.events import BOOKING_WARNING, CATALOGUE, NEW_BOOKING, Audience, Channel
from parking.models import Inbox, Mute, Notification
from parking.notifications import notify
from tests.conftest import told


def choose(user, event, **channels):
    inbox.choose(user, [(event.code, channels)])


def say(event, *, to):
    notify(event, to=to.pk, lot=1, slot=1)


def test_everything_is_wanted_until_somebody_says_otherwise(cast):
    assert all(all(channels.values()) for _, channels in inbox.wanted(cast.omar))
    assert [event for event, _ in inbox.wanted(cast.ada)] == list(CATALOGUE.values())


@pytest.mark.parametrize(("name", "others"), [("dina", "owner"), ("omar", "driver")])
def test_nobody_is_asked_about_what_only_others_are_told(cast, name, others):
    asked = {event.audience for event, _ in inbox.wanted(getattr(cast, name))}
    assert asked == set(Audience) - {others}


def test_what_is_muted_on_a_channel_is_told_and_says_so(cast):
    choose(cast.omar, NEW_BOOKING, toast=False, sound=False)
    say(NEW_BOOKING, to=cast.omar)
    assert Notification.objects.get().muted == ["sound", "toast"]


def test_what_is_kept_out_of_the_inbox_is_not_told_and_takes_no_number(cast):
    choose(cast.omar, NEW_BOOKING, inbox=False)
    say(NEW_BOOKING, to=cast.omar)
    say(NEW_BOOKING, to=cast.dina)
    assert (told(cast.omar), told(cast.dina)) == ([], ["NEW_BOOKING"])
    assert not Inbox.objects.filter(user=cast.omar, head__gt=0).exists()


def test_another_event_and_another_person_are_not_muted(cast):
    choose(cast.omar, NEW_BOOKING, inbox=False, toast=False)
    say(BOOKING_WARNING, to=cast.omar)
    assert Notification.objects.get().muted == []


def test_wanting_it_again_brings_it_back(cast):
    choose(cast.omar, NEW_BOOKING, inbox=False, sound=False)
    choose(cast.omar, NEW_BOOKING, inbox=True)
    say(NEW_BOOKING, to=cast.omar)
    assert Notification.objects.get().muted == ["sound"]


def test_choosing_the_same_twice_is_one_choice(cast):
    for _ in range(2):
        choose(cast.omar, NEW_BOOKING, sound=False)
    assert Mute.objects.count() == 1


@pytest.mark.parametrize("event", [event for event in CATALOGUE.values() if event.critical])
def test_a_critical_event_can_be_silenced_but_not_kept_out_of_the_inbox(cast, event):
    choose(cast.dina, event, toast=False, sound=False, vibration=False)
    with pytest.raises(Invalid):
        choose(cast.dina, event, inbox=False)
    say(event, to=cast.dina)
    assert Notification.objects.get().muted == ["sound", "toast", "vibration"]


def test_a_critical_event_is_told_even_if_a_row_says_otherwise(cast):
    Mute.objects.create(user=cast.dina, event=BOOKING_WARNING.code, channel=Channel.INBOX)
    say(BOOKING_WARNING, to=cast.dina)
    assert told(cast.dina) == ["BOOKING_WARNING"]


def test_the_critical_events_are_the_warning_and_the_ends():
    critical = {event.code for event in CATALOGUE.values() if event.critical}
    assert critical == {"BOOKING_WARNING", "BOOKING_EXPIRED", "SLOT_AUTO_EXPIRED"}


def test_one_wrong_choice_changes_nothing(cast):
    with pytest.raises(Invalid):
        inbox.choose(cast.dina, [("NEW_BOOKING", {"sound": False}), ("NO_SUCH", {"sound": False})])
    assert not Mute.objects.exists()
