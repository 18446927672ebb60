"""Changes of state become notices, whoever makes them: a verb, an operator in the admin, a shell.

Only what is listed here, and only a change: a value that was already so when the row was loaded is
none. Bulk paths send no signals and announce for themselves; the dedupe key keeps the two from doubling.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models.signals import post_save

from parking.events import BOOKING_DECLINED, NEW_BOOKING, Event
from parking.models import Booking
from parking.models.base import RemembersLoaded
from parking.notifications import notify


@dataclass(frozen=True)
class Change:
    """A change of a row that makes an event; `value` None: the row's creation."""

    model: type[RemembersLoaded]
    event: Event
    to: Callable[[Any], int]
    facts: Callable[[Any], dict[str, Any]]
    field: str = ""
    value: str | None = None

    def happened(self, row: RemembersLoaded, *, created: bool, saved: frozenset[str] | None) -> bool:
        """Whether this save made the change. `saved`: the fields that were written, None for all."""
        if self.value is None:
            return created
        written = saved is None or self.field in saved
        return (
            written
            and not created
            and getattr(row, self.field) == self.value
            and row.loaded(self.field) != self.value
        )


CHANGES = (
    Change(Booking, NEW_BOOKING, to=lambda booking: booking.slot.lot.owner_id, facts=Booking.facts),
    Change(
        Booking,
        BOOKING_DECLINED,
        to=lambda booking: booking.driver_id,
        facts=Booking.facts,
        field="status",
        value=Booking.Status.CANCELLED_BY_ADMIN,
    ),
)


def connect_all() -> None:
    """Listen to the models in the table; called once, when the app is ready."""
    for model in {change.model for change in CHANGES}:
        post_save.connect(announce, sender=model, dispatch_uid=f"announce:{model.__name__}")


def announce(
    sender: type[RemembersLoaded],
    instance: RemembersLoaded,
    created: bool,
    raw: bool = False,
    update_fields: frozenset[str] | None = None,
    **_: Any,
) -> None:
    """Notify of the changes that this save made. Loading a fixture (`raw`) is no change."""
    if raw:
        return
    for change in CHANGES:
        if change.model is sender and change.happened(instance, created=created, saved=update_fields):
            key = f"{change.event.code}:{sender.__name__}:{instance.pk}"
            notify(change.event, to=change.to(instance), dedupe_key=key, **change.facts(instance))
    saved = {field.attname for field in sender._meta.concrete_fields}
    instance.remember(saved if update_fields is None else update_fields)
