"""What operators schedule: who is told what, what is deleted, and which arguments are refused."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import OperationalError
from django.db.models.functions import Now

from parking import timers
from parking.actions import bookings, operations, payments
from parking.errors import Invalid
from parking.models import Booking, DeviceToken, Inbox, Lot, Notification, Payment, Slot, StoredAnswer, User
from tasks import operations as tasks
from tests.conftest import soon, time_passes, told

HELLO = {"level": "warning", "words": "The lift is out of order."}


def aged(days):
    """A moment so many days ago, by the database's clock."""
    return timers.now() - timedelta(days=days)


# --- Announcements ----------------------------------------------------------------------------


def test_an_announcement_reaches_every_active_user_at_the_chosen_level(cast):
    User.objects.filter(pk=cast.eve.pk).update(is_active=False)
    assert operations.announce(**HELLO, to="all") == 3
    for user in (cast.dina, cast.omar, cast.ada):
        notice = Notification.objects.get(recipient=user)
        assert (notice.event, notice.level, notice.message) == ("ANNOUNCEMENT", "warning", HELLO["words"])
        assert notice.seq == 1
    assert told(cast.eve) == []


def test_owners_alone_can_be_told(cast):
    assert operations.announce(**HELLO, to="owners") == 1
    assert told(cast.omar) == ["ANNOUNCEMENT"]


def test_braces_in_the_words_are_words(cast):
    operations.announce(level="info", words="{0} {words} %s", to="owners")
    assert Notification.objects.get().message == "{0} {words} %s"


def announced_to_the_lot(cast):
    operations.announce(**HELLO, to="drivers_of_lot", lot=cast.lot.pk)
    return set(Notification.objects.filter(event="ANNOUNCEMENT").values_list("recipient", flat=True))


def test_the_drivers_of_a_lot_are_those_who_hold_a_booking_there(cast, book):
    book()
    other = Lot.objects.create(owner=cast.omar, name="Other", address="2 Low Street")
    slot = Slot.objects.create(lot=other, number=1, hourly_rate=Decimal(1))
    book(driver=cast.eve, slot_id=slot.pk)
    assert announced_to_the_lot(cast) == {cast.dina.pk}


@pytest.mark.parametrize(("hours", "concerned"), [(23, True), (25, False)])
def test_a_driver_who_has_left_is_concerned_for_a_day(cast, book, hours, concerned):
    booking = book()
    time_passes(booking, hours=hours + 1)
    bookings.run_due()
    assert announced_to_the_lot(cast) == ({cast.dina.pk} if concerned else set())


def test_a_driver_who_cancelled_is_not_concerned(cast, book):
    bookings.cancel(book().pk, by=cast.dina)
    assert announced_to_the_lot(cast) == set()


def test_the_same_message_again_is_silence_also_for_who_came_in_between(cast):
    assert operations.announce(**HELLO, to="all", call="message-1") == 4
    User.objects.create(username="late", password="!")
    assert operations.announce(**HELLO, to="all", call="message-1") == 0
    assert operations.announce(**HELLO, to="all", call="message-2") == 5


def test_an_announcement_is_all_or_nothing(cast, monkeypatch):
    def gone(*_):
        raise OperationalError

    monkeypatch.setattr(operations, "notify_many", gone)
    with pytest.raises(OperationalError):
        operations.announce(**HELLO, to="all")
    assert not Notification.objects.exists()


# --- The digest -------------------------------------------------------------------------------


def digest(user):
    return Notification.objects.get(recipient=user, event="OWNER_DIGEST").message


def test_the_digest_tells_an_owner_the_bookings_the_money_and_the_cash_to_verify(cast, book):
    book()
    second = Slot.objects.create(lot=cast.lot, number=8, hourly_rate=Decimal("3.50"))
    book(slot_id=second.pk, method=Payment.Method.CASH, token="")
    assert operations.owner_digest() == 1
    assert digest(cast.omar) == "Today: 2 bookings, 6.00 received, 3.50 in cash to verify"


def test_cash_counts_on_the_day_on_which_it_was_verified(cast, book):
    booking = book(method=Payment.Method.CASH, token="")
    Payment.objects.update(created_at=aged(2))
    Booking.objects.update(created_at=aged(2))
    payments.verify(booking.payments.get().pk, by=cast.omar)
    operations.owner_digest()
    assert digest(cast.omar) == "Today: 0 bookings, 6.00 received, 0.00 in cash to verify"


