"""Notices: rows first, numbers after the commit without a gap, a push that may fail."""

import json
import string
import threading

import pytest
import redis
from channels.layers import get_channel_layer
from django.db import connection, transaction

from parking import events
from parking import relay as relay_room
from parking.events import BOOKING_EXPIRED, CATALOGUE, NEW_BOOKING
from parking.frames import frame
from parking.models import Inbox, Notification
from parking.notifications import Notice, notify, notify_many
from parking.relay import relay, relay_left_behind
from tests.services import VALKEY


@pytest.fixture
def pushed(monkeypatch):
    """What was handed to the channel layer: (group, frame), instead of sending it."""
    frames = []

    def group_send_many(sends):
        frames.extend((group, json.loads(message["text"])) for group, message in sends)

    monkeypatch.setattr(get_channel_layer(), "group_send_many", group_send_many)
    return frames


@pytest.fixture
def deaf(monkeypatch):
    """A channel layer that takes nothing."""

    def group_send_many(sends):
        raise ConnectionError("Redis is away")

    monkeypatch.setattr(get_channel_layer(), "group_send_many", group_send_many)


def numbers(user):
    return list(Notification.objects.filter(recipient=user).order_by("id").values_list("seq", flat=True))


def notify_and_roll_back(user):
    with transaction.atomic():
        notify(BOOKING_EXPIRED, to=user.pk)
        assert Notification.objects.filter(recipient=user, seq=None).exists()
        transaction.set_rollback(True)


# --- the catalogue ----------------------------------------------------------------------------


def test_the_catalogue_has_the_words_of_the_contract():
    assert {
        event.code: (event.level.value, event.audience.value, event.words) for event in CATALOGUE.values()
    } == {
        "BOOKING_WARNING": ("warning", "driver", "Your booking will expire in 5 minutes!"),
        "BOOKING_EXPIRED": ("info", "driver", "Your booking has expired. Slot released."),
        "RENEW_SUCCESS": ("success", "driver", "Booking renewed successfully!"),
        "RENEW_FAILURE": ("error", "driver", "Renewal failed: {reason}"),
        "RENEW_TOO_EARLY": ("warning", "driver", "Booking must completely expire before renewal"),
        "SLOT_AUTO_EXPIRED": ("warning", "driver", "Your booking for Slot #{slot} expired"),
        "BOOKING_DECLINED": ("warning", "driver", "Admin declined your booking request"),
        "CASH_VERIFIED": ("success", "driver", "Your cash payment has been verified"),
        "NEW_BOOKING": ("info", "owner", "New booking received for Lot #{lot}"),
        "CARWASH_COMPLETED": ("success", "driver", "Your car wash service has been completed"),
        "EMPLOYEE_ASSIGNED": ("info", "owner", "New employee {name} assigned to Lot #{lot}"),
        "ANNOUNCEMENT": ("info", "everyone", "{words}"),
        "OWNER_DIGEST": (
            "info",
            "owner",
            "Today: {bookings} bookings, {income} received, {cash_due} in cash to verify",
        ),
    }


def test_the_words_of_every_event_are_filled_from_facts():
    for event in CATALOGUE.values():
        wanted = {name for _, name, _, _ in string.Formatter().parse(event.words) if name}
        assert "{" not in event.message(dict.fromkeys(wanted, "x"))


def test_a_fact_that_the_words_need_and_nobody_gave_is_a_defect_not_a_gap(cast):
    with pytest.raises(KeyError):
        notify(events.RENEW_FAILURE, to=cast.dina.pk)


# --- rows, numbers ----------------------------------------------------------------------------


def test_a_notice_is_numbered_and_pushed_after_the_commit(cast, pushed):
    with transaction.atomic():
        notify(BOOKING_EXPIRED, to=cast.dina.pk)
        assert numbers(cast.dina) == [None]
        assert pushed == []
    assert numbers(cast.dina) == [1]
    assert [(group, sent["seq"]) for group, sent in pushed] == [(f"user.{cast.dina.pk}", 1)]
    assert Notification.objects.get().pushed_at is not None


def test_a_rollback_says_nothing(cast, pushed):
    notify_and_roll_back(cast.dina)
    assert not Notification.objects.exists()
    assert pushed == []


def test_saying_it_again_with_the_same_key_is_silence(cast, pushed):
    for _ in range(3):
        notify(BOOKING_EXPIRED, to=cast.dina.pk, dedupe_key="once")
    assert [sent["seq"] for _, sent in pushed] == [1]
    notify(BOOKING_EXPIRED, to=cast.eve.pk, dedupe_key="once")
    assert numbers(cast.eve) == [1]


