"""What a client may say over its socket, and how much of it. See docs/socket.md."""

import json
import re
from collections import deque
from collections.abc import Mapping
from time import monotonic
from typing import Any

from parking.changes import HEALTH, desk, lot, me

MESSAGES_PER_MINUTE = 60
MISTAKES_PER_MINUTE = 3
LONGEST_MESSAGE = 4096
TOPICS_FOLLOWED = 100
BIGGEST_NUMBER = 2**63 - 1
_LOT = re.compile(r"lot:([1-9][0-9]{0,17})")


class Mistake(Exception):
    """A client sent something that means nothing here; the message says what."""


class PerMinute:
    """Counts something: has it happened so many times within a minute?"""

    # Made with the first one: each open socket has two of these, and most say nothing.
    _times: deque[float] | None = None

    def __init__(self, many: int) -> None:
        self._many = many

    def reached(self) -> bool:
        """Count one more; whether that makes so many within a minute."""
        if self._times is None:
            self._times = deque(maxlen=self._many)
        now = monotonic()
        self._times.append(now)
        return len(self._times) == self._many and now - self._times[0] < 60


def parse(text: str | None) -> dict[str, Any]:
    """A client's message. Raises Mistake."""
    if text is None:
        raise Mistake("Only text is read here.")
    if len(text.encode()) > LONGEST_MESSAGE:
        raise Mistake(f"A message has at most {LONGEST_MESSAGE} bytes.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Mistake("A message is a JSON object.") from error
    if not isinstance(message, dict):
        raise Mistake("A message is a JSON object.")
    return message


def number_of(message: Mapping[str, Any]) -> int:
    """The number that an ack tells. Raises Mistake."""
    seq = message.get("seq")
    if isinstance(seq, bool) or not isinstance(seq, int) or not 0 <= seq <= BIGGEST_NUMBER:
        raise Mistake("`seq` is the number of a notice.")
    return seq


def topics_of(message: Mapping[str, Any], *, user_id: int) -> dict[str, str]:
    """What a follow asks for: each topic, and the client's word for it. Raises Mistake."""
    words = message.get("topics")
    if not isinstance(words, list) or len(words) > TOPICS_FOLLOWED:
        raise Mistake(f"`topics` is a list of at most {TOPICS_FOLLOWED}.")
    return {_topic(word, user_id=user_id): word for word in words}


def _topic(word: Any, *, user_id: int) -> str:
    own = {"me": me(user_id), "desk": desk(user_id), "health": HEALTH}
    if isinstance(word, str) and word in own:
        return own[word]
    found = _LOT.fullmatch(word) if isinstance(word, str) else None
    if not found:
        raise Mistake("A topic is `me`, `desk`, `health` or `lot:` and the id of a lot.")
    return lot(int(found[1]))
