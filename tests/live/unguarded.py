"""The web process without the slot's lock: to prove that the test of contention can fail."""

from parkmate.asgi import application  # isort: skip - it sets Django up
from parking.actions import bookings
from parking.models import Slot

__all__ = ["application"]


def unlocked(slot_id: int) -> Slot:
    return Slot.objects.select_related("lot").get(pk=slot_id)


bookings.lock_slot = unlocked
