"""What ParkMate promises, in plain Python: bookings, their timers, the money, and who was told what.

Nothing is imported from the product. A verb answers a status and a code, and changes the model as the
product must change its rows; bookings and payments are known by their place in the order of making.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

LEAD, WINDOW = timedelta(minutes=5), timedelta(minutes=10)
LONGEST, FURTHEST_AHEAD = timedelta(days=31), timedelta(days=365)
LEFT_BEHIND = timedelta(seconds=30)
ANSWERS_KEPT = timedelta(hours=24)
PAUSES = {1: timedelta(seconds=5), 2: timedelta(seconds=30)}

HOLDING = ("PENDING", "BOOKED")
OVER = ("COMPLETED", "CANCELLED", "CANCELLED_BY_ADMIN")
LEGAL = {
    "PENDING": {"BOOKED", "EXPIRED", "CANCELLED", "CANCELLED_BY_ADMIN"},
    "BOOKED": {"EXPIRED", "CANCELLED", "CANCELLED_BY_ADMIN"},
    "EXPIRED": {"COMPLETED"},
}

# What each timer tells, of bookings in which states, and what they become.
EFFECTS = {
    "WARNING": ("BOOKING_WARNING", HOLDING, None),
    "EXPIRY": ("BOOKING_EXPIRED", HOLDING, "EXPIRED"),
    "AUTO_EXPIRY": ("SLOT_AUTO_EXPIRED", ("EXPIRED",), "COMPLETED"),
}


class Refused(Exception):
    """The rules forbid it. What was told of that, stays told."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass(eq=False)
class Timer:
    kind: str
    due: datetime
    state: str = "armed"
    fired_at: datetime | None = None
    attempts: int = 0
    retry_at: datetime | None = None

    @property
    def ring_at(self) -> datetime:
        return self.retry_at or self.due


@dataclass(eq=False)
class Payment:
    booking: int
    method: str
    amount: Decimal
    created_at: datetime
    status: str = "PENDING"
    refund_due: bool = False
    refunded: bool = False
    # Its booking was undone before its time.
    unwanted: bool = False

    @property
    def unfinished(self) -> bool:
        """Whether the provider has something to do."""
        return self.method != "cash" and (self.status == "PENDING" or (self.refund_due and not self.refunded))


@dataclass(eq=False)
class Booking:
    id: int
    driver: str
    slot: int
    starts_at: datetime
    ends_at: datetime
    status: str
    price: Decimal
    renewed_from: int | None = None
    timers: list[Timer] = field(default_factory=list)

    def kept(self, *states: str) -> list[Timer]:
        """Its timers in these states."""
        return [timer for timer in self.timers if timer.state in states]


@dataclass(frozen=True)
class Pay:
    """How somebody means to pay."""

    method: str
    token: str = ""


