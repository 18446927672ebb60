"""Which sockets of this process follow which topics, and what they have yet to be told.

A change comes as a word from the process that made it, or is found by comparing versions, every ten
seconds with one query. Either way a socket is told at most five times a second, of all topics at once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from parking.changes import EVERYBODY, versions

# How long a socket is left alone after it was told, in seconds.
TOGETHER = 0.2


class Followers:
    """The following sockets of one event loop, by their channel names."""

    def __init__(self) -> None:
        self._topics: dict[str, frozenset[str]] = {}
        self._followers: defaultdict[str, set[str]] = defaultdict(set)
        self._versions: dict[str, int | None] = {}
        self._spoken: set[str] = set()
        self._untold: defaultdict[str, set[str]] = defaultdict(set)
        self._telling: asyncio.TimerHandle | None = None
        self._told_at = 0.0

    async def follow(self, channel: str, topics: Collection[str]) -> None:
        """From now on this socket is told of changes of these topics, and of no others.

        Of those that it followed before, it misses nothing meanwhile.
        """
        wanted = frozenset(topics)
        self._forget(channel, self._topics.get(channel, frozenset()) - wanted)
        self._topics[channel] = wanted
        for topic in topics:
            self._followers[topic].add(channel)
        if unknown := [topic for topic in topics if topic not in self._versions]:
            found = await database_sync_to_async(versions)(unknown)
            for topic in unknown:
                if topic in self._followers:
                    self._versions.setdefault(topic, found.get(topic))

    def leave(self, channel: str) -> None:
        """This socket follows nothing any more."""
        self._forget(channel, self._topics.pop(channel, frozenset()))

    def _forget(self, channel: str, topics: Collection[str]) -> None:
        for topic in topics:
            self._followers[topic].discard(channel)
            if not self._followers[topic]:
                del self._followers[topic]
                self._versions.pop(topic, None)
                self._spoken.discard(topic)
        if left := self._untold.pop(channel, set()) - set(topics):
            self._untold[channel] = left

    @property
    def topics(self) -> Collection[str]:
        """What anybody follows."""
        return self._followers.keys()

    def untold(self, channel: str) -> set[str]:
        """The topics that this socket is to be told of; it is told by whoever asks."""
        return self._untold.pop(channel, set())

    def heard(self, topics: Iterable[str]) -> None:
        """These topics have changed: their followers are told soon."""
        for topic in topics:
            for channel in self._followers.get(topic, ()):
                self._untold[channel].add(topic)
        if self._untold and self._telling is None:
            loop = asyncio.get_running_loop()
            self._telling = loop.call_at(max(loop.time(), self._told_at + TOGETHER), self._tell)

    async def listen(self) -> None:
        """Hear what other processes, and this one, say; until cancelled."""
        layer = get_channel_layer()
        channel = await layer.new_channel()
        try:
            await layer.group_add(EVERYBODY, channel)
            while True:
                topics = self._followers.keys() & set((await layer.receive(channel))["topics"])
                self._spoken |= topics
                self.heard(topics)
        finally:
            await layer.group_discard(EVERYBODY, channel)

    async def check(self) -> None:
        """Find what has changed without a word.

        Also if all is as it was at the last check: where there was a word, something came and may be gone
        again, as a booking does, and the word of that may be lost.
        """
        before, spoken = dict(self._versions), set(self._spoken)
        if not before:
            return
        now = await database_sync_to_async(versions)(list(before))
        self._spoken -= spoken
        moved = {topic for topic in before if before[topic] != now.get(topic) or topic in spoken}
        moved &= self._versions.keys()
        self._versions.update({topic: now.get(topic) for topic in moved})
        self.heard(moved)

    def _tell(self) -> None:
        """Wake the sockets. What is told stays here until they ask: a full queue forgets the oldest."""
        self._telling = None
        self._told_at = asyncio.get_running_loop().time()
        layer = get_channel_layer()
        for channel in self._untold:
            layer.send_here(channel, {"type": "changed"})
