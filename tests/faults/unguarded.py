"""The proof that the matrix bites: the product without one of its safeguards, by PARKMATE_BOX_WITHOUT.

`PARKMATE_BOX_WITHOUT=dedupe make test-faults` must fail. The sweeper is left out, and the constraint
dropped, by the box; all else is taken away here, inside the processes.
"""

import os
from collections.abc import Callable
from typing import Any

WITHOUT = os.environ.get("PARKMATE_BOX_WITHOUT", "")


def take_away(name: str) -> None:
    """Take this safeguard away in the present process. Raises KeyError for one that is not known."""
    SAFEGUARDS[name]()


def _sweeper() -> None:
    """The box starts none."""


def _claim() -> None:
    """Timers are claimed without a lock, by whoever comes."""
    from parking import claims

    claimable = claims._claimable

    def unlocked() -> Any:
        timers = claimable()
        timers.query.select_for_update = False
        return timers

    claims._claimable = unlocked


def _dedupe() -> None:
    """What is said twice is told twice."""
    from parking.notifications import Notice

    row = Notice.row
    Notice.row = lambda notice: {**row(notice), "dedupe_key": None}  # type: ignore[method-assign]


def _relay() -> None:
    """Nobody numbers and pushes what a crash left behind."""
    from parking import relay
    from parking.management.commands import sweep

    relay.relay_left_behind = sweep.relay_left_behind = lambda: 0


def _position() -> None:
    """Nobody compares sockets with their inboxes."""
    from parking.sockets import OpenSockets

    async def nothing(sockets: Any) -> None:
        pass

    OpenSockets.check_positions = nothing  # type: ignore[method-assign]


def _slot() -> None:
    """Racers for a slot do not wait for each other; and the box drops the constraint."""
    from parking.actions import bookings
    from parking.models import Slot

    bookings.lock_slot = lambda slot_id: Slot.objects.select_related("lot").get(pk=slot_id)


def _idempotency() -> None:
    """A write that is sent twice is done twice."""
    from parking.api import idempotency

    idempotency._once = lambda request, work: work()


SAFEGUARDS: dict[str, Callable[[], None]] = {
    "sweeper": _sweeper,
    "claim": _claim,
    "dedupe": _dedupe,
    "relay": _relay,
    "position": _position,
    "slot": _slot,
    "idempotency": _idempotency,
}
