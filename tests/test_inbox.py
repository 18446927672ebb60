"""The inbox over HTTP: pages that stay whole, what is unread, and what one wants to be told where."""

import json

import pytest

from parking.events import ANNOUNCEMENT, BOOKING_EXPIRED, CATALOGUE, NEW_BOOKING, Channel
from parking.models import Mute, Notification
from parking.notifications import notify
from tests.conftest import told

INBOX = "/api/notifications/"
PREFERENCES = "/api/notification-preferences/"


def tell(person, *, times=1):
    for _ in range(times):
        notify(ANNOUNCEMENT, to=person.pk, words="x")


def seqs(page):
    return [row["seq"] for row in page["results"]]


@pytest.fixture
def dina(cast, as_user):
    return as_user(cast.dina)


def send(client, method, path, body):
    return client.generic(method, path, json.dumps(body), content_type="application/json")


def test_a_notice_has_the_shape_that_clients_know(cast, dina):
    notify(NEW_BOOKING, to=cast.dina.pk, lot=3, booking={"id": 5})
    (notice,) = dina.get(INBOX).json()["results"]
    row = Notification.objects.get()
    assert notice == {
        "id": row.pk,
        "seq": 1,
        "type": "info",
        "event": "NEW_BOOKING",
        "message": "New booking received for Lot #3",
        "facts": {"lot": 3, "booking": {"id": 5}},
        "muted": [],
        "relevant_until": None,
        "created_at": notice["created_at"],
        "read_at": None,
    }


def test_pages_stay_whole_while_new_notices_come_in(cast, dina):
    tell(cast.dina, times=7)
    first = dina.get(f"{INBOX}?page_size=3").json()
    tell(cast.dina, times=2)
    second = dina.get(first["next"]).json()
    tell(cast.dina)
    third = dina.get(second["next"]).json()
    assert [seqs(page) for page in (first, second, third)] == [[7, 6, 5], [4, 3, 2], [1]]
    assert third["next"] is None
    assert seqs(dina.get(third["previous"]).json()) == [4, 3, 2]
    assert seqs(dina.get(f"{INBOX}?page_size=4").json()) == [10, 9, 8, 7]


def test_a_page_keeps_its_filters(cast, dina):
    tell(cast.dina, times=4)
    send(dina, "POST", f"{INBOX}read-all/", {"upto": 2})
    first = dina.get(f"{INBOX}?unread=true&page_size=1").json()
    second = dina.get(first["next"]).json()
    assert (seqs(first), seqs(second), second["next"]) == ([4], [3], None)


def test_the_inbox_is_narrowed_by_event_and_by_what_was_read(cast, dina):
    tell(cast.dina, times=2)
    notify(BOOKING_EXPIRED, to=cast.dina.pk)
    assert seqs(dina.get(f"{INBOX}?event=BOOKING_EXPIRED").json()) == [3]
    send(dina, "POST", f"{INBOX}read-all/", {"upto": 1})
    assert seqs(dina.get(f"{INBOX}?unread=false").json()) == [1]
    assert seqs(dina.get(f"{INBOX}?unread=true&event=ANNOUNCEMENT").json()) == [2]


def test_nobody_sees_the_notices_of_others(cast, as_user, dina):
    tell(cast.dina)
    for person in (cast.eve, cast.ada):
        assert as_user(person).get(INBOX).json()["results"] == []
        assert as_user(person).get(f"{INBOX}unread/").json()["unread"] == 0


def test_a_notice_without_a_number_is_not_shown_yet(cast, dina):
    row = Notification.objects.create(recipient=cast.dina, event="X", level="info", message="m")
    assert dina.get(INBOX).json()["results"] == []
    assert send(dina, "POST", f"{INBOX}{row.pk}/read/", {}).status_code == 404


def test_unread_says_how_many_and_where_the_numbers_are(cast, dina):
    answer = dina.get(f"{INBOX}unread/").json()
    assert (answer["unread"], answer["seq"]) == (0, 0)
    tell(cast.dina, times=3)
    later = dina.get(f"{INBOX}unread/").json()
    assert later == {"unread": 3, "seq": 3, "epoch": answer["epoch"]}


