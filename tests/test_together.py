"""Questions that come while the database is asked are asked together, and each gets its own answer."""

import asyncio
import threading

import pytest

from parking.together import Together

pytestmark = pytest.mark.asyncio


class Desk:
    """Doubles numbers when `open` is set; `asked` is what each query was about. None it cannot double."""

    def __init__(self):
        self.asked, self.open, self.begun = [], threading.Event(), threading.Event()
        self.together = Together(self._answer)

    def _answer(self, numbers):
        self.asked.append(list(numbers))
        self.begun.set()
        self.open.wait(10)
        return [number * 2 for number in numbers]

    async def first(self):
        """Somebody whose question is being asked."""
        task = asyncio.create_task(self.together(1))
        await asyncio.to_thread(self.begun.wait, 10)
        return task


async def test_what_is_asked_meanwhile_is_one_query_and_everybody_gets_their_answer():
    desk = Desk()
    first = await desk.first()
    others = [asyncio.create_task(desk.together(number)) for number in (2, 3, 2)]
    await asyncio.sleep(0)
    desk.open.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 4]
    assert desk.asked == [[1], [2, 3, 2]]


async def test_who_left_meanwhile_is_not_asked_for():
    desk = Desk()
    first = await desk.first()
    gone, stays = (asyncio.create_task(desk.together(number)) for number in (2, 3))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    desk.open.set()
    assert await asyncio.gather(first, stays) == [2, 6]
    assert desk.asked == [[1], [3]]


async def test_an_error_is_everybodys_and_the_next_are_asked_again():
    desk = Desk()
    desk.open.set()
    asked = [desk.together(number) for number in (1, None)]
    assert all(isinstance(one, TypeError) for one in await asyncio.gather(*asked, return_exceptions=True))
    assert await desk.together(4) == 8
