"""Money: authorised with its cause, captured after the commit, given back when the cause is undone."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from parking import timers
from parking.actions import bookings, payments
from parking.errors import Forbidden, GatewayAway, IllegalMove, NotCash, NotFound, NothingToHandBack
from parking.models import Booking, Notification, Payment, User
from tests.conftest import told
from tests.gateways import AWAY, DECLINED, RecordingGateway
from tests.model.provider import Provider

CASH = {"method": Payment.Method.CASH, "token": ""}
SIX = Decimal("6.00")


@pytest.fixture(autouse=True)
def gateway(settings):
    settings.PAYMENT_GATEWAY = "tests.gateways.RecordingGateway"
    RecordingGateway.reset()
    return RecordingGateway


def only_payment():
    return Payment.objects.get()


# --- Card and UPI -----------------------------------------------------------------------------


def test_a_booking_is_authorised_in_its_transaction_and_captured_after_the_commit(book, gateway):
    with transaction.atomic():
        book()
        assert [call for call, *_ in gateway.asked] == ["authorise"]
        assert only_payment().status == "PENDING"
    assert gateway.asked == [("authorise", "ref_1", SIX), ("capture", "ref_1", SIX)]
    assert only_payment().status == "PAID"


def test_what_is_rolled_back_is_never_captured(book, gateway):
    with transaction.atomic():
        book()
        transaction.set_rollback(True)
    assert [call for call, *_ in gateway.asked] == ["authorise"]
    assert not Payment.objects.exists()


def test_a_provider_that_is_away_when_asked_to_authorise_leaves_nothing(book, gateway):
    gateway.fails = {"authorise": AWAY}
    with pytest.raises(GatewayAway):
        book()
    assert not Booking.objects.exists()


def begun_long_ago():
    Payment.objects.update(created_at=timers.now() - timedelta(minutes=1))


def test_a_capture_that_finds_the_provider_away_is_made_later_once(book, gateway):
    gateway.fails = {"capture": AWAY}
    assert book().status == "BOOKED"
    assert only_payment().status == "PENDING"
    begun_long_ago()
    assert payments.finish_left_behind() == 0
    gateway.fails = {}
    assert payments.finish_left_behind() == 1
    assert payments.finish_left_behind() == 0
    assert only_payment().status == "PAID"
    assert [call for call, *_ in gateway.asked] == ["authorise", "capture"]


def test_what_was_begun_a_moment_ago_is_left_to_whoever_began_it(book, gateway):
    gateway.fails = {"capture": AWAY}
    book()
    gateway.fails = {}
    assert payments.finish_left_behind() == 0
    assert only_payment().status == "PENDING"


def test_a_capture_that_is_declined_is_a_failed_payment_and_a_line_in_the_log(book, gateway, caplog):
    gateway.fails = {"capture": DECLINED}
    book()
    assert only_payment().status == "FAILED"
    assert "An authorised payment could not be captured" in caplog.messages


def test_one_payment_that_cannot_be_finished_does_not_hold_up_the_others(book, gateway, cast):
    gateway.fails = {"capture": AWAY}
    book()
    book(starts_at=timers.now() + timedelta(hours=2))
    begun_long_ago()
    real = gateway.capture
    gateway.fails = {}

    def away_for_the_first(self, *, reference, amount):
        if reference == "ref_1":
            raise AWAY
        real(self, reference=reference, amount=amount)

    gateway.capture = away_for_the_first
    try:
        assert payments.finish_left_behind() == 1
    finally:
        gateway.capture = real
    assert list(Payment.objects.order_by("id").values_list("status", flat=True)) == ["PENDING", "PAID"]


# --- Refunds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("undo", ["cancel", "decline"])
def test_what_was_paid_is_refunded_once_and_recorded(book, gateway, cast, undo):
    booking = book()
    getattr(bookings, undo)(booking.pk, by=cast.dina if undo == "cancel" else cast.omar)
    assert gateway.asked[-1] == ("refund", "ref_1", SIX)
    payment = only_payment()
    assert (payment.status, payment.refund_due_at is None, payment.refunded_at is None) == (
        "PAID",
        False,
        False,
    )
    payments.finish(payment.pk)
    assert [call for call, *_ in gateway.asked].count("refund") == 1


def test_an_extension_is_refunded_with_its_booking(book, gateway, cast):
    booking = book()
    bookings.extend(
        booking.pk,
        by=cast.dina,
        ends_at=booking.ends_at + timedelta(hours=1),
        method=Payment.Method.UPI,
        token="x",
    )
    bookings.cancel(booking.pk, by=cast.dina)
    assert [amount for call, _, amount in gateway.asked if call == "refund"] == [SIX, SIX]


def test_a_rolled_back_cancellation_refunds_nothing(book, gateway, cast):
    booking = book()
    with transaction.atomic():
        bookings.cancel(booking.pk, by=cast.dina)
        transaction.set_rollback(True)
    assert "refund" not in [call for call, *_ in gateway.asked]
    assert only_payment().refund_due_at is None


def test_a_refund_that_finds_the_provider_away_is_made_later(book, gateway, cast):
    booking = book()
    gateway.fails = {"refund": AWAY}
    bookings.cancel(booking.pk, by=cast.dina)
    assert (only_payment().refund_due_at is None, only_payment().refunded_at) == (False, None)
    gateway.fails = {}
    begun_long_ago()
    assert payments.finish_left_behind() == 1
    assert only_payment().refunded_at is not None


def test_an_authorisation_that_was_never_captured_is_let_go(book, gateway, cast):
    gateway.fails = {"capture": AWAY}
    booking = book()
    gateway.fails = {"refund": AWAY}
    bookings.cancel(booking.pk, by=cast.dina)
    assert only_payment().status == "PENDING"
    gateway.fails = {}
    begun_long_ago()
    assert payments.finish_left_behind() == 1
    assert only_payment().status == "FAILED"
    assert [call for call, *_ in gateway.asked] == ["authorise", "refund"]


def test_what_was_captured_without_our_hearing_of_it_is_given_back_with_its_booking(book, cast, settings):
    settings.PAYMENT_GATEWAY = "tests.model.provider.Provider"
    Provider.reset()
    Provider.how = {"capture": "answer lost"}
    booking = book()
    assert (only_payment().status, Provider.kept()) == ("PENDING", {"ref_1": SIX})
    Provider.how = {}
    bookings.cancel(booking.pk, by=cast.dina)
    assert (only_payment().status, Provider.kept()) == ("FAILED", {})


# --- Cash -------------------------------------------------------------------------------------


def test_cash_waits_for_the_owner_and_then_the_booking_is_booked_and_its_driver_told(book, cast):
    booking = book(**CASH)
    assert (booking.status, only_payment().status) == ("PENDING", "PENDING")
    payment = payments.verify(only_payment().pk, by=cast.omar)
    booking.refresh_from_db()
    assert (booking.status, payment.status, payment.verified_by) == ("BOOKED", "VERIFIED", cast.omar)
    assert payment.verified_at is not None
    assert told(cast.dina) == ["CASH_VERIFIED"]


def test_verifying_again_changes_nothing_and_says_nothing(book, cast):
    book(**CASH)
    first = payments.verify(only_payment().pk, by=cast.omar)
    again = payments.verify(first.pk, by=cast.ada)
    assert (again.verified_by, again.verified_at) == (cast.omar, first.verified_at)
    assert told(cast.dina) == ["CASH_VERIFIED"]


def test_verifying_leaves_the_timers_as_they_are(book, cast):
    booking = book(**CASH)
    before = sorted(booking.timers.values_list("pk", "state"))
    payments.verify(only_payment().pk, by=cast.omar)
    assert sorted(booking.timers.values_list("pk", "state")) == before


def test_a_booking_is_booked_when_all_of_its_cash_has_come(book, cast):
    booking = book(**CASH)
    bookings.extend(booking.pk, by=cast.dina, ends_at=booking.ends_at + timedelta(hours=1), **CASH)
    first, second = Payment.objects.order_by("pk")
    payments.verify(first.pk, by=cast.omar)
    assert Booking.objects.get().status == "PENDING"
    payments.verify(second.pk, by=cast.omar)
    assert Booking.objects.get().status == "BOOKED"


def test_staff_may_verify_too(book, cast):
    book(**CASH)
    assert payments.verify(only_payment().pk, by=cast.ada).verified_by == cast.ada


def test_the_driver_may_not_verify_and_a_stranger_does_not_see_it(book, cast):
    book(**CASH)
    other_owner = User.objects.create(username="otto", role=User.Role.OWNER)
    with pytest.raises(Forbidden):
        payments.verify(only_payment().pk, by=cast.dina)
    for stranger in (cast.eve, other_owner):
        with pytest.raises(NotFound):
            payments.verify(only_payment().pk, by=stranger)
    assert only_payment().status == "PENDING"


def test_a_card_payment_is_not_verified_by_a_person(book, cast):
    book()
    with pytest.raises(NotCash):
        payments.verify(only_payment().pk, by=cast.omar)


def test_cash_for_an_expired_booking_can_still_be_verified(book, cast):
    booking = book(**CASH)
    Booking.objects.filter(pk=booking.pk).update(status="EXPIRED")
    payments.verify(only_payment().pk, by=cast.omar)
    assert (Booking.objects.get().status, only_payment().status) == ("EXPIRED", "VERIFIED")


def test_cash_that_never_came_fails_with_its_booking_and_cannot_be_verified_any_more(book, cast):
    booking = book(**CASH)
    bookings.decline(booking.pk, by=cast.omar)
    assert only_payment().status == "FAILED"
    with pytest.raises(IllegalMove):
        payments.verify(only_payment().pk, by=cast.omar)
    assert told(cast.dina) == ["BOOKING_DECLINED"]


def test_cash_that_came_goes_back_by_hand_and_that_is_recorded(book, cast):
    booking = book(**CASH)
    payments.verify(only_payment().pk, by=cast.omar)
    with pytest.raises(NothingToHandBack):
        payments.hand_back(only_payment().pk, by=cast.omar)
    bookings.cancel(booking.pk, by=cast.dina)
    assert (only_payment().refund_due_at is None, only_payment().refunded_at) == (False, None)
    first = payments.hand_back(only_payment().pk, by=cast.omar).refunded_at
    assert first is not None
    assert payments.hand_back(only_payment().pk, by=cast.ada).refunded_at == first


def test_cash_verified_in_a_shell_confirms_its_booking_and_the_driver_is_told_of_the_booking_as_it_is(
    book, cast
):
    booking = book(**CASH)
    payment = only_payment()
    payment.status, payment.verified_by, payment.verified_at = "VERIFIED", cast.omar, timers.now()
    payment.save()
    assert Booking.objects.get(pk=booking.pk).status == "BOOKED"
    notice = Notification.objects.get(recipient=cast.dina)
    assert (notice.event, notice.facts["booking"]["status"]) == ("CASH_VERIFIED", "BOOKED")
