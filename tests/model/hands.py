"""How a thing is done to the product, with a commit that fails or none, and then to the model; and judged."""

import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import DatabaseError
from django.test import Client
from hypothesis.stateful import RuleBasedStateMachine

from parking import models, relay, timers
from parking.actions import bookings as booking_verbs
from parking.actions import operations
from parking.actions import payments as payment_verbs
from parking.models import Timer, User
from tests.model.clock import StillClock
from tests.model.commits import Fault, Way, failing
from tests.model.promises import ANSWERS_KEPT, OVER, Booking, Model, Payment, Refused
from tests.model.provider import Provider
from tests.model.rows import Rows, differences, forget


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


class Hands(RuleBasedStateMachine):
    """What the rules are made of. `sound` is whether the last step was done and found right."""

    model: Model

    ground: ClassVar[Ground]

    def __init__(self) -> None:
        super().__init__()
        self.sound = False
        self.wishes: list[Wish] = []
        self.rows: Rows | None = None
        # Each booking as it was loaded when it was new.
        self.seen: list[models.Booking] = []
        forget()
        Provider.reset()
        Provider.how = {}
        self.ground.away.clear()
        self.ground.sick.clear()

    @property
    def now(self) -> datetime:
        return self.ground.clock.now

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
        if struck != (0, Way.UNDONE):
            rows = self.look()
            while differences(self.model, rows) and next(steps, "over") != "over":
                pass
        self.compare()

    def keep_house(self, which: str, fault: Fault | None) -> None:
        work = {
            "relay": relay.relay_left_behind,
            "alarms": timers.set_alarms,
            "money": payment_verbs.finish_left_behind,
            "tidy": operations.tidy,
        }[which]
        unfinished = self.model.left_behind() if which == "money" else []
        _, struck = self.run(work, fault)
        self.finish(unfinished, loose=struck is not None)
        if which == "tidy":
            self.tidied(loose=struck is not None)
        self.compare(numbered=which == "relay" and not struck)

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

    def tidied(self, *, loose: bool) -> None:
        """Old answers are gone, and no others; if `loose`, which of the old ones is looked up."""
        kept = set(models.StoredAnswer.objects.values_list("key", flat=True))
        for wish in self.wishes:
            if wish.answered and wish.answered[2] >= self.now - ANSWERS_KEPT:
                assert wish.key in kept
            elif wish.answered and not (loose and wish.key in kept):
                assert wish.key not in kept
                wish.answered = None

    def look(self) -> Rows:
        return Rows(self.ground.people, self.ground.slots)

    def compare(self, *, told: Collection[str] = (), numbered: bool = False) -> None:
        """The rows are as the model says, and as any rows must be."""
        rows = self.look()
        rows.check(self.rows)
        self.rows = rows
        self.seen += models.Booking.objects.filter(pk__in=rows.booking_ids[len(self.seen) :]).order_by("pk")
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
            self.keep_house(which, None)
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
