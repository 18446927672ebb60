"""People who book, extend, renew and cancel for some seconds, and keep asking until they are answered.

One in five pays cash, which the owner verifies, declines or leaves for later.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import httpx

from tests.faults.box import FaultBox
from tests.faults.evidence import Answer
from tests.faults.ground import Person

# How long anybody asks for an answer, and how long they wait for one, in seconds.
PATIENCE, ANSWER_WITHIN = 45.0, 12.0
CSRF = "a" * 32
# How many pay cash, of all.
CASH = 0.2


class Traffic:
    """What people do to a box, by a seed; and what they were answered."""

    def __init__(self, box: FaultBox, *, seed: int) -> None:
        self.box, self.luck = box, Random(seed)
        self.answers: list[Answer] = []
        self._keys = count(1)
        self._browsers: dict[int, httpx.AsyncClient] = {}

    @asynccontextmanager
    async def flow(self, people: list[Person]) -> AsyncIterator["Traffic"]:
        """These people live while the block runs, and end what they have begun."""
        async with self._flow() as group:
            for person in people:
                group.create_task(self._live(person))
            yield self

    @asynccontextmanager
    async def _flow(self) -> AsyncIterator[asyncio.TaskGroup]:
        """What is begun in this group is ended after the block, and then everybody's connections."""
        self.stopped = asyncio.Event()
        async with AsyncExitStack() as self._stack, asyncio.TaskGroup() as group:
            try:
                yield group
            finally:
                self.stopped.set()

    def _browser(self, person: Person) -> httpx.AsyncClient:
        """Everybody has their own connections: in one pool for all, hundreds who wait hold up each other."""
        if person.id not in self._browsers:
            made = httpx.AsyncClient(timeout=ANSWER_WITHIN, headers=_cookies(person), verify=False)
            self._stack.push_async_callback(made.aclose)
            self._browsers[person.id] = made
        return self._browsers[person.id]

    async def pause(self, seconds: float) -> None:
        """Wait; shorter if the traffic is to stop."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopped.wait(), seconds)

    async def _live(self, person: Person) -> None:
        await self.pause(self.luck.uniform(0, 1.5))
        while not self.stopped.is_set():
            cash = self.luck.random() < CASH
            answer = await self.book(person, seconds=self.luck.uniform(2.2, 4.5), cash=cash)
            if answer.status == 201:
                if cash:
                    await self._owner_decides(answer)
                await self._what_next(person, answer)
            await self.pause(self.luck.uniform(0.3, 1.5))

    async def _what_next(self, person: Person, booked: Answer) -> None:
        """Most let it run out; some extend, cancel, or renew what has expired."""
        (choice,) = self.luck.choices(["wait", "extend", "cancel", "renew"], [5, 2, 1, 2])
        if choice == "extend":
            await self.pause(self.luck.uniform(0.1, 2))
            await self.ask(person, "extend", booked, ends_in=self.luck.uniform(4, 6))
        elif choice == "cancel":
            await self.pause(self.luck.uniform(0, 2))
            await self.ask(person, "cancel", booked)
        elif choice == "renew":
            await self.pause(4.6)
            await self.ask(person, "renew", booked, ends_in=3)

    async def _owner_decides(self, booked: Answer) -> None:
        """The cash came, or did not; or the owner has no time. It may be too late for any of it."""
        await self.pause(self.luck.uniform(0, 2))
        (choice,) = self.luck.choices(["verify", "decline", "wait"], [3, 1, 1])
        owner = self.box.ground.owner
        if choice == "decline":
            await self.ask(owner, "decline", booked)
        elif choice == "verify" and (payment := await self._cash_of(booked)):
            path = f"/api/owner/payments/{payment}/verify/"
            await self._until_answered(owner, path, None, Answer("verify", None))

    async def _cash_of(self, booked: Answer) -> int | None:
        """The id of the booking's payment; None if nobody says it."""
        path = f"/api/owner/payments/?booking={booked.booking}&method=cash"
        with suppress(httpx.TransportError):
            said = await self._browser(self.box.ground.owner).get(self._url(path))
            if said.status_code == 200 and (found := said.json()["results"]):
                return int(found[0]["id"])
        return None

    async def book(
        self, person: Person, *, seconds: float, slot: int | None = None, cash: bool = False
    ) -> Answer:
        """Book this slot, or any, from now on; each wish is of a vehicle of its own."""
        vehicle = f"W{next(self._keys):06}"
        slot = slot or self._slot()
        wish = {"slot": slot, "vehicle_number": vehicle, **_payment(seconds)}
        if cash:
            wish = {**wish, "payment_method": "cash", "payment_token": ""}
        answer = Answer("book", None, vehicle=vehicle, slot=slot)
        return await self._until_answered(person, "/api/bookings/", wish, answer)

    def _slot(self) -> int:
        return self.luck.choice(self.box.ground.slots)

    async def ask(self, person: Person, verb: str, booked: Answer, *, ends_in: float | None = None) -> Answer:
        """Do this to the booking."""
        wish = None if ends_in is None else _payment(ends_in)
        path = f"/api/bookings/{booked.booking}/{verb}/"
        answer = Answer(verb, None, booking=booked.booking, slot=booked.slot)
        return await self._until_answered(person, path, wish, answer)

    async def _until_answered(
        self, person: Person, path: str, wish: dict[str, Any] | None, answer: Answer
    ) -> Answer:
        """Ask with one key, of any web process, until one has answered more than "come back"."""
        self.answers.append(answer)
        key, began = f"key-{next(self._keys)}", time.monotonic()
        while time.monotonic() - began < PATIENCE:
            pause = self.luck.uniform(0.1, 0.4)
            with suppress(httpx.TransportError):
                said = await self._post(person, path, wish, key=key)
                body = said.json() if "json" in said.headers.get("content-type", "") else {}
                answer.code, answer.seconds = body.get("code"), time.monotonic() - began
                if said.status_code != 503 and answer.code != "in_flight":
                    answer.status = said.status_code
                    # A payment names its booking.
                    answer.booking = body.get("booking") or body.get("id", answer.booking)
                    return answer
                pause += self.luck.uniform(0.2, 0.6) * float(said.headers.get("retry-after", 0))
            await asyncio.sleep(pause)
        return answer

    async def _post(
        self, person: Person, path: str, wish: dict[str, Any] | None, *, key: str
    ) -> httpx.Response:
        headers = {"X-CSRFToken": CSRF, "Idempotency-Key": key}
        browser = self._browser(person)
        if wish is None:
            return await browser.post(self._url(path), headers=headers)
        return await browser.post(self._url(path), headers=headers, json=wish)

    def _url(self, path: str) -> str:
        """At any web process."""
        return f"http://127.0.0.1:{self.luck.choice(list(self.box.ports.values()))}{path}"


def _cookies(person: Person) -> dict[str, str]:
    return {"Cookie": f"sessionid={person.session}; csrftoken={CSRF}"}


def _payment(seconds: float) -> dict[str, str]:
    ends_at = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"ends_at": ends_at.isoformat(), "payment_method": "card", "payment_token": "tok_visa"}
