"""What a person does with their notices: read them, and say which ones they want where."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models.functions import Now

from parking.changes import me, say
from parking.errors import Invalid, NotFound
from parking.events import CATALOGUE, Audience, Channel, Event
from parking.models import Mute, Notification, User


def read(notification_id: int, *, by: User) -> Notification:
    """Mark one's own notice as read; the first time counts. Raises NotFound."""
    mine = Notification.objects.filter(recipient=by, seq__isnull=False, pk=notification_id)
    if mine.filter(read_at__isnull=True).update(read_at=Now()):
        say({me(by.pk)})
    notice = mine.first()
    if notice is None:
        raise NotFound("notice")
    return notice


def read_all(*, by: User, upto: int | None = None) -> int:
    """Mark one's notices as read, up to this number (None: all); return how many were unread."""
    unread = Notification.objects.filter(recipient=by, seq__isnull=False, read_at__isnull=True)
    were = (unread if upto is None else unread.filter(seq__lte=upto)).update(read_at=Now())
    if were:
        say({me(by.pk)})
    return were


def wanted(user: User) -> list[tuple[Event, dict[Channel, bool]]]:
    """For each event that may be for this person, on which channels they want it."""
    muted = set(Mute.objects.filter(user=user).values_list("event", "channel"))
    return [
        (event, {channel: (event.code, channel.value) not in muted for channel in Channel})
        for event in CATALOGUE.values()
        if user.is_staff or event.audience in (Audience.EVERYONE, user.role)
    ]


def choose(user: User, choices: Iterable[tuple[str, dict[str, bool]]]) -> None:
    """Want these events on these channels, or not: all of it or nothing.

    Raises Invalid for an event or channel there is not, and for keeping a critical event out of
    the inbox.
    """
    with transaction.atomic():
        say({me(user.pk)})
        for code, channels in choices:
            event = CATALOGUE.get(code)
            if event is None:
                raise Invalid(event=f"There is no event {code}.")
            if event.critical and channels.get(Channel.INBOX) is False:
                raise Invalid(inbox=f"{code} is critical: it can be silenced, but not kept out of the inbox.")
            for channel, wants in channels.items():
                _choose(user, event, Channel(channel), wants=wants)


def _choose(user: User, event: Event, channel: Channel, *, wants: bool) -> None:
    if wants:
        Mute.objects.filter(user=user, event=event.code, channel=channel).delete()
    else:
        Mute.objects.bulk_create([Mute(user=user, event=event.code, channel=channel)], ignore_conflicts=True)
