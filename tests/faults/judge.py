"""The judge: after a run has come to rest, the eight promises, each a function that names what breaks it."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from statistics import quantiles
from typing import Any

from parking.models.bookings import MOVES, BookingStatus
from tests.faults.evidence import Evidence

# Commits this close to each other may become visible in either order.
SAME_MOMENT = 0.1
# What a process may keep more than before, however little it had.
GROWTH = 1.1
# Where a line of the log begins, as the house writes them: what follows, up to the next, belongs to it.
LINE = re.compile(r"^(?=(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) )", re.MULTILINE)
LEAST_GROWTH = {"memory": 12e6, "handles": 8, "connections": 6, "keys": 12}

CANCELLED = (BookingStatus.CANCELLED, BookingStatus.CANCELLED_BY_ADMIN)
EVENTS = {"WARNING": "BOOKING_WARNING", "EXPIRY": "BOOKING_EXPIRED", "AUTO_EXPIRY": "SLOT_AUTO_EXPIRED"}


@dataclass(frozen=True)
class Violation:
    """A broken promise: its number, what happened, and whether something was lost or doubled by it."""

    number: int
    words: str
    kind: str = ""

    def __str__(self) -> str:
        return f"({self.number}) {self.words}"


def judge(evidence: Evidence) -> list[Violation]:
    """All violations, in the order of the promises; none if all is well."""
    return [
        Violation(number, *found)
        for number, promise in enumerate(PROMISES, start=1)
        for found in promise(evidence)
    ]


Found = Iterator[tuple[str, str]]


# --- The clock --------------------------------------------------------------------------------


def lateness(evidence: Evidence) -> dict[int, float]:
    """Of each timer that came to its end, how late its commit was, in seconds, by what could be."""
    armed, ended = _moments(evidence, "armed"), _ends(evidence)
    late = {}
    for timer in evidence.timers:
        if timer.id in ended and timer.state in ("fired", "superseded"):
            due = max(timer.due_at.timestamp(), armed.get(timer.id, 0.0))
            for outage in evidence.outages:
                if outage.booking not in (None, timer.booking_id):
                    continue
                # What was due right before may have been on its way.
                if outage.since - evidence.bound <= due <= outage.until:
                    due = outage.until
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
        if timer.state == "armed":
            yield f"{_name(timer)} was due at {timer.due_at} and is armed still", "lost"
    late = lateness(evidence)
    for timer in evidence.timers:
        if late.get(timer.id, 0) > evidence.bound and timer.attempts == 0:
            yield f"{_name(timer)} came {late[timer.id]:.2f} s late, of {evidence.bound:g}", "late"
    if evidence.typical and len(late) > 1:
        p99 = quantiles(late.values(), n=100)[98]
        if p99 > evidence.typical:
            yield f"one timer in a hundred came {p99:.2f} s late or later, of {evidence.typical:g}", "late"


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
    yield from _each_wish_is_one_booking(evidence)


def _each_booking_is_told_once(evidence: Evidence) -> Found:
    told = Counter((notice.event, notice.facts.get("booking", {}).get("id")) for notice in evidence.notices)
    for booking in evidence.bookings:
        yield from _one(told["NEW_BOOKING", booking.id], f"NEW_BOOKING of booking {booking.id}")
        if booking.renewed_from_id:
            yield from _one(told["RENEW_SUCCESS", booking.id], f"RENEW_SUCCESS of booking {booking.id}")
        for event in ("BOOKING_EXPIRED", "SLOT_AUTO_EXPIRED"):
            if told[event, booking.id] > 1:
                yield f"{event} of booking {booking.id} was told {told[event, booking.id]} times", "doubled"


def _each_wish_is_one_booking(evidence: Evidence) -> Found:
    there = {booking.id for booking in evidence.bookings}
    made = Counter(b.vehicle_number for b in evidence.bookings if not b.renewed_from_id)
    for vehicle, count in made.items():
        if count > 1:
            yield f"the wish of vehicle {vehicle} became {count} bookings", "doubled"
    for answer in evidence.answers:
        if answer.status in (200, 201) and answer.booking not in there:
            yield f"booking {answer.booking} was answered {answer.status} and is not there", "lost"


def _one(count: int, what: str) -> Found:
    if count != 1:
        yield f"{count} times: {what}", "lost" if count == 0 else "doubled"


# --- Inboxes and screens ----------------------------------------------------------------------


def inboxes_are_numbered_in_order(evidence: Evidence) -> Found:
    """(4) Every inbox is numbered 1..n, in the order of the commits."""
    heads = {inbox.user_id: inbox.head for inbox in evidence.inboxes}
    for user_id, notices in _inboxes(evidence).items():
        numbers = sorted(notice.seq for notice in notices if notice.seq is not None)
        if len(numbers) < len(notices):
            yield f"{len(notices) - len(numbers)} notices to {user_id} have no number", "lost"
        if numbers != list(range(1, len(numbers) + 1)) or heads.get(user_id) != len(numbers):
            yield f"the inbox of {user_id} has numbers {_brief(numbers)}, head {heads.get(user_id)}", "lost"
        yield from _follows_the_commits(evidence, notices)


def _follows_the_commits(evidence: Evidence, notices: list[Any]) -> Found:
    """What was numbered later was committed later; what one relay numbered, was written in that order."""
    mine = {notice.id for notice in notices}
    history = [row for row in evidence.history if row.subject == "notice" and row.row_id in mine]
    committed = {row.row_id: row.at.timestamp() for row in history if row.became is None}
    relay = {row.row_id: row.xact for row in history if row.became is not None}
    rows = sorted((notice.seq, notice.id) for notice in notices if notice.seq)
    for (_, first), (_, second) in pairwise(rows):
        if relay.get(first) == relay.get(second):
            wrong = first > second
        else:
            wrong = committed.get(first, 0) > committed.get(second, 0) + SAME_MOMENT
        if wrong:
            yield f"notice {second} was committed before {first} and is numbered after it", "order"


def _inboxes(evidence: Evidence) -> dict[int, list[Any]]:
    inboxes = defaultdict(list)
    for notice in evidence.notices:
        inboxes[notice.recipient_id].append(notice)
    return inboxes


def screens_show_their_inbox(evidence: Evidence) -> Found:
    """(5) Every screen shows its inbox, each notice once, in order."""
    heads = {inbox.user_id: inbox.head for inbox in evidence.inboxes}
    for screen in evidence.screens:
        shown, head = screen.numbers, heads.get(screen.user_id, 0)
        if missing := set(range(1, head + 1)) - set(shown):
            yield f"a screen of {screen.user_id} has not shown {_brief(sorted(missing))}", "lost"
        if twice := [number for number, times in Counter(shown).items() if times > 1]:
            yield f"a screen of {screen.user_id} has shown {_brief(twice)} twice", "doubled"
        if any(later < earlier for earlier, later in pairwise(shown)):
            yield f"a screen of {screen.user_id} has shown its inbox out of order", "order"
        if beyond := [number for number in shown if number > head]:
            yield f"a screen of {screen.user_id} has shown {_brief(beyond)} of {head}", "doubled"


# --- What the rules say -----------------------------------------------------------------------


def slots_histories_and_money_are_right(evidence: Evidence) -> Found:
    """(6) No overlap on any slot, every booking's history a legal path, and the money sums match."""
    yield from _overlaps(evidence)
    yield from _illegal_paths(evidence)
    yield from _wrong_sums(evidence)


