"""The machine that does to ParkMate, through its doors, what Hypothesis thinks of, and asks the model."""

import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.db import DatabaseError
from django.test import Client
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from parking import notifications, timers
from parking.actions import bookings as booking_verbs
from parking.actions import operations
from parking.actions import payments as payment_verbs
from parking.models import Timer, User
from tests.model.clock import StillClock
from tests.model.commits import Fault, Way, failing
from tests.model.promises import ANSWERS_KEPT, OVER, Booking, Model, Pay, Payment, Refused
from tests.model.provider import Provider
from tests.model.rows import Rows, differences, forget

# Where each run begins: an ordinary night, clocks set back and forward, the leap day, the year's end.
BEGINNINGS = [
    datetime(2026, 11, 22, 22, 0, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2027, 3, 28, 0, 30, tzinfo=UTC),
    datetime(2027, 11, 7, 5, 15, tzinfo=UTC),
    datetime(2028, 2, 28, 23, 30, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 45, tzinfo=UTC),
]
# In which zones clients write their times. Lord Howe's summer time is half an hour.
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]

MINUTE, INSTANT = timedelta(minutes=1), timedelta(microseconds=1)
LENGTHS = [
    *(MINUTE * n for n in (60, 10, 1, 5, 6, 30, 90, 24 * 60)),
    *(5 * MINUTE + INSTANT, timedelta(seconds=61.5), timedelta(days=31), timedelta(days=31) + INSTANT),
    *(timedelta(0), -INSTANT),
]
STARTS = [timedelta(0), 3 * MINUTE, 60 * MINUTE, timedelta(days=365), timedelta(days=365) + INSTANT, -INSTANT]
WHILES = [timedelta(seconds=1), timedelta(seconds=31), 6 * MINUTE, 60 * MINUTE, timedelta(hours=25)]

RATES = (Decimal("6.00"), Decimal("7.35"))
PAYS = [Pay("card", "tok_visa"), Pay("cash"), Pay("upi", "tok_visa"), Pay("card", "tok_declined")]
DRIVERS, EVERYBODY = ["dina", "eve"], ["dina", "eve", "omar", "ada"]
FAULTS = st.none() | st.tuples(st.integers(0, 5), st.sampled_from(Way))
NUMBER = st.integers(0, 11)


@dataclass(frozen=True)
class Ground:
    """What stays from run to run: the cast, two slots, the clock, and a channel layer that may be away."""

    people: dict[str, User]
    clients: dict[str, Client]
    slots: list[int]
    clock: StillClock
    away: set[str]
    sick: set[int]
    defects: list[logging.LogRecord]


@dataclass
class Wish:
    """A request. With a key it may be sent again, and is done once."""

    who: str
    path: str
    body: dict[str, Any] | None
    key: str | None
    verb: Callable[[], Booking]
    status: int
    # What was answered: the status and the content, None if the answer never came; and when.
    answered: tuple[int, bytes | None, datetime] | None = None