def test_what_came_on_another_day_or_went_back_is_not_in_the_digest(cast, book):
    bookings.cancel(book().pk, by=cast.dina)
    book()
    Payment.objects.filter(refund_due_at=None).update(created_at=aged(2))
    Booking.objects.update(created_at=aged(2))
    operations.owner_digest()
    assert digest(cast.omar) == "Today: 0 bookings, 0.00 received, 0.00 in cash to verify"


def test_the_digest_comes_once_a_day_and_only_to_those_with_a_lot(cast):
    for _ in range(2):
        operations.owner_digest()
    assert told(cast.omar) == ["OWNER_DIGEST"]
    assert Notification.objects.count() == 1


def test_the_digest_of_many_owners_takes_as_many_queries_as_that_of_one(cast, django_assert_max_num_queries):
    for number in range(20):
        owner = User.objects.create(username=f"owner{number}", password="!", role=User.Role.OWNER)
        Lot.objects.create(owner=owner, name="Lot", address="Here")
    with django_assert_max_num_queries(20):
        assert operations.owner_digest() == 21


# --- Housekeeping -----------------------------------------------------------------------------


def notices(user, *, count, days, numbered=True):
    start = Notification.objects.filter(recipient=user).count()
    Notification.objects.bulk_create(
        Notification(
            recipient=user,
            event="X",
            level="info",
            message="old",
            seq=start + number if numbered else None,
            created_at=aged(days),
        )
        for number in range(1, count + 1)
    )


def test_a_purge_deletes_what_is_older_in_batches_and_leaves_the_numbers(cast, monkeypatch):
    monkeypatch.setattr(operations, "PURGED_PER_BATCH", 2)
    notices(cast.dina, count=5, days=91)
    notices(cast.dina, count=2, days=89)
    Inbox.objects.create(user=cast.dina, head=7)
    assert operations.purge_inbox(days=90) == 5
    assert list(Notification.objects.order_by("seq").values_list("seq", flat=True)) == [6, 7]
    assert Inbox.objects.get(user=cast.dina).head == 7


def test_a_purge_never_deletes_what_was_not_told_yet(cast):
    notices(cast.dina, count=1, days=91, numbered=False)
    assert operations.purge_inbox(days=1) == 0
    assert Notification.objects.count() == 1


def test_tidying_deletes_what_has_expired_and_nothing_else(cast):
    for expiry in (aged(1), soon(days=1), None):
        Session.objects.create(session_key=f"s{expiry}", expire_date=expiry or soon(days=9))
        DeviceToken(user=cast.dina, device="phone", digest=f"d{expiry}", expiry=expiry).save()
    for age in (1.1, 0.9):
        StoredAnswer.objects.create(
            user=cast.dina,
            route="r",
            key=str(age),
            fingerprint="f",
            status=200,
            body="",
            created_at=aged(age),
        )
    operations.tidy()
    assert Session.objects.filter(expire_date__gt=Now()).count() == Session.objects.count() == 2
    assert {token.expiry is None for token in DeviceToken.objects.all()} == {True, False}
    assert DeviceToken.objects.count() == 2
    assert StoredAnswer.objects.get().key == "0.9"