def test_the_numbers_of_each_recipient_are_their_own_and_without_a_gap(cast, pushed):
    for _ in range(3):
        notify_many(
            [Notice(BOOKING_EXPIRED, cast.dina.pk), Notice(NEW_BOOKING, cast.omar.pk, facts={"lot": 1})]
        )
    assert numbers(cast.dina) == numbers(cast.omar) == [1, 2, 3]
    assert set(Inbox.objects.values_list("user_id", "head")) == {(cast.dina.pk, 3), (cast.omar.pk, 3)}


def test_a_rolled_back_notice_leaves_no_gap_in_the_numbers(cast, pushed):
    notify(BOOKING_EXPIRED, to=cast.dina.pk)
    notify_and_roll_back(cast.dina)
    notify(BOOKING_EXPIRED, to=cast.dina.pk)
    assert numbers(cast.dina) == [1, 2]


def test_numbers_follow_the_order_of_the_commits_not_of_the_inserts(cast, pushed):
    inserted, committed = threading.Event(), threading.Event()

    def slow():
        with transaction.atomic():
            notify(BOOKING_EXPIRED, to=cast.dina.pk, dedupe_key="inserted first")
            inserted.set()
            assert committed.wait(10)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert inserted.wait(10)
    notify(BOOKING_EXPIRED, to=cast.dina.pk, dedupe_key="committed first")
    committed.set()
    thread.join()
    order = Notification.objects.order_by("seq").values_list("dedupe_key", flat=True)
    assert list(order) == ["committed first", "inserted first"]


def test_many_senders_at_once_leave_no_gap_and_no_double(cast, pushed):
    def send():
        for _ in range(20):
            notify(BOOKING_EXPIRED, to=cast.dina.pk)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers(cast.dina)) == list(range(1, 161))
    assert sorted(sent["seq"] for _, sent in pushed) == list(range(1, 161))


def test_a_domain_transaction_does_not_wait_on_a_busy_inbox(cast, pushed):
    notify(BOOKING_EXPIRED, to=cast.dina.pk)
    with transaction.atomic():
        Inbox.objects.select_for_update().get(user=cast.dina)
        written = threading.Event()

        def cause():
            with transaction.atomic():
                notify(BOOKING_EXPIRED, to=cast.dina.pk)
                written.set()
            connection.close()

        thread = threading.Thread(target=cause)
        thread.start()
        assert written.wait(10)
    thread.join()
    assert numbers(cast.dina) == [1, 2]


def test_what_a_crash_left_without_a_number_is_relayed_later(cast, pushed):
    Notification.objects.create(recipient=cast.dina, event="X", level="info", message="left behind")
    assert relay_left_behind() == 1
    assert relay_left_behind() == 0
    assert numbers(cast.dina) == [1]
    assert [sent["message"] for _, sent in pushed] == ["left behind"]


def test_relaying_many_recipients_is_done_in_batches(cast, pushed, monkeypatch):
    monkeypatch.setattr("parking.relay.RECIPIENTS_PER_BATCH", 2)
    people = [cast.dina, cast.omar, cast.ada, cast.eve]
    for person in people:
        Notification.objects.create(recipient=person, event="X", level="info", message="m")
    assert relay([person.pk for person in people]) == 4
    assert [numbers(person) for person in people] == [[1]] * 4


@pytest.mark.parametrize("relaying", ["_relay_free", "_relay_held"])
def test_a_heap_of_notices_is_relayed_piece_by_piece_in_order(cast, monkeypatch, relaying):
    heaps = []
    monkeypatch.setattr(
        get_channel_layer(),
        "group_send_many",
        lambda sends: heaps.append([json.loads(message["text"]) for _, message in sends]),
    )
    monkeypatch.setattr("parking.relay.NOTICES_PER_BATCH", 2)
    monkeypatch.setattr("parking.relay.NOTICES_PER_PUSH", 2)
    people = [cast.dina, cast.omar, cast.dina, cast.omar, cast.dina]
    Inbox.objects.bulk_create(Inbox(user=person) for person in people[:2])
    rows = [
        Notification.objects.create(recipient=person, event="X", level="info", message="m").pk
        for person in people
    ]
    getattr(relay_room, relaying)([cast.dina.pk, cast.omar.pk])
    assert [len(heap) for heap in heaps] == [2, 2, 1]
    told = {shown["id"]: (shown["seq"], shown["unread"]) for heap in heaps for shown in heap}
    assert [told[pk] for pk in rows] == [(1, 1), (1, 1), (2, 2), (2, 2), (3, 3)]


