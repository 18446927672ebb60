"""Promises 1 to 3: every timer fires, in time, not early, once; and what it causes is told once."""

from collections import Counter
from datetime import UTC
from statistics import quantiles
from typing import Any

from parking.canary import PERIOD
from tests.faults.evidence import Evidence, possible
from tests.faults.judge.found import Found

# How often the sweeper looks, in seconds.
SWEEP = 1.0
REFUSED = range(400, 500)


def lateness(evidence: Evidence) -> dict[int, float]:
    """Of each timer that came to its end, how late its commit was, in seconds, by what could be."""
    armed, ended = _moments(evidence, "armed"), _ends(evidence)
    late = {}
    for timer in evidence.timers:
        if timer.id in ended and timer.state in ("fired", "superseded"):
            due = max(timer.due_at.timestamp(), armed.get(timer.id, 0.0))
            for outage in evidence.outages:
                if outage.of_everything or outage.booking == timer.booking_id:
                    due = outage.ends_for(due, bound=evidence.bound)
            late[timer.id] = ended[timer.id] - due
    return late


def _moments(evidence: Evidence, became: str) -> dict[int, float]:
    return {
        row.row_id: row.at.timestamp()
        for row in evidence.history
        if row.subject == "timer" and row.became == became
    }


def _ends(evidence: Evidence) -> dict[int, float]:
    """When each timer left `armed`."""
    return {
        row.row_id: row.at.timestamp()
        for row in evidence.history
        if row.subject == "timer" and row.was == "armed"
    }


def every_timer_is_done_in_time(evidence: Evidence) -> Found:
    """(1) Every due timer fired, superseded or cancelled, within the bound of its row."""
    parked = [timer for timer in evidence.timers if timer.state == "parked"]
    if len(parked) > evidence.may_park:
        yield f"{len(parked)} timers were parked", "lost"
    for timer in evidence.timers:
        # What closes a booking waits for the end that is parked.
        if timer.state == "armed" and timer.booking_id not in {one.booking_id for one in parked}:
            yield f"{_name(timer)} was due at {timer.due_at} and is armed still", "lost"
    yield from _against_their_order(evidence)
    yield from _late_canaries(evidence)
    late = lateness(evidence)
    for timer in evidence.timers:
        if late.get(timer.id, 0) > evidence.bound and timer.attempts == 0:
            yield f"{_name(timer)} came {late[timer.id]:.2f} s late, of {evidence.bound:g}", "late"
    if evidence.typical and len(late) > 1:
        p99 = quantiles(late.values(), n=100)[98]
        if p99 > evidence.typical:
            yield f"one timer in a hundred came {p99:.2f} s late or later, of {evidence.typical:g}", "late"


def _against_their_order(evidence: Evidence) -> Found:
    """After an outage what is overdue fires oldest first: no younger one a sweep or more before an older."""
    armed, ended = _moments(evidence, "armed"), _ends(evidence)
    for outage in evidence.outages:
        if not outage.of_everything:
            continue
        overdue = [
            timer
            for timer in evidence.timers
            if timer.state in ("fired", "superseded")
            and timer.attempts == 0
            # What closes a booking waits for its end, and what was armed later could not be first.
            and timer.kind != "AUTO_EXPIRY"
            and timer.due_at.timestamp() <= outage.until < ended.get(timer.id, 0.0)
            and armed.get(timer.id, 0.0) <= outage.until
        ]
        overdue.sort(key=lambda timer: timer.due_at, reverse=True)
        first_of_younger = float("inf")
        for timer in overdue:
            if ended[timer.id] > first_of_younger + SWEEP:
                yield f"{_name(timer)}, overdue after an outage, fired after younger ones", "order"
            first_of_younger = min(first_of_younger, ended[timer.id])


def _late_canaries(evidence: Evidence) -> Found:
    """A canary is due its period after it was armed. It has no booking, and its row is gone by now."""
    of_bookings, armed = {timer.id for timer in evidence.timers}, _moments(evidence, "armed")
    for timer, ended in _ends(evidence).items():
        if timer in armed and timer not in of_bookings:
            due = armed[timer] + PERIOD.total_seconds()
            late = ended - possible(due, evidence.outages, bound=evidence.bound)
            if late > evidence.bound:
                yield f"a canary came {late:.2f} s late, of {evidence.bound:g}", "late"


