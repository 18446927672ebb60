"""When a slot is free: always asked of the bookings that hold it, never stored."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

from parking.models import Booking, Slot

Period = tuple[datetime, datetime]


def is_free(slot: Slot, *, starts_at: datetime, ends_at: datetime, but: Booking | None = None) -> bool:
    """Whether nothing holds the slot in that time, leaving out the booking `but`."""
    holding = Booking.objects.holding().filter(slot=slot, starts_at__lt=ends_at, ends_at__gt=starts_at)
    return not (holding.exclude(pk=but.pk) if but else holding).exists()


def next_free_at(slot: Slot, *, starts_at: datetime, ends_at: datetime) -> datetime:
    """The earliest moment from `starts_at` on at which a booking just as long would fit."""
    length = ends_at - starts_at
    candidate = starts_at
    for held_from, held_until in _held([slot.pk], after=starts_at)[slot.pk]:
        if held_from >= candidate + length:
            break
        candidate = max(candidate, held_until)
    return candidate


def free_periods(slots: Iterable[Slot], *, after: datetime, until: datetime) -> dict[int, list[Period]]:
    """For each slot's id, the periods between `after` and `until` in which nothing holds it."""
    ids = [slot.pk for slot in slots]
    held = _held(ids, after=after, before=until)
    return {pk: _gaps(held[pk], after=after, until=until) for pk in ids}


def _held(
    slot_ids: list[int], *, after: datetime, before: datetime | None = None
) -> defaultdict[int, list[Period]]:
    """For each slot's id, the periods that end after `after` in which it is held, in order."""
    holding = Booking.objects.holding().filter(slot__in=slot_ids, ends_at__gt=after)
    if before is not None:
        holding = holding.filter(starts_at__lt=before)
    held: defaultdict[int, list[Period]] = defaultdict(list)
    for slot_id, starts_at, ends_at in holding.order_by("starts_at").values_list(
        "slot_id", "starts_at", "ends_at"
    ):
        held[slot_id].append((starts_at, ends_at))
    return held


def _gaps(held: list[Period], *, after: datetime, until: datetime) -> list[Period]:
    """What lies between the held periods, which do not overlap."""
    edges = [(after, after), *held, (until, until)]
    return [(left[1], right[0]) for left, right in pairwise(edges) if left[1] < right[0]]
