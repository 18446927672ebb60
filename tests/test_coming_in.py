"""Many who come in at once ask together: each gets their own answer, and nobody keeps the others out."""

import pytest
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test.utils import CaptureQueriesContext

from parking import delivery
from parking.credentials import of_sessions
from parking.delivery import Position, welcome
from parking.events import BOOKING_EXPIRED
from parking.models import Notification, User
from parking.notifications import Notice, notify_many
from tests.sockets import cookie_of

NOBODY = 999_999


def many(user, count):
    notify_many([Notice(BOOKING_EXPIRED, user.pk) for _ in range(count)])


def shown(welcomed):
    return [seq for seq, _ in welcomed.frames]


# --- what they missed -------------------------------------------------------------------------


def test_everybody_is_told_what_they_missed_also_who_comes_with_two_screens(cast):
    many(cast.dina, 4)
    many(cast.omar, 2)
    asked = [(cast.dina, 1), (cast.omar, 0), (cast.dina, 3), (cast.omar, 2)]
    answers = welcome([(user.pk, Position(after)) for user, after in asked])
    assert [shown(answer) for answer in answers] == [[2, 3, 4], [1, 2], [4], []]
    assert [answer.hello["user_id"] for answer in answers] == [user.pk for user, _ in asked]
    assert [answer.hello["unread"] for answer in answers] == [4, 2, 4, 2]


def test_one_reset_resets_nobody_else(cast):
    many(cast.dina, 3)
    many(cast.omar, 3)
    Notification.objects.filter(recipient=cast.dina, seq=2).delete()
    another = Position(0, "00000000-0000-0000-0000-000000000000")
    answers = welcome([(cast.dina.pk, Position(0)), (cast.omar.pk, Position(0)), (cast.omar.pk, another)])
    assert [answer.hello["reset"] for answer in answers] == [True, False, True]
    assert [shown(answer) for answer in answers] == [[], [1, 2, 3], []]


def test_somebody_who_is_not_there_any_more_keeps_nobody_out(cast):
    gone, dina = welcome([(NOBODY, Position()), (cast.dina.pk, Position())])
    assert gone is None
    assert (dina.hello["seq"], dina.hello["reset"]) == (0, False)


def test_what_many_missed_is_read_in_pieces_and_belongs_to_whom_it_should(cast, monkeypatch):
    monkeypatch.setattr(delivery, "LONGEST_REPLAY", 3)
    for user in (cast.dina, cast.omar, cast.ada):
        many(user, 2)
    answers = welcome([(user.pk, Position(0)) for user in (cast.dina, cast.omar, cast.ada)])
    assert [shown(answer) for answer in answers] == [[1, 2]] * 3


@pytest.mark.parametrize("count", [1, 3])
def test_coming_in_takes_four_statements_however_many_come(cast, count):
    people = [cast.dina, cast.omar, cast.ada][:count]
    for user in people:
        many(user, 1)
    keys = [cookie_of(user) for user in people]
    with CaptureQueriesContext(connection) as asked:
        assert None not in of_sessions(keys)
        assert all(welcome([(user.pk, Position(0)) for user in people]))
    assert len(asked) == 4


# --- who they are -----------------------------------------------------------------------------


def test_each_cookie_is_its_own_persons_and_nonsense_is_nobodys(cast):
    keys = [cookie_of(cast.dina), "n0tthere", "\0", cookie_of(cast.omar)]
    found = of_sessions(keys)
    assert [one and one.user_id for one in found] == [cast.dina.pk, None, None, cast.omar.pk]


def test_who_is_disabled_or_has_another_password_does_not_come_in(cast):
    keys = [cookie_of(user) for user in (cast.dina, cast.omar, cast.ada)]
    User.objects.filter(pk=cast.dina.pk).update(is_active=False)
    cast.omar.set_password("another one, and long")
    cast.omar.save()
    assert [one and one.user_id for one in of_sessions(keys)] == [None, None, cast.ada.pk]


def test_a_session_without_a_proof_of_the_password_is_nobodys(cast):
    key = cookie_of(cast.dina)
    session = SessionStore(key)
    del session[HASH_SESSION_KEY]
    session.save()
    assert of_sessions([key]) == [None]


def test_a_sign_in_of_before_the_secret_key_was_replaced_holds(cast, settings):
    key = cookie_of(cast.dina)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new one", [settings.SECRET_KEY]
    assert [one and one.user_id for one in of_sessions([key])] == [cast.dina.pk]
    settings.SECRET_KEY_FALLBACKS = []
    assert of_sessions([key]) == [None]
