"""How many sockets come in at once, and who is next when thousands come back together."""

from asyncio import CancelledError, Future, get_running_loop

# Those who come in together ask the database together: more at once are hardly slower than a few, but as
# many as all would be done only when most of them have lost their patience.
PLACES = 16


class Turnstile:
    """`async with` lets so many in at once; then, of those who wait, whoever came last.

    In turn, everybody would have waited nearly as long as a client does before it gives up and comes
    again; so would those who come after them, and nobody would get in. Who came last has most of the
    patience left.
    """

    def __init__(self, places: int = PLACES) -> None:
        self._free = places
        self._waiting: list[Future[None]] = []

    async def __aenter__(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn: Future[None] = get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except CancelledError:
            # Or it got its turn in the same moment.
            if not turn.cancelled():
                self._next()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._next()

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.pop()
            if not turn.cancelled():
                turn.set_result(None)
                return
        self._free += 1
