"""The judge is content with a world that the verbs made, and names exactly what is broken in it."""

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from celery import current_app
from django.db import connection

from parking.actions import bookings, payments
from parking.models import Booking, Lot, Payment, Slot, User
from parking.timers import now
from tests.conftest import empty, time_passes
from tests.faults.evidence import Answer, Evidence, Outage, Seen, rows
from tests.faults.ground import WITNESS, WITNESS_GONE
from tests.faults.judge import judge
from tests.services import POSTGRES

# Real commits: the witness sees nothing else.
pytestmark = pytest.mark.django_db(transaction=True)

CARD = {"method": Payment.Method.CARD, "token": "tok_visa"}
CASH = {"method": Payment.Method.CASH}
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[Evidence]:
    """Dina let a booking run out, extended one, renewed one and cancelled one; and what is left of it."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(current_app, "send_task", lambda name, **kw: None)
        with connection.cursor() as cursor:
            cursor.execute(WITNESS)
        try:
            yield what_happened()
        finally:
            empty()
            with connection.cursor() as cursor:
                cursor.execute(WITNESS_GONE)


def what_happened() -> Evidence:
    omar = User.objects.create(username="omar", password="!", role=User.Role.OWNER)
    dina = User.objects.create(username="dina", password="!")
    lot = Lot.objects.create(owner=omar, name="Central", address="1 High Street")
    made = []
    for number in range(6):
        slot = Slot.objects.create(lot=lot, number=number, hourly_rate=Decimal("6.00"))
        wish = {"slot_id": slot.pk, "vehicle_number": f"W{number}", "ends_at": now() + HOUR}
        made.append(bookings.book(driver=dina, **wish, **(CARD if number < 4 else CASH)))
    _, extended, renewed, cancelled, verified, declined = made
    for cash in (verified, declined):
        payments.verify(cash.payments.get().pk, by=omar)
    bookings.decline(declined.pk, by=omar)
    bookings.extend(extended.pk, by=dina, ends_at=now() + 2 * HOUR, **CARD)
    bookings.cancel(cancelled.pk, by=dina)
    for minutes in (56, 5):
        pass_by(minutes)
    made.append(bookings.renew(renewed.pk, by=dina, ends_at=now() + HOUR, **CARD))
    for minutes in (56, 5, 11, 56, 5, 11):
        pass_by(minutes)
    with psycopg.connect(
        f"postgresql://postgres@/{connection.settings_dict['NAME']}?host={POSTGRES.socket_directory}&port=5432"
    ) as database:
        found = rows(database)
    heads = {inbox.user_id: inbox.head for inbox in found["inboxes"]}
    return Evidence(
        **found,
        answers=[Answer("book", 201, booking=booking.pk) for booking in made],
        screens=[Seen(user_id, list(range(1, head + 1)), [1012, None]) for user_id, head in heads.items()],
        logs={"worker": "WARNING parking: something\nINFO parking: something else"},
        used={"memory of worker": (80e6, 84e6)},
        bound=10 * HOUR.total_seconds(),
        typical=10 * HOUR.total_seconds(),
    )


def pass_by(minutes: float) -> None:
    for booking in Booking.objects.all():
        time_passes(booking, minutes=minutes)
    bookings.run_due()


# --- What is broken, one thing at a time: each returns the evidence with it -------------------


def changed(given: Any, found: Callable[[Any], bool], **fields: Any) -> list[Any]:
    """The rows, but the first one that is so has these values."""
    there = list(given)
    place = next(n for n, row in enumerate(there) if found(row))
    there[place] = there[place]._replace(**fields)
    return there


def without(given: Any, found: Callable[[Any], bool]) -> list[Any]:
    there = list(given)
    there.remove(next(row for row in there if found(row)))
    return there


def fired(row: Any) -> bool:
    return row.state == "fired" and row.kind == "EXPIRY"


def an_armed_timer(world):
    return {"timers": changed(world.timers, lambda row: row.state == "cancelled", state="armed")}


def a_parked_timer(world):
    return {"timers": changed(world.timers, lambda row: row.state == "cancelled", state="parked")}


def a_late_timer(world):
    def expired(row):
        return row.subject == "timer" and row.became == "fired"

    first = next(row for row in world.history if expired(row))
    return {"history": changed(world.history, expired, at=first.at + 20 * HOUR)}


def a_late_canary(world):
    armed = next(row for row in world.history if row.subject == "timer" and row.became == "armed")
    canary = armed._replace(row_id=0)
    return {
        "history": [
            *world.history,
            canary,
            canary._replace(was="armed", became="fired", at=armed.at + 20 * HOUR),
        ]
    }


def late_timers(world):
    return {"typical": 0.001}


def a_younger_timer_that_came_first(world):
    """An outage that began with the world; afterwards the oldest of what was overdue came an hour late."""
    ends = {row.row_id: row for row in world.history if row.subject == "timer" and row.was == "armed"}
    done = [row for row in world.timers if row.state != "cancelled" and row.kind != "AUTO_EXPIRY"]
    oldest = min(done, key=lambda row: row.due_at)
    until = max(row.at for row in world.history)
    after = [
        row._replace(at=until + HOUR * (2 if row.row_id == oldest.id else 1))
        if ends.get(row.row_id) is row
        else row
        for row in world.history
    ]
    return {"history": after, "outages": [Outage(0.0, until.timestamp())]}


def an_early_timer(world):
    timer = next(row for row in world.timers if fired(row))
    return {"timers": changed(world.timers, fired, due_at=timer.fired_at + timedelta(milliseconds=1))}


def a_notice_of_a_cancelled_timer(world):
    cancelled = next(row for row in world.timers if row.state == "cancelled")
    notice = next(row for row in world.notices if row.event == "RENEW_SUCCESS")
    facts = {**notice.facts, "timer": cancelled.id}
    return {"notices": changed(world.notices, lambda row: row.id == notice.id, facts=facts)}


def a_fired_timer_without_its_notice(world):
    notice = next(row for row in world.notices if row.event == "BOOKING_WARNING")
    return {
        "notices": changed(world.notices, lambda row: row.id == notice.id, facts={}, event="ANNOUNCEMENT")
    }


def a_timer_that_fired_twice(world):
    row = next(row for row in world.history if row.subject == "timer" and row.became == "fired")
    return {"history": [*world.history, row]}


def a_days_figures_that_were_told_twice(world):
    (owner,) = {booking.owner_id for booking in world.bookings}
    (last,) = (row for row in world.notices if row.recipient_id == owner and row.seq == _head(world, owner))
    told = [
        last._replace(id=last.id + 10**6 + n, seq=last.seq + n, event="OWNER_DIGEST", facts={})
        for n in (1, 2)
    ]
    mine = [row for row in world.history if row.subject == "notice" and row.row_id == last.id]
    return {
        "notices": [*world.notices, *told],
        "history": [*world.history, *(row._replace(row_id=one.id) for one in told for row in mine)],
        "inboxes": changed(world.inboxes, lambda row: row.user_id == owner, head=last.seq + 2),
        "screens": [screen for screen in world.screens if screen.user_id != owner],
    }


def _head(world, user_id):
    return next(inbox.head for inbox in world.inboxes if inbox.user_id == user_id)


def a_booking_that_was_told_twice(world):
    notice = next(row for row in world.notices if row.event == "RENEW_SUCCESS")
    facts = next(row for row in world.notices if row.event == "NEW_BOOKING").facts
    changed_one = changed(world.notices, lambda row: row.id == notice.id, event="NEW_BOOKING", facts=facts)
    there = [booking for booking in world.bookings if not booking.renewed_from_id]
    return {"notices": changed_one, "bookings": there}


def _untold(world, event):
    return {"notices": changed(world.notices, lambda row: row.event == event, event="ANNOUNCEMENT")}


def cash_whose_verification_was_not_told(world):
    return _untold(world, "CASH_VERIFIED")


def a_declined_booking_that_was_not_told(world):
    return _untold(world, "BOOKING_DECLINED")


def a_wish_that_became_two_bookings(world):
    vehicle = world.bookings[1].vehicle_number
    return {"bookings": changed(world.bookings, lambda row: True, vehicle_number=vehicle)}


def a_refused_wish_that_became_a_booking(world):
    return {"answers": [Answer("book", 409, code="slot_taken", vehicle=world.bookings[0].vehicle_number)]}


def an_answer_without_its_booking(world):
    return {"answers": [*world.answers, Answer("book", 201, booking=999_999)]}


def a_number_that_came_late(world):
    def numbered(row):
        return row.subject == "notice" and row.became is not None

    last = max((row for row in world.history if numbered(row)), key=lambda row: row.at)
    late = last.at + timedelta(seconds=world.bound + 1)
    return {"history": changed(world.history, lambda row: row is last, at=late)}


def a_notice_without_a_number(world):
    last = max(row.seq for row in world.notices)
    return {
        "notices": changed(world.notices, lambda row: row.seq == last, seq=None),
        "inboxes": changed(world.inboxes, lambda row: row.head == last, head=last - 1),
        "screens": [replace(seen, numbers=[n for n in seen.numbers if n != last]) for seen in world.screens],
    }


def a_gap_in_an_inbox(world):
    last = max(row.seq for row in world.notices)
    return {"notices": changed(world.notices, lambda row: row.seq == last, seq=last + 1)}


def an_inbox_against_the_order_of_the_commits(world):
    def told(row):
        return row.subject == "notice" and row.became is None

    first = next(row for row in world.history if told(row))
    return {"history": changed(world.history, told, at=first.at + 20 * HOUR)}


def shows(world, numbers: Callable[[list[int]], list[int]]) -> dict[str, Any]:
    return {"screens": [replace(world.screens[0], numbers=numbers(world.screens[0].numbers))]}


def a_screen_that_missed_one(world):
    return shows(world, lambda numbers: numbers[:1] + numbers[2:])


def a_screen_that_showed_one_twice(world):
    return shows(world, lambda numbers: numbers[:2] + numbers[1:])


def a_screen_out_of_order(world):
    return shows(world, lambda numbers: [numbers[1], numbers[0], *numbers[2:]])


def a_screen_that_made_one_up(world):
    return shows(world, lambda numbers: [*numbers, len(numbers) + 1])


def a_slot_held_twice(world):
    first = world.bookings[0]
    period = {"slot_id": first.slot_id, "starts_at": first.starts_at, "ends_at": first.ends_at}
    return {"bookings": changed(world.bookings, lambda row: row.vehicle_number == "W1", **period)}


def an_illegal_path(world):
    def closed(row):
        return row.subject == "booking" and row.became == "EXPIRED"

    return {"history": without(world.history, closed)}


def a_status_that_nobody_gave(world):
    return {"bookings": changed(world.bookings, lambda row: row.status == "COMPLETED", status="EXPIRED")}


def a_wrong_sum(world):
    paid = world.payments[0].amount
    return {"payments": changed(world.payments, lambda row: True, amount=paid + Decimal("0.01"))}


def money_that_was_not_given_back(world):
    return {
        "payments": changed(
            world.payments, lambda row: row.refunded_at, status="PAID", refund_due_at=None, refunded_at=None
        )
    }


def cash_that_was_not_given_back(world):
    def kept(row):
        return row.method == "cash" and row.refund_due_at

    return {"payments": changed(world.payments, kept, refund_due_at=None)}


def cash_that_confirmed_nothing(world):
    verified = next(row for row in world.payments if row.status == "VERIFIED" and not row.refund_due_at)
    steps = [row for row in world.history if row.subject != "booking" or row.row_id != verified.booking_id]
    pending = changed(world.bookings, lambda row: row.id == verified.booking_id, status="PENDING")
    return {"bookings": pending, "history": steps}


def a_payment_left_behind(world):
    return {"payments": changed(world.payments, lambda row: row.status == "PAID", status="PENDING")}


def a_process_that_ended(world):
    return {"fallen": ["worker2, process 4711, status 1"]}


def a_traceback(world):
    return {
        "logs": {"web": "INFO all well\nERROR Oh\nTraceback (most recent call last):\n  File\nKeyError: 1"}
    }


def a_socket_that_failed(world):
    return {"screens": [replace(world.screens[0], codes=[1011])]}


def a_request_that_failed(world):
    return {"answers": [Answer("book", 500, "server_error")]}


def a_request_that_was_never_answered(world):
    return {"answers": [Answer("book", None, vehicle="W9")]}


def memory_that_was_kept(world):
    return {"used": {"memory of worker": (80e6, 101e6)}}


BREAKS = {
    1: [
        an_armed_timer,
        a_parked_timer,
        a_late_timer,
        a_late_canary,
        late_timers,
        a_younger_timer_that_came_first,
    ],
    2: [an_early_timer, a_notice_of_a_cancelled_timer],
    3: [
        a_fired_timer_without_its_notice,
        a_timer_that_fired_twice,
        a_booking_that_was_told_twice,
        a_days_figures_that_were_told_twice,
        cash_whose_verification_was_not_told,
        a_declined_booking_that_was_not_told,
        a_wish_that_became_two_bookings,
        an_answer_without_its_booking,
        a_refused_wish_that_became_a_booking,
    ],
    4: [
        a_number_that_came_late,
        a_notice_without_a_number,
        a_gap_in_an_inbox,
        an_inbox_against_the_order_of_the_commits,
    ],
    5: [
        a_screen_that_missed_one,
        a_screen_that_showed_one_twice,
        a_screen_out_of_order,
        a_screen_that_made_one_up,
    ],
    6: [
        a_slot_held_twice,
        an_illegal_path,
        a_status_that_nobody_gave,
        a_wrong_sum,
        money_that_was_not_given_back,
        cash_that_was_not_given_back,
        cash_that_confirmed_nothing,
        a_payment_left_behind,
    ],
    7: [
        a_process_that_ended,
        a_traceback,
        a_socket_that_failed,
        a_request_that_failed,
        a_request_that_was_never_answered,
    ],
    8: [memory_that_was_kept],
}


def test_a_world_that_the_verbs_made_is_in_order(world):
    assert judge(world) == []
    assert {timer.state for timer in world.timers} == {"fired", "cancelled"}
    assert len(world.bookings) == 7


@pytest.mark.parametrize(
    ("number", "broken"),
    [(number, broken) for number, kinds in BREAKS.items() for broken in kinds],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_what_is_broken_is_named_and_nothing_else(world, number, broken):
    found = judge(replace(copy(world), **broken(world)))
    assert {violation.number for violation in found} == {number}, found


def test_what_was_due_in_an_outage_is_late_from_its_end(world):
    ends = [row.at.timestamp() for row in world.history if row.subject == "timer" and row.was == "armed"]
    world = replace(world, bound=0.001, typical=None)
    assert any(violation.number == 1 for violation in judge(world))
    outage = Outage(min(ends) - 100 * HOUR.total_seconds(), max(ends))
    assert not any(violation.number == 1 for violation in judge(replace(world, outages=[outage])))
    elsewhere = replace(outage, booking=-1)
    assert any(violation.number == 1 for violation in judge(replace(world, outages=[elsewhere])))


def test_what_a_fault_may_say_is_no_stumble(world):
    spoken = replace(world, **a_traceback(world))
    assert judge(replace(spoken, may_say=("KeyError: 2",)))
    assert judge(replace(spoken, may_say=("KeyError: 1",))) == []
