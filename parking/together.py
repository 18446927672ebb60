"""Questions that are asked of the database together, when many ask at once."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from channels.db import database_sync_to_async

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Together(Generic[Question, Answer]):
    """`await together(question)`: whatever is asked while an answer is awaited goes into the next query.

    When thousands of sockets come back, each would else wait for its own turn of each of its queries. The
    function gets the questions in order, and returns as many answers; what it raises, all of them raise.
    """

    def __init__(self, ask: Callable[[Sequence[Question]], Sequence[Answer]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, question: Question) -> Answer:
        """The answer to this question. Raises what the function raises."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all())
        return await answer

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, []
                # Who left meanwhile needs no answer.
                await self._ask_these([(question, answer) for question, answer in asked if not answer.done()])
        finally:
            self._asking = None

    async def _ask_these(self, asked: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        if not asked:
            return
        try:
            answers = await database_sync_to_async(self._ask)([question for question, _ in asked])
        except Exception as error:
            # Whatever it is: it is raised again, to each of those who asked.
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
        else:
            for (_, answer), found in zip(asked, answers, strict=True):
                if not answer.done():
                    answer.set_result(found)
