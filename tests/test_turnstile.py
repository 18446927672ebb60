"""Who comes in next, when many wait."""

import asyncio

import pytest

from parking.turnstile import Turnstile

pytestmark = pytest.mark.asyncio


class Visitors:
    """They come to a turnstile of one place, by name; `inside` is who is in, and who has been."""

    def __init__(self):
        self.turnstile, self.inside = Turnstile(1), []
        self.visits, self.leave = {}, {}

    async def come(self, name):
        self.leave[name] = asyncio.Event()
        self.visits[name] = asyncio.create_task(self._visit(name))
        await settled()

    async def _visit(self, name):
        async with self.turnstile:
            self.inside.append(name)
            await self.leave[name].wait()

    async def go(self, name):
        self.leave[name].set()
        await settled()


async def settled():
    """Whoever can go on without another event has done so."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def visitors():
    return Visitors()


async def test_whoever_came_last_is_next(visitors):
    for name in ("dina", "eve", "omar"):
        await visitors.come(name)
    assert visitors.inside == ["dina"]
    await visitors.go("dina")
    assert visitors.inside == ["dina", "omar"]
    await visitors.go("omar")
    assert visitors.inside == ["dina", "omar", "eve"]


async def test_who_gave_up_waiting_is_passed_over(visitors):
    for name in ("dina", "eve", "omar"):
        await visitors.come(name)
    visitors.visits["omar"].cancel()
    await visitors.go("dina")
    assert visitors.inside == ["dina", "eve"]


async def test_a_place_is_not_lost_with_who_gave_up_as_it_became_theirs(visitors):
    await visitors.come("dina")
    await visitors.come("omar")
    visitors.leave["dina"].set()
    await asyncio.sleep(0)  # Dina leaves now, and Omar has not run yet
    visitors.visits["omar"].cancel()
    await settled()
    await visitors.come("eve")
    assert visitors.inside[-1] == "eve"


async def test_a_place_is_free_again_after_an_error(visitors):
    with pytest.raises(ZeroDivisionError):
        async with visitors.turnstile:
            1 / 0  # noqa: B018
    await visitors.come("eve")
    assert visitors.inside == ["eve"]