def test_payments_that_were_left_behind_are_finished(cast, book, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(payments, "_try_to_finish", lambda _: False)
        book()
    Payment.objects.update(created_at=aged(1))
    tasks.finish_payments()
    assert Payment.objects.get().status == Payment.Status.PAID


# --- Arguments --------------------------------------------------------------------------------

ANNOUNCE, PURGE = "tasks.operations.announce", "tasks.operations.purge_inbox"
TO_ALL = {**HELLO, "to": "all"}


@pytest.mark.parametrize(
    ("task", "args", "kwargs", "field", "allowed"),
    [
        ("tasks.timers.fire", [], {"timer_id": 1}, "task", "tasks.operations.announce"),
        ("os.system", [], {}, "task", "tasks.operations.announce"),
        (ANNOUNCE, ["info"], TO_ALL, "args", "[]"),
        (ANNOUNCE, None, TO_ALL, "args", "[]"),
        (ANNOUNCE, {}, TO_ALL, "args", "[]"),
        (ANNOUNCE, [], ["info"], "kwargs", "object"),
        (ANNOUNCE, [], None, "kwargs", "object"),
        (ANNOUNCE, [], {}, "kwargs", "level, words, to, lot (may be left out)"),
        (ANNOUNCE, [], {**TO_ALL, "colour": "red"}, "kwargs", "level, words, to, lot (may be left out)"),
        (ANNOUNCE, [], {**TO_ALL, "level": "loud"}, "level", "info, success, warning, error"),
        (ANNOUNCE, [], {**TO_ALL, "level": ["info"]}, "level", "info, success, warning, error"),
        (ANNOUNCE, [], {**TO_ALL, "words": ""}, "words", "1 to 500"),
        (ANNOUNCE, [], {**TO_ALL, "words": "  "}, "words", "1 to 500"),
        (ANNOUNCE, [], {**TO_ALL, "words": "x" * 501}, "words", "1 to 500"),
        (ANNOUNCE, [], {**TO_ALL, "words": 7}, "words", "text"),
        (ANNOUNCE, [], {**TO_ALL, "words": "a\0b"}, "words", "text"),
        (ANNOUNCE, [], {**TO_ALL, "words": "a\ud800b"}, "words", "text"),
        (ANNOUNCE, [], {**TO_ALL, "to": "everyone"}, "to", "all, owners, drivers_of_lot"),
        (ANNOUNCE, [], {**TO_ALL, "to": {}}, "to", "all, owners, drivers_of_lot"),
        (ANNOUNCE, [], {**TO_ALL, "lot": 1}, "lot", "drivers_of_lot"),
        (ANNOUNCE, [], {**HELLO, "to": "drivers_of_lot"}, "lot", "exists"),
        (ANNOUNCE, [], {**HELLO, "to": "drivers_of_lot", "lot": 999}, "lot", "exists"),
        (ANNOUNCE, [], {**HELLO, "to": "drivers_of_lot", "lot": 10**30}, "lot", "exists"),
        (ANNOUNCE, [], {**HELLO, "to": "drivers_of_lot", "lot": "1"}, "lot", "exists"),
        (PURGE, [], {}, "kwargs", "days"),
        (PURGE, [], {"days": 0}, "days", "1 to 3650"),
        (PURGE, [], {"days": 3651}, "days", "1 to 3650"),
        (PURGE, [], {"days": True}, "days", "1 to 3650"),
        (PURGE, [], {"days": 9.0}, "days", "1 to 3650"),
        (PURGE, [], {"days": "90"}, "days", "1 to 3650"),
        ("tasks.operations.owner_digest", [], {"day": 1}, "kwargs", "no arguments"),
        ("tasks.timers.set_alarms", [], {"limit": 1}, "kwargs", "no arguments"),
    ],
)
def test_wrong_arguments_are_refused_and_what_is_allowed_is_said(db, task, args, kwargs, field, allowed):
    with pytest.raises(Invalid) as refused:
        operations.check(task, args=args, kwargs=kwargs)
    assert allowed in refused.value.facts["fields"][field][0]


@pytest.mark.parametrize("words", ["x", "x" * 500, "Größe: 5 €\nzweite Zeile 🚗"])
def test_right_arguments_pass(cast, words):
    kwargs = {"level": "info", "words": words, "to": "drivers_of_lot", "lot": cast.lot.pk}
    operations.check(ANNOUNCE, args=[], kwargs=kwargs)


@pytest.mark.parametrize(
    ("task", "args", "kwargs"),
    [
        (tasks.announce, ["loud", "x", "all"], {}),
        (tasks.announce, [], {"colour": "red"}),
        (tasks.announce, [], {"level": "loud", "words": "x", "to": "all"}),
        (tasks.purge_inbox, [], {"days": -1}),
        (tasks.tidy, [], {"what": "all"}),
    ],
)
def test_a_task_run_with_wrong_arguments_all_the_same_is_one_line_in_the_log(
    cast, caplog, task, args, kwargs
):
    result = task.apply(args=args, kwargs=kwargs)
    assert result.successful()
    (record,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert record.message == "A scheduled task was given wrong arguments"
    assert record.exc_info is None
    assert not Notification.objects.exists()


def test_after_a_restoration_every_inbox_begins_anew_and_every_armed_timer_waits_for_an_alarm(
    cast, book, capsys
):
    booking = book(minutes=1)
    before = set(Inbox.objects.values_list("epoch", flat=True))
    call_command("restored")
    after = set(Inbox.objects.values_list("epoch", flat=True))
    assert len(after) == Inbox.objects.count() == len(before)
    assert not after & before
    assert not booking.timers.filter(alarm_set_at__isnull=False).exists()
    assert timers.set_alarms() == 1
    assert "begin anew" in capsys.readouterr().out
