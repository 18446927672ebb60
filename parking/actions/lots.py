"""An owner's lots, their slots, and the car washes they offer."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction

from parking.actions.permissions import only_owner, only_owners
from parking.changes import changed
from parking.errors import Invalid, NameTaken, NotFound
from parking.models import CarWashType, Lot, Slot, User

# What is refused, by the constraint that would be broken.
_TAKEN = {
    "slot_number_once_per_lot": {"number": "This lot already has a slot of that number."},
    "car_wash_type_once_per_lot": {"name": "This lot already offers a wash of that name."},
}


def create_lot(*, owner: User, **fields: Any) -> Lot:
    """Add a lot. Raises Forbidden, or Invalid for half a position."""
    only_owners(owner, "have lots")
    _check_position(fields.get("latitude"), fields.get("longitude"))
    return Lot.objects.create(owner=owner, **fields)


def change_lot(lot_id: int, *, by: User, fields: Mapping[str, Any]) -> Lot:
    """Change a lot's name, address or position. Raises NotFound, Forbidden or Invalid."""
    with transaction.atomic():
        lot = _lock_lot(lot_id, by=by)
        _set(lot, fields)
        _check_position(lot.latitude, lot.longitude)
        lot.save(update_fields=list(fields))
        return lot


def add_slots(lot_id: int, *, by: User, slots: Sequence[Mapping[str, Any]]) -> list[Slot]:
    """Add slots to a lot, all or none. Raises NotFound, Forbidden or NameTaken."""
    with transaction.atomic(), _taken_refused():
        lot = _lock_lot(lot_id, by=by)
        _check_numbers(lot, [fields["number"] for fields in slots])
        made = Slot.objects.bulk_create([Slot(lot=lot, **fields) for fields in slots])
        changed(lot)
        return made


def change_slot(slot_id: int, *, by: User, fields: Mapping[str, Any]) -> Slot:
    """Change a slot; what is booked stays booked, at its price. Raises NotFound, Forbidden, NameTaken."""
    with transaction.atomic(), _taken_refused():
        slot = Slot.objects.select_for_update(of=("self",)).select_related("lot").filter(pk=slot_id).first()
        if slot is None:
            raise NotFound("slot")
        only_owner(by, slot.lot.owner_id, "changes its slots")
        _set(slot, fields)
        slot.save(update_fields=list(fields))
        return slot


def change_all_slots(lot_id: int, *, by: User, fields: Mapping[str, Any]) -> list[Slot]:
    """Change every slot of a lot; what is booked stays booked, at its price. Raises NotFound or Forbidden."""
    with transaction.atomic():
        lot = _lock_lot(lot_id, by=by)
        if fields:
            lot.slots.update(**fields)
            changed(lot)
        return list(lot.slots.order_by("number"))


def offer_wash(lot_id: int, *, by: User, fields: Mapping[str, Any]) -> CarWashType:
    """Offer a kind of car wash at a lot. Raises NotFound, Forbidden or NameTaken."""
    with transaction.atomic(), _taken_refused():
        return CarWashType.objects.create(lot=_lock_lot(lot_id, by=by), **fields)


def change_wash(wash_type_id: int, *, by: User, fields: Mapping[str, Any]) -> CarWashType:
    """Change a kind of car wash; what is ordered stays, at its price.

    Raises NotFound, Forbidden or NameTaken.
    """
    with transaction.atomic(), _taken_refused():
        rows = CarWashType.objects.select_for_update(of=("self",)).select_related("lot")
        wash_type = rows.filter(pk=wash_type_id).first()
        if wash_type is None:
            raise NotFound("kind of car wash")
        only_owner(by, wash_type.lot.owner_id, "changes what it offers")
        _set(wash_type, fields)
        wash_type.save(update_fields=list(fields))
        return wash_type


def _lock_lot(lot_id: int, *, by: User) -> Lot:
    lot = Lot.objects.select_for_update(no_key=True).filter(pk=lot_id).first()
    if lot is None:
        raise NotFound("lot")
    only_owner(by, lot.owner_id, "changes it")
    return lot


def _check_numbers(lot: Lot, numbers: Sequence[int]) -> None:
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise Invalid(slots=f"The same number twice: {', '.join(map(str, twice))}.")
    taken = lot.slots.filter(number__in=numbers).order_by("number").values_list("number", flat=True)
    if taken:
        raise NameTaken(number=f"This lot already has: {', '.join(map(str, taken))}.")


def _set(row: Any, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)


def _check_position(latitude: Any, longitude: Any) -> None:
    if (latitude is None) != (longitude is None):
        raise Invalid(latitude="A position needs both, latitude and longitude.")


@contextmanager
def _taken_refused() -> Iterator[None]:
    """Turn the database's refusal of a second one of that name into NameTaken."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        for constraint, fields in _TAKEN.items():
            if constraint in str(error):
                raise NameTaken(**fields) from error
        raise
