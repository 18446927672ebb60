"""The verbs of a booking's life: what they do, and whom they refuse."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from parking import availability, timers
from parking.actions import bookings
from parking.actions.payments import price_of
from parking.errors import (
    AlreadyEnded,
    AlreadyRenewed,
    Forbidden,
    IllegalMove,
    Invalid,
    NotExpired,
    NotFound,
    PaymentDeclined,
    SlotTaken,
)
from parking.models import MOVES, Booking, Notification, Payment, Slot, Timer
from tests.conftest import soon, time_passes, timer_states, told

Status = Booking.Status
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CARD = {"method": Payment.Method.CARD, "token": "tok_visa"}


def expired(booking):
    time_passes(booking, minutes=61)
    bookings.run_due()
    booking.refresh_from_db()
    return booking


# --- book -------------------------------------------------------------------------------------


def test_a_booking_holds_the_slot_is_paid_and_has_three_timers_armed(book):
    booking = book()
    assert booking.status == Status.BOOKED
    assert booking.price == Decimal("6.00")
    payment = booking.payments.get()
    assert (payment.status, payment.amount) == (Payment.Status.PAID, Decimal("6.00"))
    due = {timer.kind: timer.due_at - booking.ends_at for timer in booking.timers.all()}
    assert due == {
        "WARNING": -timedelta(minutes=5),
        "EXPIRY": timedelta(0),
        "AUTO_EXPIRY": timedelta(minutes=10),
    }


def test_a_booking_shorter_than_the_lead_has_no_warning(book):
    assert timer_states(book(minutes=5)) == {"EXPIRY": "armed", "AUTO_EXPIRY": "armed"}


def test_a_cash_booking_is_pending_with_its_payment_until_verified(book):
    booking = book(method=Payment.Method.CASH)
    assert booking.status == Status.PENDING
    assert booking.payments.get().status == Payment.Status.PENDING


def test_an_advance_booking_holds_only_its_own_period(book, cast):
    later = book(starts_at=soon(hours=2))
    book(minutes=119)
    with pytest.raises(SlotTaken):
        book(starts_at=later.starts_at + timedelta(minutes=1), minutes=1)


def test_a_taken_slot_is_refused_with_when_a_booking_as_long_would_fit(book):
    first = book(minutes=60)
    second = book(starts_at=first.ends_at + timedelta(minutes=20), minutes=30)
    with pytest.raises(SlotTaken) as refusal:
        book(starts_at=soon(minutes=10), minutes=25)
    assert refusal.value.facts["next_free_at"] == second.ends_at
    with pytest.raises(SlotTaken) as refusal:
        book(starts_at=soon(minutes=10), minutes=20)
    assert refusal.value.facts["next_free_at"] == first.ends_at


def test_back_to_back_bookings_do_not_overlap(book):
    first = book(minutes=30)
    second = book(starts_at=first.ends_at)
    assert second.starts_at == first.ends_at


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"starts_at": timedelta(seconds=-1)}, "starts_at"),
        ({"starts_at": timedelta(days=366)}, "starts_at"),
        ({"ends_at": timedelta(0)}, "ends_at"),
        ({"ends_at": timedelta(minutes=-5)}, "ends_at"),
        ({"ends_at": timedelta(days=31, minutes=1)}, "ends_at"),
    ],
)
def test_a_period_that_cannot_be_is_refused_and_nothing_is_stored(book, wish, field):
    now = soon()
    with pytest.raises(Invalid) as refusal:
        book(**{name: now + delta for name, delta in wish.items()})
    assert list(refusal.value.facts["fields"]) == [field]
    assert not Booking.objects.exists()


def test_a_time_without_a_zone_is_refused(book):
    with pytest.raises(Invalid):
        book(ends_at=soon(hours=1).replace(tzinfo=None))


def test_an_inactive_slot_is_refused(book, cast):
    Slot.objects.update(is_active=False)
    with pytest.raises(Invalid):
        book()


@pytest.mark.parametrize("slot_id", [0, -1, 999_999, 2**63])
def test_a_slot_that_does_not_exist_is_not_found(book, slot_id):
    with pytest.raises(NotFound):
        book(slot_id=slot_id)


def test_a_declined_payment_leaves_nothing_behind(book, cast, alarms):
    with pytest.raises(PaymentDeclined, match="insufficient funds"):
        book(token="tok_insufficient_funds")
    assert not Booking.objects.exists()
    assert not Timer.objects.exists()
    assert not Payment.objects.exists()
    assert told(cast.omar) == []
    assert alarms == []


def test_owners_do_not_book(book, cast):
    with pytest.raises(Forbidden):
        book(driver=cast.omar)


@pytest.mark.parametrize(
    ("seconds", "price"), [(1, "0.10"), (60, "0.10"), (61, "0.20"), (3600, "6.00"), (100, "0.20")]
)
def test_a_price_counts_every_started_minute(seconds, price):
    end = NOON + timedelta(seconds=seconds)
    assert price_of(hourly_rate=Decimal("6.00"), starts_at=NOON, ends_at=end) == Decimal(price)


def test_a_price_is_rounded_half_up_to_two_decimals():
    end = NOON + timedelta(minutes=1)
    assert price_of(hourly_rate=Decimal("0.30"), starts_at=NOON, ends_at=end) == Decimal("0.01")


# --- extend -----------------------------------------------------------------------------------


def test_extending_moves_the_end_charges_the_added_time_and_arms_new_timers(book, cast):
    booking = book()
    old = set(booking.timers.values_list("pk", flat=True))
    end = booking.ends_at + timedelta(minutes=30)
    extended = bookings.extend(booking.pk, by=cast.dina, ends_at=end, **CARD)
    assert (extended.ends_at, extended.price) == (end, Decimal("9.00"))
    assert [p.amount for p in booking.payments.order_by("id")] == [Decimal("6.00"), Decimal("3.00")]
    assert set(booking.timers.filter(state="cancelled").values_list("pk", flat=True)) == old
    assert booking.timers.filter(state="armed").count() == 3


def test_a_changed_rate_does_not_change_what_was_already_paid(book, cast):
    booking = book()
    Slot.objects.update(hourly_rate=Decimal("12.00"))
    end = booking.ends_at + timedelta(minutes=30)
    assert bookings.extend(booking.pk, by=cast.dina, ends_at=end, **CARD).price == Decimal("12.00")


def test_an_extension_reaches_at_most_to_the_next_booking(book, cast):
    booking = book()
    following = book(starts_at=booking.ends_at + timedelta(minutes=10))
    end = following.starts_at + timedelta(seconds=1)
    with pytest.raises(SlotTaken):
        bookings.extend(booking.pk, by=cast.dina, ends_at=end, **CARD)
    assert bookings.extend(booking.pk, by=cast.dina, ends_at=following.starts_at, **CARD)


def test_an_extension_after_the_end_is_refused_even_if_the_expiry_has_not_fired(book, cast):
    booking = book()
    time_passes(booking, minutes=61)
    with pytest.raises(AlreadyEnded):
        bookings.extend(booking.pk, by=cast.dina, ends_at=soon(hours=1), **CARD)


def test_an_extension_to_an_earlier_end_is_refused(book, cast):
    booking = book()
    with pytest.raises(Invalid):
        bookings.extend(booking.pk, by=cast.dina, ends_at=booking.ends_at, **CARD)


def test_an_extension_that_is_not_paid_changes_nothing(book, cast):
    booking = book()
    declined = {"method": Payment.Method.CARD, "token": "tok_declined"}
    with pytest.raises(PaymentDeclined):
        bookings.extend(booking.pk, by=cast.dina, ends_at=soon(hours=2), **declined)
    unchanged = Booking.objects.get()
    assert (unchanged.ends_at, unchanged.price) == (booking.ends_at, booking.price)
    assert set(timer_states(booking).values()) == {"armed"}


# --- renew ------------------------------------------------------------------------------------


def test_renewing_books_the_slot_again_from_now_and_closes_the_old_booking(book, cast):
    old = expired(book())
    new = bookings.renew(old.pk, by=cast.dina, ends_at=soon(hours=1), **CARD)
    old.refresh_from_db()
    assert (old.status, new.status, new.renewed_from) == (Status.COMPLETED, Status.BOOKED, old)
    assert timer_states(old) == {"WARNING": "superseded", "EXPIRY": "fired", "AUTO_EXPIRY": "cancelled"}
    assert told(cast.dina) == ["BOOKING_EXPIRED", "RENEW_SUCCESS"]


def test_renewing_before_the_end_is_refused_and_told(book, cast):
    booking = book()
    with pytest.raises(NotExpired):
        bookings.renew(booking.pk, by=cast.dina, ends_at=soon(hours=1), **CARD)
    assert told(cast.dina) == ["RENEW_TOO_EARLY"]


def test_a_renewal_that_fails_is_told_with_the_reason_and_changes_nothing(book, cast):
    old = expired(book())
    book(driver=cast.eve)
    with pytest.raises(SlotTaken):
        bookings.renew(old.pk, by=cast.dina, ends_at=soon(hours=1), **CARD)
    old.refresh_from_db()
    assert old.status == Status.EXPIRED
    assert timer_states(old)["AUTO_EXPIRY"] == "armed"
    said = Notification.objects.get(event="RENEW_FAILURE").message
    assert said == "Renewal failed: The slot is taken for some of that time."


def test_a_booking_is_renewed_once(book, cast):
    old = expired(book())
    bookings.renew(old.pk, by=cast.dina, ends_at=soon(hours=1), **CARD)
    with pytest.raises(AlreadyRenewed):
        bookings.renew(old.pk, by=cast.dina, ends_at=soon(hours=3), **CARD)


# --- cancel and decline -----------------------------------------------------------------------


def test_cancelling_frees_the_slot_at_once_and_cancels_the_timers(book, cast):
    booking = bookings.cancel(book().pk, by=cast.dina)
    assert booking.status == Status.CANCELLED
    assert set(timer_states(booking).values()) == {"cancelled"}
    assert book(driver=cast.eve)


def test_declining_by_the_lots_owner_or_staff_tells_the_driver(book, cast):
    for who in (cast.omar, cast.ada):
        booking = bookings.decline(book().pk, by=who)
        assert booking.status == Status.CANCELLED_BY_ADMIN
        assert set(timer_states(booking).values()) == {"cancelled"}
    assert told(cast.dina) == ["BOOKING_DECLINED", "BOOKING_DECLINED"]


def test_drivers_do_not_decline_and_owners_do_not_cancel(book, cast):
    booking = book()
    with pytest.raises(Forbidden):
        bookings.decline(booking.pk, by=cast.dina)
    with pytest.raises(Forbidden):
        bookings.cancel(booking.pk, by=cast.omar)


@pytest.mark.parametrize("verb", [bookings.cancel, bookings.decline])
def test_a_strangers_booking_is_not_found(book, cast, verb):
    booking = book()
    with pytest.raises(NotFound):
        verb(booking.pk, by=cast.eve)


def test_an_expired_booking_is_not_cancelled(book, cast):
    with pytest.raises(IllegalMove) as refusal:
        bookings.cancel(expired(book()).pk, by=cast.dina)
    assert refusal.value.facts == {"booking_status": "EXPIRED"}


@pytest.mark.parametrize("verb", [bookings.cancel, bookings.decline])
def test_what_was_parked_to_the_end_is_not_undone_even_if_the_expiry_has_not_fired(book, cast, verb):
    booking = book()
    time_passes(booking, minutes=60)
    with pytest.raises(IllegalMove) as refusal:
        verb(booking.pk, by=cast.dina if verb == bookings.cancel else cast.omar)
    assert refusal.value.facts == {"booking_status": "EXPIRED"}
    assert list(booking.payments.values_list("status", "refund_due_at")) == [("PAID", None)]
    bookings.run_due()
    booking.refresh_from_db()
    assert booking.status == "EXPIRED"


@pytest.mark.parametrize("source", Status)
@pytest.mark.parametrize("target", Status)
def test_only_the_moves_in_the_table_are_made(book, source, target):
    booking = book()
    Booking.objects.update(status=source)
    if target in MOVES[source]:
        booking.move(target)
    else:
        with pytest.raises(IllegalMove):
            booking.move(target)
    booking.refresh_from_db()
    assert booking.status == (target if target in MOVES[source] else source)


# --- what the database itself forbids ---------------------------------------------------------


def test_the_database_refuses_an_overlap_whatever_the_code_does(book, cast):
    held = book()
    fields = {"driver": cast.eve, "vehicle_number": "X", "price": 0, "slot": cast.slot}
    period = {"starts_at": held.starts_at, "ends_at": held.ends_at}
    with pytest.raises(IntegrityError, match="booking_slot_held_once"), transaction.atomic():
        Booking.objects.create(**fields, **period, status=Status.PENDING)
    Booking.objects.create(**fields, **period, status=Status.CANCELLED)


def test_who_books_as_another_booking_ends_begins_after_it(book, monkeypatch):
    before, is_free = book(), availability.is_free

    def as_it_ends(*given, **period):
        Booking.objects.filter(pk=before.pk).update(ends_at=timers.now(), status=Booking.Status.EXPIRED)
        return is_free(*given, **period)

    monkeypatch.setattr(availability, "is_free", as_it_ends)
    after = book()
    before.refresh_from_db()
    assert after.starts_at >= before.ends_at


def test_an_overlap_that_gets_past_the_check_is_still_answered_as_a_taken_slot(book, monkeypatch):
    book()
    monkeypatch.setattr("parking.availability.is_free", lambda *_, **__: True)
    with pytest.raises(SlotTaken):
        book()


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"price": -1}, "booking_price_not_negative"),
        ({"status": "LOST"}, "booking_status_known"),
        ({"ends_at": NOON - timedelta(days=9999)}, "booking_ends_after_start"),
    ],
)
def test_the_database_refuses_what_no_booking_can_be(book, change, constraint):
    book()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Booking.objects.update(**change)


def test_a_booking_has_one_armed_timer_of_a_kind(book):
    booking = book()
    with pytest.raises(IntegrityError, match="timer_armed_once"), transaction.atomic():
        Timer.objects.create(booking=booking, kind=Timer.Kind.EXPIRY, due_at=NOON)


def test_a_payment_is_for_exactly_one_thing(cast):
    with pytest.raises(IntegrityError, match="payment_for_one_thing"), transaction.atomic():
        Payment.objects.create(method="cash", amount=1, status="PENDING")


def test_renewing_again_says_which_booking_it_became_and_is_no_failure_to_tell(book, cast):
    booking = book()
    time_passes(booking, minutes=61)
    bookings.run_due()
    wish = {"by": cast.dina, "ends_at": soon(hours=1), "method": Payment.Method.CARD, "token": "tok_visa"}
    new = bookings.renew(booking.pk, **wish)
    with pytest.raises(AlreadyRenewed) as refused:
        bookings.renew(booking.pk, **wish)
    assert refused.value.facts == {"renewed_by": new.pk}
    assert "RENEW_FAILURE" not in told(cast.dina)
