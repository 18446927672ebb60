"""The verbs' locks, always in this order: armed timers of the booking, booking, slot, payment, inbox."""

from parking.connections import wait_at_most
from parking.errors import Forbidden, Invalid, NotFound
from parking.models import Booking, CarWash, Slot, Timer, User

# How long a verb waits for a row that somebody holds, in milliseconds. Racers are done by then; whoever
# waited for a shell would take a connection from everybody else. It is answered 503: come back.
PATIENCE = 1000


def lock_booking(booking_id: int, *, seen_by: User) -> Booking:
    """Lock the booking's armed timers, then the booking: the one place that takes these two blockingly.

    Raises NotFound if there is none, or none that this person may see.
    """
    wait_at_most(PATIENCE)
    armed = Timer.objects.filter(booking=booking_id, state=Timer.State.ARMED)
    list(armed.select_for_update().order_by("pk"))
    visible = Booking.objects.visible_to(seen_by).select_related("driver", "slot__lot")
    booking = visible.select_for_update(of=("self",), no_key=True).filter(pk=booking_id).first()
    if booking is None:
        raise NotFound("booking")
    return booking


def lock_own_booking(booking_id: int, *, driver: User) -> Booking:
    """Lock a driver's own booking. Raises NotFound, or Forbidden for others who may see it."""
    booking = lock_booking(booking_id, seen_by=driver)
    if booking.driver_id != driver.pk:
        raise Forbidden("Only its driver does this to a booking.")
    return booking


def lock_slot(slot_id: int) -> Slot:
    """Lock the slot, so that racers for it wait their turn. Raises NotFound or Invalid (inactive)."""
    wait_at_most(PATIENCE)
    slot = (
        Slot.objects.select_for_update(no_key=True, of=("self",))
        .select_related("lot")
        .filter(pk=slot_id)
        .first()
    )
    if slot is None:
        raise NotFound("slot")
    if not slot.is_active:
        raise Invalid(slot="This slot is not in use.")
    return slot


def lock_wash(wash_id: int, *, seen_by: User) -> CarWash:
    """Lock a car wash. Raises NotFound if there is none that this person may see."""
    visible = CarWash.objects.visible_to(seen_by).select_related("wash_type__lot")
    wash = visible.select_for_update(of=("self",), no_key=True).filter(pk=wash_id).first()
    if wash is None:
        raise NotFound("car wash")
    return wash
