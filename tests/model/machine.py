"""The machine that does to ParkMate, through its doors, what Hypothesis thinks of: a rule for each thing."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from parking import models
from parking.actions import bookings as booking_verbs
from parking.actions import operations
from parking.models import Timer
from tests.model.commits import Fault, Way
from tests.model.draws import (
    BEGINNINGS,
    BESIDE,
    DRIVER,
    FAULT,
    GAP,
    INSTANT,
    LENGTH,
    MINUTE,
    NUMBER,
    PAY,
    RATES,
    SOON,
    START,
    STRANGER,
    USUALLY,
    WHILE,
    ZONE,
)
from tests.model.hands import Hands, Wish
from tests.model.promises import HOLDING, LEGAL, Booking, Model, Pay, Payment
from tests.model.provider import Provider


class Machine(Hands):
    """Each rule does one thing to the product, with a commit that fails or none, and then to the model."""

    @initialize(beginning=BEGINNINGS, who=DRIVER, length=LENGTH, pay=PAY)
    def begin(self, beginning, who, length, pay):
        """A booking is made at once: in many runs no other is, because Hypothesis leaves out some rules."""
        self.ground.clock.set(beginning)
        self.model = Model(RATES, "omar", "ada", beginning)
        self.compare()
        self.hold(who, 0, None, beginning + length, pay)

    # --- What people do ---------------------------------------------------------------------------

    @rule(
        who=DRIVER,
        slot=st.integers(0, 1),
        start=START,
        length=LENGTH,
        pay=PAY,
        zone=ZONE,
        keyed=USUALLY,
        fault=FAULT,
    )
    def book(self, who, slot, start, length, pay, zone, keyed, fault):
        starts_at = self.start(start)
        ends_at = (starts_at or self.now) + length
        self.hold(who, slot, starts_at, ends_at, pay, zone=zone, keyed=keyed, fault=fault)

    @precondition(lambda self: self.holding())
    @rule(who=DRIVER, place=NUMBER, before=st.booleans(), gap=GAP, length=LENGTH, pay=PAY, fault=FAULT)
    def book_next_to(self, who, place, before, gap, length, pay, fault):
        """Right before or after another booking of the slot; or a hair too near, or apart from it."""
        other = self.pick(self.holding(), place)
        start = other.starts_at - gap - length if before else other.ends_at + gap
        self.hold(who, other.slot, start, start + length, pay, fault=fault)

    @precondition(lambda self: self.model.bookings)
    @rule(place=NUMBER, stranger=STRANGER, length=LENGTH, pay=PAY, zone=ZONE, keyed=USUALLY, fault=FAULT)
    def extend(self, place, stranger, length, pay, zone, keyed, fault):
        booking = self.pick(self.holding() or self.model.bookings, place)
        self.prolong("extend", booking, stranger, booking.ends_at + length, pay, zone, keyed, fault)

    @precondition(lambda self: self.model.bookings)
    @rule(
        place=NUMBER,
        expired=USUALLY,
        stranger=STRANGER,
        length=LENGTH,
        pay=PAY,
        zone=ZONE,
        keyed=USUALLY,
        fault=FAULT,
    )
    def renew(self, place, expired, stranger, length, pay, zone, keyed, fault):
        over = [booking for booking in self.model.bookings if booking.status == "EXPIRED"] if expired else []
        booking = self.pick(over or self.model.bookings, place)
        self.prolong("renew", booking, stranger, self.now + length, pay, zone, keyed, fault)

    @precondition(lambda self: self.model.bookings)
    @rule(place=NUMBER, holding=USUALLY, who=STRANGER, fault=FAULT, by_driver=st.booleans())
    def undo(self, place, holding, who, fault, by_driver):
        booking = self.pick((holding and self.holding()) or self.model.bookings, place)
        which, usual = ("cancel", booking.driver) if by_driver else ("decline", "omar")
        path = f"bookings/{self.rows.booking_ids[booking.id]}/{which}/"
        verb = lambda: getattr(self.model, which)(who or usual, booking)  # noqa: E731
        self.wish(Wish(who or usual, path, None, None, verb, 200), fault)

    @precondition(lambda self: self.model.payments)
    @rule(place=NUMBER, cash=USUALLY, who=STRANGER, back=st.booleans(), fault=FAULT)
    def take_cash(self, place, cash, who, back, fault):
        payment = self.pick((cash and self.cash()) or self.model.payments, place)
        which = "hand_back" if back else "verify"
        path = f"owner/payments/{self.rows.payment_ids[self.model.payments.index(payment)]}/"
        who = who or "omar"
        verb = lambda: getattr(self.model, which)(who, payment)  # noqa: E731
        self.wish(Wish(who, path + which.replace("_", "-") + "/", None, None, verb, 200), fault)

    @precondition(lambda self: self.wishes)
    @rule(place=NUMBER, fault=FAULT)
    def send_again(self, place, fault):
        self.send(self.pick(self.wishes[::-1], place), fault)

    # --- What operators do ------------------------------------------------------------------------

    @precondition(lambda self: self.model.bookings)
    @rule(place=NUMBER, status=st.sampled_from(["EXPIRED", "COMPLETED", "BOOKED"]), fault=FAULT)
    def save_status(self, place, status, fault):
        """Somebody moves a booking in a shell: what follows from it, the signals do."""
        booking = self.pick(self.model.bookings, place)
        row = models.Booking.objects.get(pk=self.rows.booking_ids[booking.id])
        row.status = status if status in LEGAL.get(booking.status, ()) else row.status
        self.save(row, fault, lambda: self.model.save(booking, status=row.status))

    @precondition(lambda self: self.holding())
    @rule(place=NUMBER, by=st.sampled_from([MINUTE, 6 * MINUTE, -MINUTE, INSTANT, -INSTANT]), fault=FAULT)
    def save_end(self, place, by, fault):
        """Somebody gives a booking another end in a shell: its timers follow."""
        booking = self.pick(self.holding(), place)
        ends_at = booking.ends_at + by
        if ends_at > booking.starts_at and self.model.free(booking.slot, booking.starts_at, ends_at, booking):
            row = models.Booking.objects.get(pk=self.rows.booking_ids[booking.id])
            row.ends_at = ends_at
            self.save(row, fault, lambda: self.model.save(booking, ends_at=ends_at))

    @precondition(lambda self: self.cash())
    @rule(place=NUMBER, fault=FAULT)
    def save_cash(self, place, fault):
        """Somebody verifies cash in a shell."""
        payment = self.pick(self.cash(), place)
        if payment.status == "PENDING":
            row = models.Payment.objects.get(pk=self.rows.payment_ids[self.model.payments.index(payment)])
            row.status, row.verified_by, row.verified_at = "VERIFIED", self.ground.people["ada"], self.now
            self.save(row, fault, lambda: self.model.verify("ada", payment))

    @precondition(lambda self: self.model.bookings)
    @rule(place=NUMBER, fault=FAULT)
    def save_what_is_so(self, place, fault):
        """Somebody who loaded a booking when it was new writes what has become of it meanwhile."""
        booking = self.pick(self.model.bookings, place)
        row = self.seen[booking.id]
        moved = (row.status, row.ends_at) != (booking.status, booking.ends_at)
        row.status, row.ends_at, row.price = booking.status, booking.ends_at, booking.price
        self.save(row, fault, lambda: self.model.save(booking) if moved else None)
        self.seen[booking.id] = models.Booking.objects.get(pk=row.pk)

    @rule(fault=FAULT)
    def digest(self, fault):
        _, struck = self.run(operations.owner_digest, fault)
        if struck != (0, Way.UNDONE):
            self.model.digest()
        self.compare(told=() if struck else {"omar"})

    # --- What time and the processes do -----------------------------------------------------------

    @rule(to=WHILE | NUMBER, beside=BESIDE)
    def time_passes(self, to, beside):
        """For a while, or over several moments at which something was to happen."""
        if isinstance(to, int):
            moments = sorted(moment for moment in self.moments() if moment > self.now - beside)
            to = self.pick(moments[:6], to) - self.now + beside if moments else timedelta(0)
        self.set_clock(self.now + to)

    @rule(place=SOON, beside=BESIDE, fault=FAULT)
    def next_timer(self, place, beside, fault):
        """Time passes to the instant of a timer that is due next, or just beside it; then all is swept."""
        moments = sorted({timer.ring_at for b in self.model.bookings for timer in b.kept("armed")})
        moments = [moment + beside for moment in moments if moment + beside > self.now]
        if moments:
            self.set_clock(moments[min(place, len(moments) - 1)])
        self.fire(booking_verbs.run_due, fault)

    @rule(fault=FAULT)
    def sweep(self, fault):
        self.fire(booking_verbs.run_due, fault)

    @precondition(lambda self: self.model.bookings)
    @rule(place=NUMBER, broker=st.booleans(), fault=FAULT)
    def ring(self, place, broker, fault):
        """An alarm of any timer: early, late or again. The broker may be away just then."""
        away = set() if broker else {"broker"} - self.ground.away
        self.ground.away.update(away)
        pk = self.pick(list(Timer.objects.order_by("pk").values_list("pk", flat=True)), place)
        self.fire(lambda: booking_verbs.ring(pk), fault)
        self.ground.away.difference_update(away)

    @rule(which=st.sampled_from(["relay", "alarms", "money", "tidy"]), fault=FAULT)
    def housekeeping(self, which, fault):
        self.keep_house(which, fault)

    @rule(
        call=st.sampled_from(["authorise", "capture", "refund"]),
        how=st.sampled_from(["", "away", "answer lost", "declined"]),
    )
    def provider(self, call, how):
        """From now on the provider fails in this way, or not any more."""
        if how != "declined" or call == "capture":
            Provider.how = {**Provider.how, call: how}
            self.model.fails = dict(Provider.how)

    @rule(what=st.sampled_from(["redis", "broker"]))
    def comes_or_goes(self, what):
        self.ground.away.symmetric_difference_update({what})

    # --- Timers that fail -------------------------------------------------------------------------

    @precondition(lambda self: self.model.bookings)
    @rule(place=NUMBER)
    def fall_ill_or_recover(self, place):
        """From now on the timers of a booking raise, or not any more."""
        booking = self.pick(self.model.bookings, place)
        self.model.sick.symmetric_difference_update({booking.id})
        self.ground.sick.symmetric_difference_update({self.rows.booking_ids[booking.id]})

    @precondition(lambda self: any(booking.kept("parked") for booking in self.model.bookings))
    @rule(place=NUMBER, fault=FAULT)
    def try_parked_again(self, place, fault):
        parked = [timer for booking in self.model.bookings for timer in booking.kept("parked")]
        self.retry(self.pick(parked, place), fault)
        self.compare()

    # --- Which ------------------------------------------------------------------------------------

    @staticmethod
    def pick(things, place):
        """One of these, the last ones first: what was made lately is what is worth a look."""
        return things[-1 - place % len(things)]

    def start(self, start):
        """None is now; a number, a moment at which a booking begins or ends."""
        if not isinstance(start, int):
            return start if start is None else self.now + start
        edges = [edge for b in self.model.bookings for edge in (b.starts_at, b.ends_at)]
        return self.pick(edges, start) if edges else None

    def holding(self) -> list[Booking]:
        return [booking for booking in self.model.bookings if booking.status in HOLDING]

    def cash(self) -> list[Payment]:
        return [payment for payment in self.model.payments if payment.method == "cash"]

    @staticmethod
    def paid(pay: Pay) -> dict[str, str]:
        return {"payment_method": pay.method, "payment_token": pay.token}

    def key(self, keyed: bool) -> str | None:
        return f"wish-{len(self.wishes)}" if keyed else None

    def moments(self) -> Collection[datetime]:
        for booking in self.model.bookings:
            yield booking.starts_at
            yield booking.ends_at
            yield from (timer.ring_at for timer in booking.kept("armed"))
        yield from (payment.created_at + timedelta(seconds=30) for payment in self.model.payments)

    def hold(self, who, slot, starts_at, ends_at, pay, *, zone="UTC", keyed=True, fault=None):
        body = {"slot": self.ground.slots[slot], "vehicle_number": "KA01AB1234", **self.paid(pay)}
        body |= {"starts_at": starts_at and written(starts_at, zone), "ends_at": written(ends_at, zone)}
        verb = lambda: self.model.book(who, slot, starts_at, ends_at, pay)  # noqa: E731
        self.wish(Wish(who, "bookings/", body, self.key(keyed), verb, 201), fault)

    def prolong(self, which, booking, stranger, ends_at, pay, zone, keyed, fault):
        who = stranger or booking.driver
        body = {"ends_at": written(ends_at, zone), **self.paid(pay)}
        verb = lambda: getattr(self.model, which)(who, booking, ends_at, pay)  # noqa: E731
        path = f"bookings/{self.rows.booking_ids[booking.id]}/{which}/"
        self.wish(Wish(who, path, body, self.key(keyed), verb, 201 if which == "renew" else 200), fault)

    def save(
        self, row: models.Booking | models.Payment, fault: Fault | None, then: Callable[[], Any]
    ) -> None:
        """Save a row in a transaction, as the admin does; then the model."""
        _, struck = self.run(transaction.atomic(row.save), fault)
        if struck != (0, Way.UNDONE):
            then()
        self.compare()


def written(moment: datetime, zone: str) -> str:
    """The moment as a client in that zone writes it."""
    return moment.astimezone(ZoneInfo(zone)).isoformat()