def _overlaps(evidence: Evidence) -> Found:
    slots = defaultdict(list)
    for booking in evidence.bookings:
        if booking.status not in CANCELLED:
            slots[booking.slot_id].append(booking)
    for bookings in slots.values():
        bookings.sort(key=lambda booking: booking.starts_at)
        for first, second in pairwise(bookings):
            if second.starts_at < first.ends_at:
                yield f"bookings {first.id} and {second.id} hold slot {first.slot_id} together", "doubled"


def _illegal_paths(evidence: Evidence) -> Found:
    at: dict[int, str] = {}
    for row in evidence.history:
        if row.subject != "booking":
            continue
        if row.was != at.get(row.row_id) or (row.was and row.became not in MOVES[row.was]):
            yield f"booking {row.row_id} went from {at.get(row.row_id)} to {row.became}", "path"
        at[row.row_id] = row.became
    for booking in evidence.bookings:
        if at.get(booking.id, booking.status) != booking.status:
            yield (
                f"booking {booking.id} is {booking.status}, and its history ends at {at[booking.id]}",
                "path",
            )


def _wrong_sums(evidence: Evidence) -> Found:
    payments = defaultdict(list)
    for payment in evidence.payments:
        payments[payment.booking_id].append(payment)
    for booking in evidence.bookings:
        mine = payments[booking.id]
        asked = sum((payment.amount for payment in mine), Decimal())
        if asked != booking.price:
            yield f"booking {booking.id} costs {booking.price}, and {asked} was asked for", "money"
        for payment in mine:
            if wrong := _wrong_payment(payment, booking, patient=evidence.may_wait_for_money):
                yield f"payment {payment.id} of {booking.status} booking {booking.id}: {wrong}", "money"


