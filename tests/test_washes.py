"""Car washes: ordered with a booking or alone, done by an owner's employee, told when done."""

from decimal import Decimal

import pytest

from parking.actions import bookings, carwashes
from parking.errors import Forbidden, IllegalMove, Invalid, NotFound, PaymentDeclined
from parking.models import CarWash, CarWashType, Employee, Lot, Notification, Payment, User
from tests.conftest import told


@pytest.fixture
def quick(cast):
    return CarWashType.objects.create(lot=cast.lot, name="Quick", price=Decimal("10.00"))


@pytest.fixture
def order(cast, quick, alarms):
    def order(**wish):
        wish = {
            "driver": cast.dina,
            "wash_type_id": quick.pk,
            "method": Payment.Method.CARD,
            "token": "tok_visa",
            **wish,
        }
        return carwashes.order(**wish)

    return order


@pytest.fixture
def wahid(cast):
    return Employee.objects.create(owner=cast.omar, name="Wahid")


def test_a_wash_is_ordered_at_the_price_of_its_day_and_paid(order, quick):
    wash = order()
    CarWashType.objects.update(price=Decimal("99.00"))
    wash.refresh_from_db()
    assert (wash.status, wash.price) == ("REQUESTED", Decimal("10.00"))
    assert (Payment.objects.get().car_wash, Payment.objects.get().amount) == (wash, Decimal("10.00"))


def test_a_declined_card_leaves_no_wash(order):
    with pytest.raises(PaymentDeclined):
        order(token="tok_declined")
    assert not CarWash.objects.exists()


def test_a_wash_is_started_and_completed_by_the_owner_and_the_driver_told(order, cast):
    wash = order()
    started = carwashes.start(wash.pk, by=cast.omar)
    assert (started.status, started.started_at is None) == ("IN_PROGRESS", False)
    done = carwashes.complete(wash.pk, by=cast.omar)
    assert (done.status, done.completed_at is None) == ("COMPLETED", False)
    notice = Notification.objects.get(recipient=cast.dina)
    assert (notice.event, notice.facts["car_wash"]["id"]) == ("CARWASH_COMPLETED", wash.pk)


@pytest.mark.parametrize(
    ("status", "verb"),
    [
        ("REQUESTED", "complete"),
        ("IN_PROGRESS", "start"),
        ("IN_PROGRESS", "cancel"),
        ("COMPLETED", "start"),
        ("COMPLETED", "complete"),
        ("COMPLETED", "cancel"),
        ("CANCELLED", "start"),
        ("CANCELLED", "complete"),
        ("CANCELLED", "cancel"),
    ],
)
def test_moves_that_the_table_does_not_have_are_refused(order, cast, status, verb):
    wash = order()
    CarWash.objects.update(status=status)
    with pytest.raises(IllegalMove):
        getattr(carwashes, verb)(wash.pk, by=cast.dina if verb == "cancel" else cast.omar)
    assert CarWash.objects.get().status == status
    assert told(cast.dina) == []


def test_completing_twice_is_refused_and_told_once(order, cast):
    wash = order()
    carwashes.start(wash.pk, by=cast.omar)
    carwashes.complete(wash.pk, by=cast.omar)
    with pytest.raises(IllegalMove):
        carwashes.complete(wash.pk, by=cast.omar)
    assert told(cast.dina) == ["CARWASH_COMPLETED"]


def test_a_wash_that_has_not_begun_is_cancelled_by_its_driver_and_refunded(order, cast):
    wash = order()
    assert carwashes.cancel(wash.pk, by=cast.dina).status == "CANCELLED"
    assert Payment.objects.get().refunded_at is not None


@pytest.mark.parametrize("undo", ["cancel", "decline"])
def test_a_booking_that_is_undone_takes_its_waiting_washes_with_it(order, book, cast, undo):
    booking = book()
    with_it, begun, alone = order(booking_id=booking.pk), order(booking_id=booking.pk), order()
    carwashes.start(begun.pk, by=cast.omar)
    getattr(bookings, undo)(booking.pk, by=cast.dina if undo == "cancel" else cast.omar)
    status = dict(CarWash.objects.values_list("pk", "status"))
    assert status == {with_it.pk: "CANCELLED", begun.pk: "IN_PROGRESS", alone.pk: "REQUESTED"}
    assert with_it.payments.get().refunded_at is not None


def test_only_drivers_order_washes(order, cast):
    with pytest.raises(Forbidden):
        order(driver=cast.omar)


def test_a_wash_that_is_not_offered_any_more_is_refused(order, quick):
    CarWashType.objects.update(is_offered=False)
    with pytest.raises(Invalid):
        order()


def test_a_wash_with_somebody_elses_booking_is_refused(order, book, cast):
    booking = book()
    with pytest.raises(NotFound):
        order(driver=cast.eve, booking_id=booking.pk)


def test_a_wash_at_another_lot_than_the_booking_is_refused(order, book, cast):
    elsewhere = Lot.objects.create(owner=cast.omar, name="Elsewhere", address="2 High Street")
    other = CarWashType.objects.create(lot=elsewhere, name="Quick", price=Decimal("5.00"))
    with pytest.raises(Invalid):
        order(booking_id=book().pk, wash_type_id=other.pk)


def test_a_wash_with_a_booking_that_is_over_is_refused(order, book, cast):
    booking = book()
    bookings.cancel(booking.pk, by=cast.dina)
    with pytest.raises(IllegalMove):
        order(booking_id=booking.pk)


def test_the_owner_puts_an_employee_on_a_wash(order, cast, wahid):
    assert carwashes.assign(order().pk, by=cast.omar, employee_id=wahid.pk).employee == wahid


def test_an_employee_of_another_owner_or_not_at_work_is_refused(order, cast, wahid):
    stranger = Employee.objects.create(owner=User.objects.create(username="otto", role="owner"), name="Ola")
    Employee.objects.filter(pk=wahid.pk).update(is_active=False)
    for employee in (stranger, wahid):
        with pytest.raises(Invalid):
            carwashes.assign(order().pk, by=cast.omar, employee_id=employee.pk)


def test_nobody_is_put_on_a_wash_that_is_over(order, cast, wahid):
    wash = order()
    carwashes.cancel(wash.pk, by=cast.dina)
    with pytest.raises(IllegalMove):
        carwashes.assign(wash.pk, by=cast.omar, employee_id=wahid.pk)


@pytest.mark.parametrize("verb", ["start", "complete"])
def test_the_driver_does_not_do_the_owners_part_and_a_stranger_sees_nothing(order, cast, verb):
    wash = order()
    with pytest.raises(Forbidden):
        getattr(carwashes, verb)(wash.pk, by=cast.dina)
    with pytest.raises(NotFound):
        getattr(carwashes, verb)(wash.pk, by=cast.eve)


def test_how_busy_an_employee_is_is_counted_from_the_washes(order, cast, wahid):
    for _ in range(3):
        carwashes.assign(order().pk, by=cast.omar, employee_id=wahid.pk)
    first = CarWash.objects.order_by("pk").first()
    carwashes.start(first.pk, by=cast.omar)
    carwashes.complete(first.pk, by=cast.omar)
    counted = Employee.objects.with_work().get()
    assert (counted.washes_open, counted.washes_done) == (2, 1)


def test_the_owner_calls_off_what_cannot_be_done_and_it_is_refunded(order, cast):
    wash = order()
    assert carwashes.cancel(wash.pk, by=cast.omar).status == "CANCELLED"
    assert Payment.objects.get().refunded_at is not None
