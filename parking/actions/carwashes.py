"""What may happen to a car wash, one plain verb each."""

from django.db import transaction
from django.db.models.functions import Now

from parking.actions.locks import lock_own_booking, lock_wash
from parking.actions.payments import give_back, pay
from parking.actions.permissions import only_drivers, only_owner
from parking.errors import IllegalMove, Invalid, NotFound
from parking.models import HOLDING, Booking, CarWash, CarWashType, Employee, Payment, User

Status = CarWash.Status


def order(
    *,
    driver: User,
    wash_type_id: int,
    booking_id: int | None = None,
    method: Payment.Method,
    token: str = "",
) -> CarWash:
    """Order a wash at a lot that offers it, with a booking there or by itself, and pay; return it.

    Raises Forbidden, NotFound, Invalid, IllegalMove, PaymentDeclined or GatewayAway.
    """
    only_drivers(driver, "order car washes")
    with transaction.atomic():
        booking = lock_own_booking(booking_id, driver=driver) if booking_id else None
        wash_type = CarWashType.objects.select_related("lot").filter(pk=wash_type_id).first()
        if wash_type is None:
            raise NotFound("kind of car wash")
        if not wash_type.is_offered:
            raise Invalid(wash_type="This wash is not offered any more.")
        if booking:
            _check_booking(booking, wash_type)
        wash = CarWash.objects.create(
            driver=driver,
            booking=booking,
            wash_type=wash_type,
            price=wash_type.price,
            status=Status.REQUESTED,
        )
        pay(wash, amount=wash.price, method=method, token=token)
        return wash


def assign(wash_id: int, *, by: User, employee_id: int) -> CarWash:
    """Put one of the owner's employees on a wash that is not over.

    Raises NotFound, Forbidden, Invalid or IllegalMove.
    """
    with transaction.atomic():
        wash = _lock_as_owner(wash_id, by=by)
        owner_id = wash.wash_type.lot.owner_id
        employee = Employee.objects.filter(pk=employee_id, owner=owner_id, is_active=True).first()
        if employee is None:
            raise Invalid(employee="The lot's owner has no such employee at work.")
        if not wash.MOVES[wash.status]:
            raise IllegalMove(what="car wash", status=wash.status)
        wash.employee = employee
        wash.save(update_fields=["employee"])
        return wash


def start(wash_id: int, *, by: User) -> CarWash:
    """The wash begins, as the lot's owner or staff. Raises NotFound, Forbidden or IllegalMove."""
    with transaction.atomic():
        wash = _lock_as_owner(wash_id, by=by)
        wash.move(Status.IN_PROGRESS, started_at=Now())
        return wash


def complete(wash_id: int, *, by: User) -> CarWash:
    """The wash is done, and its driver told. Raises NotFound, Forbidden or IllegalMove."""
    with transaction.atomic():
        wash = _lock_as_owner(wash_id, by=by)
        wash.move(Status.COMPLETED, completed_at=Now())
        return wash


def cancel(wash_id: int, *, by: User) -> CarWash:
    """Call off a wash that has not begun, as its driver or the lot's owner, and refund it.

    Raises NotFound, Forbidden or IllegalMove.
    """
    with transaction.atomic():
        wash = lock_wash(wash_id, seen_by=by)
        if wash.driver_id != by.pk:
            only_owner(by, wash.wash_type.lot.owner_id, "or its driver cancels a car wash")
        _call_off(wash)
        return wash


def cancel_with(booking: Booking) -> None:
    """Call off what was ordered with a booking that will not be, in the caller's transaction."""
    washes = booking.car_washes.select_for_update(no_key=True).order_by("pk")
    for wash in washes.filter(status=Status.REQUESTED):
        _call_off(wash)


def _call_off(wash: CarWash) -> None:
    wash.move(Status.CANCELLED)
    give_back(wash)


def _lock_as_owner(wash_id: int, *, by: User) -> CarWash:
    wash = lock_wash(wash_id, seen_by=by)
    only_owner(by, wash.wash_type.lot.owner_id, "does this to a car wash")
    return wash


def _check_booking(booking: Booking, wash_type: CarWashType) -> None:
    if booking.slot.lot_id != wash_type.lot_id:
        raise Invalid(booking="That booking is at another lot.")
    if booking.status not in HOLDING:
        raise IllegalMove(status=booking.status)