def test_reading_a_notice_counts_the_first_time(cast, dina):
    tell(cast.dina, times=2)
    pk = Notification.objects.get(seq=1).pk
    first, second = (send(dina, "POST", f"{INBOX}{pk}/read/", {}).json() for _ in range(2))
    assert first["read_at"] == second["read_at"] is not None
    assert dina.get(f"{INBOX}unread/").json()["unread"] == 1


def test_reading_all_up_to_a_number_leaves_what_came_later(cast, dina):
    tell(cast.dina, times=3)
    answer = send(dina, "POST", f"{INBOX}read-all/", {"upto": 2}).json()
    assert (answer["unread"], answer["seq"]) == (1, 3)
    assert send(dina, "POST", f"{INBOX}read-all/", {}).json()["unread"] == 0


def test_reading_all_touches_nobody_elses(cast, dina):
    tell(cast.eve)
    send(dina, "POST", f"{INBOX}read-all/", {})
    assert Notification.objects.get().read_at is None


# --- Preferences ------------------------------------------------------------------------------


def preference(answer, code):
    return next(row for row in answer.json() if row["event"] == code)


def test_everything_is_wanted_until_one_says_otherwise(dina):
    answer = dina.get(PREFERENCES)
    hers = [event.code for event in CATALOGUE.values() if event.audience != "owner"]
    assert [row["event"] for row in answer.json()] == hers
    assert all(row[channel] for row in answer.json() for channel in Channel)
    assert {row["event"] for row in answer.json() if row["critical"]} == {
        "BOOKING_WARNING",
        "BOOKING_EXPIRED",
        "SLOT_AUTO_EXPIRED",
    }


def choose(client, **choice):
    return send(client, "PATCH", PREFERENCES, {"preferences": [choice]})


def test_a_channel_is_muted_and_wanted_again(cast, dina, as_user):
    answer = choose(dina, event="CASH_VERIFIED", sound=False, toast=False)
    row = preference(answer, "CASH_VERIFIED")
    assert [row[channel] for channel in Channel] == [True, False, False, True]
    assert preference(choose(dina, event="CASH_VERIFIED", sound=True), "CASH_VERIFIED")["sound"] is True
    assert Mute.objects.get().channel == "toast"
    assert preference(as_user(cast.eve).get(PREFERENCES), "CASH_VERIFIED")["toast"] is True


def test_what_is_kept_out_of_the_inbox_is_not_told(cast, dina):
    choose(dina, event="ANNOUNCEMENT", inbox=False)
    tell(cast.dina)
    assert told(cast.dina) == []


def test_a_critical_event_cannot_be_kept_out_of_the_inbox(dina):
    answer = choose(dina, event="BOOKING_EXPIRED", inbox=False, sound=False)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["fields"]) == ["inbox"]
    assert "critical" in answer.json()["fields"]["inbox"][0]
    assert not Mute.objects.exists()


def test_a_critical_event_can_be_silenced(dina):
    assert choose(dina, event="BOOKING_EXPIRED", sound=False).status_code == 200


@pytest.mark.parametrize(
    ("choice", "code", "field"),
    [
        ({"event": "NO_SUCH"}, "invalid", "event"),
        ({"event": "new_booking"}, "invalid", "event"),
        ({"event": "NEW_BOOKING", "email": False}, "unknown_field", "email"),
        ({"sound": False}, "invalid", "event"),
    ],
)
def test_an_event_or_channel_there_is_not_is_named(dina, choice, code, field):
    answer = choose(dina, **choice)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert list(answer.json()["fields"]["preferences"]["0"]) == [field]


def test_choices_are_all_taken_or_none(dina):
    choices = [{"event": "NEW_BOOKING", "sound": False}, {"event": "BOOKING_EXPIRED", "inbox": False}]
    assert send(dina, "PATCH", PREFERENCES, {"preferences": choices}).status_code == 400
    assert not Mute.objects.exists()