def test_what_was_left_behind_has_its_numbers_before_it_is_pushed(cast, monkeypatch):
    """But not more than may wait, so that no heap fills the memory of whoever relays it."""
    without_number = []
    monkeypatch.setattr(
        get_channel_layer(),
        "group_send_many",
        lambda sends: without_number.append(Notification.objects.filter(seq__isnull=True).count()),
    )
    monkeypatch.setattr("parking.relay.NOTICES_PER_BATCH", 1)
    monkeypatch.setattr("parking.relay.NOTICES_WAITING", 2)
    monkeypatch.setattr("parking.relay.NOTICES_PER_PUSH", 1)
    for _ in range(3):
        Notification.objects.create(recipient=cast.dina, event="X", level="info", message="m")
    relay_room.relay_left_behind()
    assert without_number == [1, 1, 0]


def test_a_piece_of_the_heap_reads_nobody_elses_unread_notices(cast):
    """Somebody may have thousands: they are counted only where that person is told something."""
    seen = [Notification(recipient=cast.dina, seq=seq, event="X", level="info") for seq in range(1, 501)]
    Notification.objects.bulk_create(seen)
    Inbox.objects.bulk_create([Inbox(user=cast.dina, head=500), Inbox(user=cast.omar)])
    for person in (cast.omar, cast.dina):
        Notification.objects.create(recipient=person, event="X", level="info", message="m")
    with connection.cursor() as cursor:
        # Else the plan is for whatever autovacuum saw last, of another test.
        cursor.execute("ANALYZE parking_notification, parking_inbox")
        explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {relay_room._GIVE_NUMBERS}"
        cursor.execute(explained, [[cast.omar.pk, cast.dina.pk], 1, 1])
        plan = cursor.fetchone()[0][0]["Plan"]

    def read(node):
        here = node.get("Actual Rows", 0) * node.get("Actual Loops", 0) if "Relation Name" in node else 0
        return here + sum(read(below) for below in node.get("Plans", ()))

    assert read(plan) < 50


# --- pushes -----------------------------------------------------------------------------------


def test_a_push_that_fails_fails_nothing_and_is_counted(cast, deaf, caplog):
    notify(BOOKING_EXPIRED, to=cast.dina.pk)
    row = Notification.objects.get()
    assert (row.seq, row.pushed_at) == (1, None)
    record = next(r for r in caplog.records if r.message == "Notices were stored but not pushed")
    assert record.count == 1


def test_a_relay_that_fails_does_not_fail_the_cause(cast, monkeypatch):
    def broken(_):
        raise RuntimeError

    monkeypatch.setattr("parking.notifications.relay", broken)
    notify(BOOKING_EXPIRED, to=cast.dina.pk)
    assert numbers(cast.dina) == [None]


def test_a_frame_has_what_the_socket_promises_and_the_number_of_unread(cast, pushed):
    notify(BOOKING_EXPIRED, to=cast.dina.pk)
    notify(NEW_BOOKING, to=cast.dina.pk, lot=3, booking={"id": 5, "status": "BOOKED", "ends_at": "…"})
    _, sent = pushed[1]
    row = Notification.objects.get(seq=2)
    assert sent == {
        "type": "info",
        "message": "New booking received for Lot #3",
        "id": row.pk,
        "seq": 2,
        "event": "NEW_BOOKING",
        "created_at": sent["created_at"],
        "relevant_until": None,
        "replayed": False,
        "relevant": True,
        "muted": [],
        "unread": 2,
        "lot": 3,
        "booking": {"id": 5, "status": "BOOKED", "ends_at": "…"},
    }
    assert sent["created_at"].endswith("Z")


def test_facts_cannot_pass_for_a_frames_own_fields(cast, deaf):
    notify(BOOKING_EXPIRED, to=cast.dina.pk, seq=99, type="error", unread=-1)
    sent = frame(Notification.objects.get(), unread=1)
    assert (sent["seq"], sent["type"], sent["unread"]) == (1, "info", 1)


def test_many_frames_are_published_with_one_connection(cast):
    layer = get_channel_layer()
    with redis.Redis.from_url(VALKEY.url) as client:
        layer.group_send_many([("user.1", {"type": "notice"})])
        before = client.info("stats")["total_connections_received"]
        for _ in range(50):
            layer.group_send_many([(f"user.{n}", {"type": "notice"}) for n in range(20)])
        assert client.info("stats")["total_connections_received"] == before


def test_a_redis_that_is_away_is_not_asked_again_at_once(cast, free_port):
    from parkmate.channel_layer import RedisLayer

    layer = RedisLayer(url=f"redis://127.0.0.1:{free_port}/0")
    with pytest.raises(ConnectionError, match="did not take the push"):
        layer.group_send_many([("user.1", {"type": "notice"})])
    with pytest.raises(ConnectionError, match="a moment ago"):
        layer.group_send_many([("user.1", {"type": "notice"})])
