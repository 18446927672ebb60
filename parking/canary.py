"""The canary: a timer that nobody booked, every ten seconds, to prove the whole way from row to frame.

It is armed, rung and found due like any other. What it does is to arm the next one and, after the commit,
to send a message through the channel layer, which every web process listens for.
"""

from collections import deque
from datetime import timedelta
from time import monotonic

from channels.layers import get_channel_layer
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from parking import claims, timers
from parking.connections import after_commit, let_go_if_silent
from parking.models import Timer

PERIOD = timedelta(seconds=10)
# The channel-layer group of all web processes.
GROUP = "canary"
# How long the message may take from the commit to its listeners, in seconds.
ON_ITS_WAY = 3.0

_ARMED = Timer.objects.filter(kind=Timer.Kind.CANARY, state=Timer.State.ARMED)


def revive() -> None:
    """Arm a canary if there is none: at the first sweep of all, or when somebody ended it."""
    if not _ARMED.all().exists():
        try:
            timers.send_alarms([_arm()])
        except IntegrityError as error:
            if "timer_canary_armed_once" not in str(error):
                raise


def fire() -> None:
    """Fire the canary if it is due and nobody else's. Raises only when the database is away.

    In a transaction of its own, after everybody else's timers: they must not wait for it.
    """
    if not claims.any_due(_due):
        return
    with transaction.atomic(durable=True):
        let_go_if_silent()
        locked = claims.due(_ARMED.select_for_update(skip_locked=True, no_key=True)).first()
        if locked:
            claims.settle([locked], Timer.State.FIRED)
            _forget_before(locked)
            following = _arm()
            after_commit(lambda: _sing(locked.pk))
            after_commit(lambda: timers.send_alarms([following]))


def _due() -> QuerySet[Timer]:
    return claims.due(_ARMED.all())


def last() -> Timer | None:
    """The canary that fired last, if one is kept."""
    fired = Timer.objects.filter(kind=Timer.Kind.CANARY, state=Timer.State.FIRED)
    return fired.order_by("-pk").first()


def _arm() -> Timer:
    """A new row each time: its id is its generation, so that an alarm that comes twice finds nothing."""
    return Timer.objects.create(kind=Timer.Kind.CANARY, due_at=timers.now() + PERIOD)


def _forget_before(timer: Timer) -> None:
    """One that has fired is kept, to be looked up; those before it are of no use."""
    old = Timer.objects.filter(kind=Timer.Kind.CANARY, pk__lt=timer.pk)
    free = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True))
    Timer.objects.filter(pk__in=free).delete()


def _sing(canary: int) -> None:
    try:
        get_channel_layer().group_send_many([(GROUP, {"type": "canary", "canary": canary})])
    except OSError:
        # Who does not hear it says so, wherever the silence comes from.
        return


class Ear:
    """Which canaries this process has heard, and since when it listens; never, where none are to be heard."""

    def __init__(self) -> None:
        self._heard: deque[int] = deque(maxlen=10)
        self._since: float | None = None

    async def listen(self) -> None:
        """Hear them, until cancelled."""
        layer = get_channel_layer()
        channel = await layer.new_channel()
        try:
            await layer.group_add(GROUP, channel)
            self._since = self._since or monotonic()
            while True:
                self.heard((await layer.receive(channel))["canary"])
        finally:
            await layer.group_discard(GROUP, channel)

    def heard(self, canary: int) -> None:
        """This one was heard."""
        self._heard.append(canary)

    def missed(self, canary: int, *, ago: timedelta) -> bool:
        """Whether this one, which fired so long ago, should have been heard by now, and was not."""
        if self._since is None or canary in self._heard:
            return False
        return ON_ITS_WAY < ago.total_seconds() < monotonic() - self._since


# This process's.
ear = Ear()