def nothing_is_early_or_of_a_cancelled_timer(evidence: Evidence) -> Found:
    """(2) None early, none of a cancelled timer."""
    timers = {timer.id: timer for timer in evidence.timers}
    for timer in evidence.timers:
        if timer.state == "fired" and timer.fired_at < timer.due_at:
            yield f"{_name(timer)} fired {timer.due_at - timer.fired_at} early", "early"
    for notice in evidence.notices:
        timer = timers.get(notice.facts.get("timer", 0))
        if timer is None or timer.state == "fired":
            continue
        yield (
            f"notice {notice.id} ({notice.event}) was told of {_name(timer)}, which is {timer.state}",
            "early",
        )


def each_effect_and_notice_is_one(evidence: Evidence) -> Found:
    """(3) Exactly one effect and one notice per timer and recipient, one booking for each wish."""
    told = Counter((notice.facts.get("timer"), notice.recipient_id) for notice in evidence.notices)
    fired = Counter(
        row.row_id for row in evidence.history if row.subject == "timer" and row.became == "fired"
    )
    for timer in evidence.timers:
        if timer.state == "fired":
            yield from _one(told[timer.id, timer.driver_id], f"notice of {_name(timer)}")
            yield from _one(fired[timer.id], f"firing of {_name(timer)}")
    yield from _each_booking_is_told_once(evidence)
    yield from _each_day_is_told_once(evidence)
    yield from _each_wish_is_one_booking(evidence)


def _each_booking_is_told_once(evidence: Evidence) -> Found:
    told = Counter((notice.event, notice.facts.get("booking", {}).get("id")) for notice in evidence.notices)
    for booking in evidence.bookings:
        yield from _one(told["NEW_BOOKING", booking.id], f"NEW_BOOKING of booking {booking.id}")
        if booking.renewed_from_id:
            yield from _one(told["RENEW_SUCCESS", booking.id], f"RENEW_SUCCESS of booking {booking.id}")
        if booking.status == "CANCELLED_BY_ADMIN":
            yield from _one(told["BOOKING_DECLINED", booking.id], f"BOOKING_DECLINED of booking {booking.id}")
        for event in ("BOOKING_EXPIRED", "SLOT_AUTO_EXPIRED"):
            if told[event, booking.id] > 1:
                yield f"{event} of booking {booking.id} was told {told[event, booking.id]} times", "doubled"
    for payment in evidence.payments:
        if payment.status == "VERIFIED":
            about = f"CASH_VERIFIED of booking {payment.booking_id}"
            yield from _one(told["CASH_VERIFIED", payment.booking_id], about)


def _each_day_is_told_once(evidence: Evidence) -> Found:
    """The day's figures; also if midnight came in the middle of it."""
    told = Counter(
        (notice.recipient_id, notice.created_at.astimezone(UTC).date())
        for notice in evidence.notices
        if notice.event == "OWNER_DIGEST"
    )
    for (owner, day), times in told.items():
        if times > 1:
            yield f"the figures of {day} were told {times} times to {owner}", "doubled"


def _each_wish_is_one_booking(evidence: Evidence) -> Found:
    there = {booking.id for booking in evidence.bookings}
    made = Counter(b.vehicle_number for b in evidence.bookings if not b.renewed_from_id)
    for vehicle, count in made.items():
        if count > 1:
            yield f"the wish of vehicle {vehicle} became {count} bookings", "doubled"
    for answer in evidence.answers:
        if answer.status in (200, 201) and answer.booking not in there:
            yield f"booking {answer.booking} was answered {answer.status} and is not there", "lost"
        if answer.verb == "book" and answer.status in REFUSED and answer.vehicle in made:
            yield f"the wish of vehicle {answer.vehicle} was refused, and became a booking", "doubled"


def _one(count: int, what: str) -> Found:
    if count != 1:
        yield f"{count} times: {what}", "lost" if count == 0 else "doubled"


def _name(timer: Any) -> str:
    return f"{timer.kind} {timer.id} of booking {timer.booking_id}"
