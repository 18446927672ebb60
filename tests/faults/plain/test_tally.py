"""The count beside the plain way: what it finds, and what it forgives."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from tests.faults.evidence import Outage
from tests.faults.plain.tally import tally

DINA = 7
ENDS = 1000.0
WARNED, EXPIRED, CLOSED = (
    (998.1, 1, "BOOKING_WARNING"),
    (1000.1, 1, "BOOKING_EXPIRED"),
    (1001.6, 1, "SLOT_AUTO_EXPIRED"),
)


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def row(subject, was, became, moment):
    return SimpleNamespace(subject=subject, row_id=1, was=was, became=became, at=at(moment))


def moves(*states, end=ENDS):
    """The history of a booking that came to each of these states 0.1 s late."""
    moments = {"BOOKED": 990.0, "EXPIRED": end + 0.1, "COMPLETED": end + 1.6, "CANCELLED": 995.0}
    return [row("booking", None, state, moments[state]) for state in states]


def count(*shown, history=None, status="COMPLETED", ends_at=ENDS, outages=()):
    """Dina's one booking, and what her screen has shown."""
    booking = SimpleNamespace(id=1, driver_id=DINA, status=status, ends_at=at(ends_at), renewed_from_id=None)
    history = moves("BOOKED", "EXPIRED", "COMPLETED") if history is None else history
    found = tally(bookings=[booking], history=history, screens={DINA: shown}, outages=outages)
    return found.owed, found.not_done, found.not_told, found.doubled


def test_a_booking_owes_a_warning_an_end_and_a_close():
    assert count(WARNED, EXPIRED, CLOSED) == (3, 0, 0, 0)


def test_an_end_that_never_came_is_found_with_its_notice():
    assert count(WARNED, history=moves("BOOKED"), status="BOOKED") == (3, 2, 2, 0)


def test_an_end_that_nobody_was_told_of_is_found():
    assert count(WARNED, CLOSED) == (3, 0, 1, 0)


@pytest.mark.parametrize("twice", [WARNED, EXPIRED, CLOSED], ids=["warning", "end", "close"])
def test_what_was_told_twice_is_found(twice):
    assert count(WARNED, EXPIRED, CLOSED, twice) == (3, 0, 0, 1)


def test_a_cancelled_booking_owes_nothing():
    assert count(history=moves("BOOKED", "CANCELLED"), status="CANCELLED") == (0, 0, 0, 0)


def test_an_extended_booking_may_be_warned_of_both_ends():
    extended = row("end", at(ENDS).isoformat(), at(1010).isoformat(), 999.0)
    history = [*moves("BOOKED", "EXPIRED", "COMPLETED", end=1010.0), extended]
    shown = (WARNED, (1008.1, 1, "BOOKING_WARNING"), EXPIRED, CLOSED)
    assert count(*shown, history=history, ends_at=1010.0) == (3, 0, 0, 0)
    assert count(WARNED, *shown, history=history, ends_at=1010.0) == (3, 0, 0, 1)


def test_a_warning_whose_time_an_outage_took_is_not_owed():
    assert count(EXPIRED, CLOSED, outages=[Outage(997.0, 999.9)]) == (2, 0, 0, 0)


def test_lateness_counts_from_the_end_of_an_outage():
    booking = SimpleNamespace(id=1, driver_id=DINA, status="EXPIRED", ends_at=at(ENDS), renewed_from_id=None)
    history = [row("booking", None, "BOOKED", 990.0), row("booking", None, "EXPIRED", 1009.0)]
    found = tally(bookings=[booking], history=history, screens={}, outages=[Outage(996.0, 1008.0)])
    assert found.worst == pytest.approx(1.0)