def _wrong_payment(payment: Any, booking: Any, *, patient: bool) -> str:
    """What is wrong with a payment that has come to rest; nothing for cash, which waits for people."""
    if payment.method == "cash":
        return ""
    if payment.status == "PENDING" or (payment.refund_due_at and not payment.refunded_at):
        return "" if patient else "not finished"
    if booking.status in CANCELLED:
        return "" if payment.status == "FAILED" or payment.refunded_at else "not given back"
    return "" if payment.status == "PAID" and not payment.refund_due_at else "not paid"


# --- How it went ------------------------------------------------------------------------------


def nobody_stumbled(evidence: Evidence) -> Found:
    """(7) No traceback, no 1011, no 5xx but a declared 503, and everybody was answered."""
    for name, log in evidence.logs.items():
        for report in LINE.split(log):
            if "Traceback" in report and not any(re.search(words, report) for words in evidence.may_say):
                yield f"{name} said: {report[-1500:]}", ""
    for screen in evidence.screens:
        if 1011 in screen.codes:
            yield f"a socket of {screen.user_id} was closed with 1011", ""
    for answer in evidence.answers:
        if answer.status is None:
            yield f"{answer.verb} of {answer.vehicle or answer.booking} was never answered", "lost"
        elif answer.status >= 500 and (answer.status, answer.code) != (503, "unavailable"):
            yield f"{answer.verb} was answered {answer.status} {answer.code}", ""


def everything_was_given_back(evidence: Evidence) -> Found:
    """(8) Memory, handles, connections and keys are back where they were, and a tenth more at most."""
    for name, (before, after) in evidence.used.items():
        least = next((least for what, least in LEAST_GROWTH.items() if what in name), 0)
        if after > max(before * GROWTH, before + least):
            yield f"{name}: {before:,.0f} before, {after:,.0f} after", ""


PROMISES: tuple[Callable[[Evidence], Found], ...] = (
    every_timer_is_done_in_time,
    nothing_is_early_or_of_a_cancelled_timer,
    each_effect_and_notice_is_one,
    inboxes_are_numbered_in_order,
    screens_show_their_inbox,
    slots_histories_and_money_are_right,
    nobody_stumbled,
    everything_was_given_back,
)


def _name(timer: Any) -> str:
    return f"{timer.kind} {timer.id} of booking {timer.booking_id}"


def _brief(numbers: list[int]) -> str:
    return f"{numbers[:5]} … {numbers[-3:]}" if len(numbers) > 10 else str(numbers)
