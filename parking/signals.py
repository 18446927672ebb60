"""Changes of state become notices, whoever makes them: a verb, an operator in the admin, a shell.

Only what is listed here, and only a change: a value that was already so when the row was loaded is
none. Bulk paths send no signals and announce for themselves; the dedupe key keeps the two from doubling.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import Model
from django.db.models.signals import post_delete, post_save

from parking import timers
from parking.actions.payments import confirm
from parking.changes import TOPICS, changed
from parking.credentials import look_again
from parking.events import (
    BOOKING_DECLINED,
    BOOKING_EXPIRED,
    CARWASH_COMPLETED,
    CASH_VERIFIED,
    EMPLOYEE_ASSIGNED,
    NEW_BOOKING,
    SLOT_AUTO_EXPIRED,
    Event,
)
from parking.models import Booking, CarWash, DeviceToken, EmployeeAssignment, Payment, User
from parking.models.base import RemembersLoaded
from parking.notifications import notify, once_for


@dataclass(frozen=True)
class Change:
    """A change of a row that makes an event; `value` None: the row's creation."""

    model: type[RemembersLoaded]
    event: Event
    to: Callable[[Any], int]
    field: str = ""
    value: str | None = None
    unless: Callable[[Any], bool] = lambda row: False

    def happened(self, row: RemembersLoaded, *, created: bool, saved: frozenset[str] | None) -> bool:
        """Whether this save made the change. `saved`: the fields that were written, None for all."""
        if self.value is None:
            return created
        became = getattr(row, self.field) == self.value and _changed(row, self.field, saved=saved)
        return became and not created and not self.unless(row)


def _driver(row: Any) -> int:
    return int(row.driver_id)


def _was_renewed(booking: Booking) -> bool:
    return Booking.objects.filter(renewed_from=booking).exists()


CHANGES = (
    Change(Booking, NEW_BOOKING, to=lambda booking: booking.slot.lot.owner_id),
    Change(Booking, BOOKING_DECLINED, _driver, "status", Booking.Status.CANCELLED_BY_ADMIN),
    Change(Booking, BOOKING_EXPIRED, _driver, "status", Booking.Status.EXPIRED),
    Change(Booking, SLOT_AUTO_EXPIRED, _driver, "status", Booking.Status.COMPLETED, unless=_was_renewed),
    Change(Payment, CASH_VERIFIED, _driver, "status", Payment.Status.VERIFIED),
    Change(CarWash, CARWASH_COMPLETED, _driver, "status", CarWash.Status.COMPLETED),
    Change(EmployeeAssignment, EMPLOYEE_ASSIGNED, to=lambda assignment: assignment.lot.owner_id),
)


def connect_all() -> None:
    """Listen to the models in the table, and to sign-ins that end; called once, when the app is ready."""
    for model in {change.model for change in CHANGES}:
        post_save.connect(saved, sender=model, dispatch_uid=f"saved:{model.__name__}")
    for drawn in TOPICS:
        post_save.connect(drawn_changed, sender=drawn, dispatch_uid=f"drawn:{drawn.__name__}")
        post_delete.connect(drawn_changed, sender=drawn, dispatch_uid=f"undrawn:{drawn.__name__}")
    post_save.connect(user_changed, sender=User, dispatch_uid="user_changed")
    for sign_in in (Session, DeviceToken):
        post_delete.connect(signed_out, sender=sign_in, dispatch_uid=f"signed_out:{sign_in.__name__}")


def saved(
    sender: type[RemembersLoaded],
    instance: RemembersLoaded,
    created: bool,
    raw: bool = False,
    update_fields: frozenset[str] | None = None,
    **_: Any,
) -> None:
    """Do what follows from the changes that this save made. Loading a fixture (`raw`) is no change."""
    if raw:
        return
    if isinstance(instance, Booking):
        _keep_timers(instance, created=created, saved=update_fields)
    if isinstance(instance, Payment):
        _confirm_booking(instance, saved=update_fields)
    _announce(instance, created=created, saved=update_fields)
    written = {field.attname for field in sender._meta.concrete_fields}
    instance.remember(written if update_fields is None else update_fields)


def drawn_changed(instance: Model, raw: bool = False, **_: Any) -> None:
    """What somebody may be looking at is not as it was."""
    if not raw:
        changed(instance)


def user_changed(instance: User, update_fields: frozenset[str] | None = None, **_: Any) -> None:
    """Somebody may have been disabled, or have another password: their sockets look again."""
    if update_fields is None or update_fields & {"password", "is_active"}:
        look_again([instance.pk])


def signed_out(instance: Session | DeviceToken, **_: Any) -> None:
    """A session or a device's token ended: the sockets that it opened end with it."""
    user_id = instance.user_id if isinstance(instance, DeviceToken) else _user_of(instance)
    if user_id is not None:
        look_again([user_id])


def _user_of(session: Session) -> int | None:
    """Whose session that was; None if nobody was signed in."""
    found = session.get_decoded().get(SESSION_KEY)
    return None if found is None else int(found)


def _keep_timers(booking: Booking, *, created: bool, saved: frozenset[str] | None) -> None:
    """A booking's timers follow its row, also if it was made or moved in a shell."""
    if created:
        timers.begin(booking)
    elif any(_changed(booking, field, saved=saved) for field in ("status", "ends_at")):
        timers.keep(booking)


def _confirm_booking(payment: Payment, *, saved: frozenset[str] | None) -> None:
    """Cash that was verified, also in a shell, confirms its booking; then the driver is told of both."""
    if payment.status == Payment.Status.VERIFIED and _changed(payment, "status", saved=saved):
        confirm(payment)


def _announce(row: Any, *, created: bool, saved: frozenset[str] | None) -> None:
    for change in CHANGES:
        if change.model is type(row) and change.happened(row, created=created, saved=saved):
            notify(change.event, to=change.to(row), dedupe_key=once_for(change.event, row), **row.facts())


def _changed(row: RemembersLoaded, field: str, *, saved: frozenset[str] | None) -> bool:
    """Whether this save wrote the field, with another value than the database had."""
    return (saved is None or field in saved) and getattr(row, field) != row.loaded(field)