class Machine(RuleBasedStateMachine):
    """Each rule does one thing to the product, with a commit that fails or none, and then to the model."""

    ground: ClassVar[Ground]

    def __init__(self) -> None:
        super().__init__()
        self.sound = False
        self.wishes: list[Wish] = []
        self.rows: Rows | None = None
        forget()
        Provider.reset()
        Provider.how = {}
        self.ground.away.clear()
        self.ground.sick.clear()

    @initialize(beginning=st.sampled_from(BEGINNINGS))
    def begin(self, beginning: datetime) -> None:
        self.ground.clock.set(beginning)
        self.model = Model(RATES, "omar", "ada", beginning)
        self.compare()

    # --- What people do ---------------------------------------------------------------------------

    @rule(
        who=st.sampled_from(DRIVERS),
        slot=st.integers(0, 1),
        start=st.none() | st.sampled_from(STARTS) | NUMBER,
        length=st.sampled_from(LENGTHS),
        pay=st.sampled_from(PAYS),
        zone=st.sampled_from(ZONES),
        keyed=st.booleans(),
        fault=FAULTS,
    )
    def book(self, who, slot, start, length, pay, zone, keyed, fault):
        starts_at = self.start(start)
        ends_at = (starts_at or self.now) + length
        body = {"slot": self.ground.slots[slot], "vehicle_number": "KA01AB1234", **self.paid(pay)}
        body |= {"starts_at": starts_at and written(starts_at, zone), "ends_at": written(ends_at, zone)}
        verb = lambda: self.model.book(who, slot, starts_at, ends_at, pay)  # noqa: E731
        self.wish(Wish(who, "bookings/", body, self.key(keyed), verb, 201), fault)

    @precondition(lambda self: self.model.bookings)
    @rule(
        place=NUMBER,
        stranger=st.none() | st.sampled_from(EVERYBODY),
        which=st.sampled_from(["extend", "renew"]),
        length=st.sampled_from(LENGTHS),
        pay=st.sampled_from(PAYS),
        zone=st.sampled_from(ZONES),
        keyed=st.booleans(),
        fault=FAULTS,
    )
    def prolong(self, place, stranger, which, length, pay, zone, keyed, fault):
        booking = self.pick(self.model.bookings, place)
        who = stranger or booking.driver
        ends_at = (booking.ends_at if which == "extend" else self.now) + length
        body = {"ends_at": written(ends_at, zone), **self.paid(pay)}
        verb = lambda: getattr(self.model, which)(who, booking, ends_at, pay)  # noqa: E731
        path = f"bookings/{self.rows.booking_ids[booking.id]}/{which}/"
        self.wish(Wish(who, path, body, self.key(keyed), verb, 201 if which == "renew" else 200), fault)

    @precondition(lambda self: self.model.bookings)
    @rule(place=NUMBER, who=st.none() | st.sampled_from(EVERYBODY), fault=FAULTS, by_driver=st.booleans())
    def undo(self, place, who, fault, by_driver):
        booking = self.pick(self.model.bookings, place)
        which, usual = ("cancel", booking.driver) if by_driver else ("decline", "omar")
        path = f"bookings/{self.rows.booking_ids[booking.id]}/{which}/"
        verb = lambda: getattr(self.model, which)(who or usual, booking)  # noqa: E731
        self.wish(Wish(who or usual, path, None, None, verb, 200), fault)

    @precondition(lambda self: self.model.payments)
    @rule(place=NUMBER, who=st.sampled_from(EVERYBODY[::-1]), back=st.booleans(), fault=FAULTS)
    def take_cash(self, place, who, back, fault):
        payment = self.pick(self.model.payments, place)
        which = "hand_back" if back else "verify"
        path = f"owner/payments/{self.rows.payment_ids[self.model.payments.index(payment)]}/"
        verb = lambda: getattr(self.model, which)(who, payment)  # noqa: E731
        self.wish(Wish(who, path + which.replace("_", "-") + "/", None, None, verb, 200), fault)

    @precondition(lambda self: self.wishes)
    @rule(place=NUMBER, fault=FAULTS)
    def send_again(self, place, fault):
        self.send(self.pick(self.wishes[::-1], place), fault)

    # --- What time and the processes do -----------------------------------------------------------

    @rule(to=st.sampled_from(WHILES) | NUMBER, beside=st.sampled_from([timedelta(0), -INSTANT, INSTANT]))
    def time_passes(self, to, beside):
        """For a while, or to the next moments at which something is to happen, or just beside them."""
        if isinstance(to, int):
            moments = sorted(moment for moment in self.moments() if moment > self.now - beside)
            to = self.pick(moments[:6], to) - self.now + beside if moments else timedelta(0)
        self.set_clock(self.now + to)

    @rule(fault=FAULTS)
    def sweep(self, fault):
        self.fire(booking_verbs.run_due, fault)

    @precondition(lambda self: self.model.bookings)
    @rule(place=NUMBER, fault=FAULTS)
    def ring(self, place, fault):
        """An alarm of any timer: early, late or again."""
        pk = self.pick(list(Timer.objects.order_by("-pk").values_list("pk", flat=True)), place)
        self.fire(lambda: booking_verbs.ring(pk), fault)

    @rule(which=st.sampled_from(["relay", "alarms", "money", "tidy"]), fault=FAULTS)
    def housekeeping(self, which, fault):
        work = {
            "relay": notifications.relay_left_behind,
            "alarms": timers.set_alarms,
            "money": payment_verbs.finish_left_behind,
            "tidy": operations.tidy,
        }[which]
        unfinished = self.model.left_behind() if which == "money" else []
        _, struck = self.run(work, fault)
        self.finish(unfinished, loose=struck is not None)
        if which == "tidy" and (not struck or struck == (0, Way.DONE)):
            self.tidied()
        elif which == "tidy":
            self.tidied(loose=True)
        self.compare(numbered=which == "relay" and not struck)

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
    @rule(place=NUMBER, fault=FAULTS)
    def try_parked_again(self, place, fault):
        parked = [timer for booking in self.model.bookings for timer in booking.kept("parked")]
        self.retry(self.pick(parked, place), fault)
        self.compare()

    # --- How --------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.ground.clock.now

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

    @staticmethod
    def paid(pay: Pay) -> dict[str, str]:
        return {"payment_method": pay.method, "payment_token": pay.token}

    def key(self, keyed: bool) -> str | None:
        return f"wish {len(self.wishes)}".replace(" ", "-") if keyed else None

    def moments(self) -> Collection[datetime]:
        for booking in self.model.bookings:
            yield booking.starts_at
            yield booking.ends_at
            yield from (timer.ring_at for timer in booking.kept("armed"))
        yield from (payment.created_at + timedelta(seconds=30) for payment in self.model.payments)

    def set_clock(self, moment: datetime) -> None:
        self.ground.clock.set(moment)
        self.model.now = moment

    def run(self, work: Callable[[], Any], fault: Fault | None) -> tuple[Any, Fault | None]:
        """Do this with that commit failing; return what came of it, and the fault if it came to that."""
        self.sound = False
        with failing(fault) as commits:
            try:
                done = work()
            except DatabaseError:
                if not commits.struck:
                    raise
                done = None
        return done, commits.struck

    def wish(self, wish: Wish, fault: Fault | None) -> None:
        if wish.key:
            self.wishes.append(wish)
        self.send(wish, fault)

    def post(self, wish: Wish) -> Any:
        headers = {"Idempotency-Key": wish.key} if wish.key else {}
        text = "" if wish.body is None else json.dumps(wish.body)
        client = self.ground.clients[wish.who]
        return client.post(f"/api/{wish.path}", text, content_type="application/json", headers=headers)

    def send(self, wish: Wish, fault: Fault | None) -> None:
        """Send a wish, for the first time or again."""
        answer, struck = self.run(lambda: self.post(wish), fault)
        if wish.answered:
            self.replayed(wish, answer, struck)
        elif struck == (0, Way.UNDONE):
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            self.compare()
        else:
            self.done(wish, answer, struck)

    def replayed(self, wish: Wish, answer: Any, struck: Fault | None) -> None:
        """It was answered before: it is answered alike, and nothing happens."""
        status, content, _ = wish.answered
        if not struck:
            assert (answer.status_code, answer.headers.get("Idempotent-Replayed")) == (status, "true")
            assert content in (None, answer.content)
            wish.answered = (status, answer.content, wish.answered[2])
        self.compare()

    def done(self, wish: Wish, answer: Any, struck: Fault | None) -> None:
        """It was done, or refused: the model does the same, and expects the same answer, if there is one."""
        made, undone = len(self.model.payments), [p for p in self.model.payments if p.unwanted]
        before = self.model.told.copy()
        booking, status, code = None, wish.status, None
        try:
            booking = wish.verb()
        except Refused as refused:
            status, code = refused.status, refused.code
        told = {who for who, *_ in self.model.told - before}
        heard = not struck or (struck[0] > 0 and answer.status_code != 503)
        if heard:
            assert answer.status_code == status, answer.content
            assert answer.json().get("code") == code
        if wish.key and status < 500:
            wish.answered = (status, answer.content if heard else None, self.now)
        if struck is None or struck[0] > 0:
            begun = [p for p in self.model.payments if p.unwanted and p not in undone]
            self.finish(self.model.payments[made:] + begun, loose=bool(struck))
        self.compare(told=set() if struck else told)
        if heard and booking and wish.path.startswith("bookings"):
            self.shown(answer.json(), booking)

    def shown(self, shown: dict[str, Any], booking: Booking) -> None:
        """The answer tells of this booking as it is."""
        assert shown["id"] == self.rows.booking_ids[booking.id]
        assert (shown["status"], shown["price"]) == (booking.status, str(booking.price))
        assert datetime.fromisoformat(shown["ends_at"]) == booking.ends_at

    def finish(self, begun: list[Payment], *, loose: bool) -> None:
        """The provider does what was begun; if `loose`, what of it was written down is looked up."""
        rows = self.look().payments if loose else []
        for payment in begun:
            place = self.model.payments.index(payment)
            was = (payment.status, payment.refunded)
            self.model.finish(payment)
            if loose and (rows[place][4], rows[place][6]) == was:
                payment.status, payment.refunded = was

    def fire(self, work: Callable[[], int], fault: Fault | None) -> None:
        """Fire what is due. After a fault, some of its transactions were made, from the first one on."""
        if self.model.sick:
            fault = None  # Which half of a batch comes first is not promised.
        _, struck = self.run(work, fault)
        self.model.now = self.now
        steps = self.model.run_due()
        if struck is None:
            for _ in steps:
                pass
            self.compare()
            return
        if struck == (0, Way.DONE):
            next(steps, None)
        elif struck[0] > 0:
            rows = self.look()
            while differences(self.model, rows) and next(steps, "over") != "over":
                pass
        self.compare()

    def retry(self, timer, fault):
        self.sound = False
        pk = self.pk_of(timer)
        _, struck = self.run(lambda: timers.retry(pk), fault)
        if struck != (0, Way.UNDONE):
            self.model.retry(timer)

    def pk_of(self, timer):
        (booking,) = (b for b in self.model.bookings if timer in b.timers)
        rows = Timer.objects.filter(booking=self.rows.booking_ids[booking.id], kind=timer.kind)
        return rows.get(due_at=timer.due, state=timer.state).pk

    def tidied(self, *, loose: bool = False) -> None:
        for wish in self.wishes:
            if wish.answered and wish.answered[2] < self.now - ANSWERS_KEPT:
                wish.answered = None

    def look(self) -> Rows:
        return Rows(self.ground.people, self.ground.slots)

    def compare(self, *, told: Collection[str] = (), numbered: bool = False) -> None:
        """The rows are as the model says, and as any rows must be."""
        rows = self.look()
        rows.check(self.rows)
        self.rows = rows
        assert not differences(self.model, rows), differences(self.model, rows)
        assert not self.ground.defects, self.ground.defects[0].getMessage()
        late = rows.unnumbered()
        assert not (late if numbered else late & set(told)), f"not numbered: {late}"
        self.sound = True

    # --- At rest ----------------------------------------------------------------------------------

    def teardown(self) -> None:
        """All is well again, and enough time passes: then every promise has been kept."""
        if not self.sound:
            return
        Provider.how, self.model.fails = {}, {}
        self.ground.away.clear()
        self.ground.sick.clear()
        self.model.sick.clear()
        for booking in self.model.bookings:
            for timer in booking.kept("parked"):
                self.retry(timer, None)
        ends = [booking.ends_at for booking in self.model.bookings]
        self.set_clock(max([self.now, *ends]) + timedelta(hours=1))
        self.fire(booking_verbs.run_due, None)
        for which in ("relay", "money"):
            self.housekeeping(which, None)
        self.judge()

    def judge(self) -> None:
        """What is true at rest, said without the model's help."""
        rows = self.rows
        assert not rows.unnumbered()
        assert {row[4] for row in rows.bookings} <= set(OVER)
        assert {state for _, _, _, state, *_ in rows.timers} <= {"fired", "cancelled", "superseded"}
        assert Provider.kept() == rows.kept, "the provider's books are not ours"
        for place, (driver, *_, status, _, _) in enumerate(rows.bookings):
            renewed = any(row[-1] == place for row in rows.bookings)
            told = [rows.told[driver, event, place] for event in ("BOOKING_EXPIRED", "SLOT_AUTO_EXPIRED")]
            assert told == ([1, int(not renewed)] if status == "COMPLETED" else [0, 0])


def written(moment: datetime, zone: str) -> str:
    """The moment as a client in that zone writes it."""
    return moment.astimezone(ZoneInfo(zone)).isoformat()