@dataclass
class Model:
    """All of it. `fails` says what the payment provider does not do now, and how it fails."""

    rates: tuple[Decimal, ...]
    owner: str
    staff: str
    now: datetime
    bookings: list[Booking] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    told: Counter[tuple[str, str, int | None]] = field(default_factory=Counter)
    fails: dict[str, str] = field(default_factory=dict)
    sick: set[int] = field(default_factory=set)
    digests: set[date] = field(default_factory=set)

    # --- Verbs ------------------------------------------------------------------------------------

    def book(self, who: str, slot: int, starts_at: datetime | None, ends_at: datetime, pay: Pay) -> Booking:
        starts_at = starts_at or self.now
        if not self.now <= starts_at <= self.now + FURTHEST_AHEAD:
            raise Refused(400, "invalid")
        self._check_period(starts_at, ends_at)
        return self._hold(who, slot, starts_at, ends_at, pay)

    def extend(self, who: str, booking: Booking, ends_at: datetime, pay: Pay) -> Booking:
        self._check_own(who, booking)
        if booking.status == "EXPIRED" or (booking.status in HOLDING and booking.ends_at <= self.now):
            raise Refused(409, "already_ended")
        if booking.status not in HOLDING:
            raise Refused(409, "illegal_move")
        self._check_period(booking.starts_at, ends_at)
        if ends_at <= booking.ends_at:
            raise Refused(400, "invalid")
        self._check_free(booking.slot, booking.ends_at, ends_at, but=booking)
        first, longer = (
            self.price(booking.slot, booking.starts_at, end) for end in (booking.ends_at, ends_at)
        )
        self._pay(booking.id, longer - first, pay)
        booking.price, booking.ends_at = booking.price + longer - first, ends_at
        self._keep(booking)
        return booking

    def renew(self, who: str, old: Booking, ends_at: datetime, pay: Pay) -> Booking:
        self._check_own(who, old)
        if old.status in HOLDING:
            self.tell("RENEW_TOO_EARLY", who, old)
            raise Refused(409, "not_expired")
        if any(other.renewed_from == old.id for other in self.bookings):
            raise Refused(409, "already_renewed")
        try:
            if old.status != "EXPIRED":
                raise Refused(409, "illegal_move")
            self._check_period(self.now, ends_at)
            new = self._hold(who, old.slot, self.now, ends_at, pay)
        except Refused:
            self.tell("RENEW_FAILURE", who, old)
            raise
        new.renewed_from = old.id
        self._move(old, "COMPLETED")
        self.tell("RENEW_SUCCESS", who, new)
        return new

    def cancel(self, who: str, booking: Booking) -> Booking:
        self._check_own(who, booking)
        self._undo(booking, "CANCELLED")
        return booking

    def decline(self, who: str, booking: Booking) -> Booking:
        self._check_seen(who, booking)
        if who not in (self.owner, self.staff):
            raise Refused(403, "forbidden")
        self._undo(booking, "CANCELLED_BY_ADMIN")
        self.tell("BOOKING_DECLINED", booking.driver, booking)
        return booking

    def verify(self, who: str, payment: Payment) -> Booking:
        booking = self._check_cash(who, payment)
        if payment.status == "FAILED":
            raise Refused(409, "illegal_move")
        if payment.status == "PENDING":
            payment.status = "VERIFIED"
            due = [p for p in self.of(booking) if p.method == "cash" and p.status == "PENDING"]
            if booking.status == "PENDING" and not due:
                self._move(booking, "BOOKED")
            self.tell("CASH_VERIFIED", booking.driver, booking)
        return booking

    def hand_back(self, who: str, payment: Payment) -> Booking:
        booking = self._check_cash(who, payment)
        if not payment.refund_due:
            raise Refused(409, "no_refund_due")
        payment.refunded = True
        return booking

    def save(self, booking: Booking, *, status: str | None = None, ends_at: datetime | None = None) -> None:
        """An operator writes this, in the admin or a shell. What was told before is not told again."""
        event = {"EXPIRED": "BOOKING_EXPIRED", "COMPLETED": "SLOT_AUTO_EXPIRED"}.get(status or "")
        if event and status != booking.status:
            self.tell(event, booking.driver, booking)
        booking.status, booking.ends_at = status or booking.status, ends_at or booking.ends_at
        self._keep(booking)

    def digest(self) -> None:
        """The owner is told of the day, once a day."""
        self.told[self.owner, "OWNER_DIGEST", None] += self.now.date() not in self.digests
        self.digests.add(self.now.date())

    # --- The clock --------------------------------------------------------------------------------

    def run_due(self) -> Iterator[None]:
        """Fire what is due, a transaction at each step."""
        while claimed := self.due(retries=False) or self.due(retries=True)[:1]:
            yield from self._fire(claimed)

    def due(self, *, retries: bool) -> list[tuple[Booking, Timer]]:
        """The timers that may fire now: those that never failed, or those that did."""
        found = [
            (booking, timer)
            for booking in self.bookings
            for timer in booking.kept("armed")
            if timer.ring_at <= self.now and bool(timer.attempts) == retries
            if timer.kind != "AUTO_EXPIRY" or not self._expiry_waits(booking)
        ]
        return sorted(found, key=lambda pair: pair[1].ring_at)

    def retry(self, timer: Timer) -> None:
        """An operator arms a parked timer again."""
        timer.state, timer.attempts, timer.retry_at = "armed", 0, self.now

    def finish(self, payment: Payment) -> None:
        """The provider does what it was asked for, if it can."""
        if not payment.unfinished:
            return
        call = "refund" if payment.unwanted else "capture"
        fails = self.fails.get(call)
        if fails in ("away", "answer lost"):
            return
        if fails == "declined" or (payment.unwanted and payment.status == "PENDING"):
            payment.status = "FAILED"
        elif call == "capture":
            payment.status = "PAID"
        else:
            payment.refunded = True

    def left_behind(self) -> list[Payment]:
        """What has been unfinished for long enough that somebody else does it."""
        return [p for p in self.payments if p.unfinished and p.created_at < self.now - LEFT_BEHIND]

    # --- Questions --------------------------------------------------------------------------------

    def price(self, slot: int, starts_at: datetime, ends_at: datetime) -> Decimal:
        """The rate per started minute that really passes, whatever the clocks on the walls do."""
        minutes = math.ceil(Fraction((ends_at - starts_at) // timedelta(microseconds=1), 60_000_000))
        cents = Fraction(self.rates[slot]) * 100 * minutes / 60
        return Decimal(math.floor(cents + Fraction(1, 2))).scaleb(-2)

    def of(self, booking: Booking) -> list[Payment]:
        return [payment for payment in self.payments if payment.booking == booking.id]

    def tell(self, event: str, who: str, booking: Booking) -> None:
        self.told[who, event, booking.id] += 1

    def free(self, slot: int, starts_at: datetime, ends_at: datetime, but: Booking | None = None) -> bool:
        """Whether nobody else than `but` holds the slot in that time. Touching is no overlap."""
        return not any(
            other.slot == slot and other.starts_at < ends_at and other.ends_at > starts_at
            for other in self.bookings
            if other is not but and other.status in HOLDING
        )

    def sees(self, who: str, booking: Booking) -> bool:
        return who in (booking.driver, self.owner, self.staff)

    # --- How --------------------------------------------------------------------------------------

    def _hold(self, who: str, slot: int, starts_at: datetime, ends_at: datetime, pay: Pay) -> Booking:
        self._check_free(slot, starts_at, ends_at)
        price = self.price(slot, starts_at, ends_at)
        booking = Booking(len(self.bookings), who, slot, starts_at, ends_at, "BOOKED", price)
        booking.status = "PENDING" if pay.method == "cash" else "BOOKED"
        self._pay(booking.id, price, pay)
        self.bookings.append(booking)
        self._arm(booking)
        self.tell("NEW_BOOKING", self.owner, booking)
        return booking

    def _pay(self, booking: int, amount: Decimal, pay: Pay) -> None:
        if pay.method != "cash":
            if self.fails.get("authorise"):
                raise Refused(503, "payment_unavailable")
            if pay.token != "tok_visa":
                raise Refused(402, "payment_declined")
        self.payments.append(Payment(booking, pay.method, amount, self.now))

    def _undo(self, booking: Booking, status: str) -> None:
        if booking.status not in HOLDING or booking.ends_at <= self.now:
            raise Refused(409, "illegal_move")
        self._move(booking, status)
        for payment in self.of(booking):
            payment.unwanted = True
            if payment.status == "PENDING" and payment.method == "cash":
                payment.status = "FAILED"
            elif payment.status in ("PAID", "VERIFIED"):
                payment.refund_due = True

    def _move(self, booking: Booking, status: str) -> None:
        booking.status = status
        self._keep(booking)

    def _keep(self, booking: Booking) -> None:
        """Its timers follow it."""
        if booking.status == "EXPIRED":
            return
        current = booking.status in HOLDING and any(
            timer.kind == "EXPIRY" and timer.due == booking.ends_at for timer in booking.kept("armed")
        )
        if not current:
            for timer in booking.kept("armed", "parked"):
                timer.state = "cancelled"
            if booking.status in HOLDING:
                self._arm(booking)

    def _arm(self, booking: Booking) -> None:
        warning = booking.ends_at - LEAD
        if warning > max(booking.starts_at, self.now):
            booking.timers.append(Timer("WARNING", warning))
        booking.timers.append(Timer("EXPIRY", booking.ends_at))
        booking.timers.append(Timer("AUTO_EXPIRY", booking.ends_at + WINDOW))

    def _expiry_waits(self, booking: Booking) -> bool:
        return any(timer.kind == "EXPIRY" for timer in booking.kept("armed", "parked"))

    def _fire(self, claimed: list[tuple[Booking, Timer]]) -> Iterator[None]:
        sick = [timer for booking, timer in claimed if booking.id in self.sick and self._true(booking, timer)]
        if not sick:
            for booking, timer in sorted(claimed, key=lambda pair: list(EFFECTS).index(pair[1].kind)):
                self._take_effect(booking, timer)
            yield
        elif len(claimed) == 1:
            self._postpone(claimed[0][1])
            yield
        else:
            middle = len(claimed) // 2
            yield from self._fire(claimed[:middle])
            yield from self._fire(claimed[middle:])

    def _true(self, booking: Booking, timer: Timer) -> bool:
        _, states, to = EFFECTS[timer.kind]
        return booking.status in states and (booking.ends_at <= self.now) == (to is not None)

    def _take_effect(self, booking: Booking, timer: Timer) -> None:
        event, _, to = EFFECTS[timer.kind]
        true = self._true(booking, timer)
        timer.state, timer.fired_at = "fired" if true else "superseded", self.now
        if true:
            booking.status = to or booking.status
            self.tell(event, booking.driver, booking)

    def _postpone(self, timer: Timer) -> None:
        timer.attempts += 1
        pause = PAUSES.get(timer.attempts)
        timer.state, timer.retry_at = ("armed", self.now + pause) if pause else ("parked", None)

    # --- Checks -----------------------------------------------------------------------------------

    def _check_seen(self, who: str, booking: Booking) -> None:
        if not self.sees(who, booking):
            raise Refused(404, "not_found")

    def _check_own(self, who: str, booking: Booking) -> None:
        self._check_seen(who, booking)
        if who != booking.driver:
            raise Refused(403, "forbidden")

    def _check_cash(self, who: str, payment: Payment) -> Booking:
        booking = self.bookings[payment.booking]
        self._check_seen(who, booking)
        if who not in (self.owner, self.staff):
            raise Refused(403, "forbidden")
        if payment.method != "cash":
            raise Refused(409, "not_cash")
        return booking

    def _check_period(self, starts_at: datetime, ends_at: datetime) -> None:
        if not timedelta(0) < ends_at - starts_at <= LONGEST:
            raise Refused(400, "invalid")

    def _check_free(
        self, slot: int, starts_at: datetime, ends_at: datetime, but: Booking | None = None
    ) -> None:
        if not self.free(slot, starts_at, ends_at, but):
            raise Refused(409, "slot_taken")
