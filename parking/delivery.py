"""What a socket asks of the database: where an inbox stands, what was missed, what was seen."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from parking.connections import let_go_if_silent
from parking.frames import frame, instant, unread_counts
from parking.models import Inbox, Notification
from parking.timers import now

# A replay is complete or it is none: one longer than this is a reset.
LONGEST_REPLAY = 500
# A gap of an open socket is read in pieces of this size: a client that does not read holds one in memory.
GAP_PIECE = 100

Frame = tuple[int, str]


@dataclass(frozen=True)
class Position:
    """Where a client says it stands: the last number it has seen, and the epoch that this counts in."""

    after: int | None = None
    epoch: str | None = None


@dataclass(frozen=True)
class Welcome:
    """The first frame, and the frames that the client missed."""

    hello: dict[str, Any]
    epoch: UUID
    frames: list[Frame] = field(default_factory=list)


def welcome(asked: Sequence[tuple[int, Position]]) -> list[Welcome | None]:
    """For each user and position: where the inbox stands, and all that came after it, or a reset.

    Without a position it is the one that this user's clients acknowledged. Makes the inbox of a user
    who never had a notice; None for one who is not there any more.
    """
    inboxes = _inboxes({user_id for user_id, _ in asked})
    gaps = [_gap(inboxes.get(user_id), position) for user_id, position in asked]
    return [
        gap.inbox.welcome(rows) if gap.inbox else None for gap, rows in zip(gaps, _after(gaps), strict=True)
    ]


@dataclass(frozen=True)
class Standing:
    """How an inbox stands at a moment."""

    user_id: int
    head: int
    acked: int
    epoch: UUID
    unread: int
    at: datetime

    def welcome(self, rows: Sequence[Notification] | None) -> Welcome:
        """What a client is told first; `rows` None: it must read its inbox anew."""
        hello = {
            "type": "info",
            "message": "Connected to real-time notifications",
            "connected": True,
            "user_id": self.user_id,
            "seq": self.head,
            "epoch": str(self.epoch),
            "reset": rows is None,
            "unread": self.unread,
            "server_time": instant(self.at),
        }
        frames = [_frame(row, self.unread, self.at, replayed=True) for row in rows or ()]
        return Welcome(hello, self.epoch, frames)


class Gap(NamedTuple):
    """What a client of this inbox has not seen: all after this number, or more than is replayed (None)."""

    inbox: Standing | None
    after: int | None

    @property
    def size(self) -> int:
        return 0 if self.inbox is None or self.after is None else self.inbox.head - self.after


def _gap(inbox: Standing | None, position: Position) -> Gap:
    if inbox is None or position.epoch not in (None, str(inbox.epoch)):
        return Gap(inbox, None)
    after = inbox.acked if position.after is None else position.after
    return Gap(inbox, after if inbox.head - LONGEST_REPLAY <= after <= inbox.head else None)


def _inboxes(user_ids: Collection[int]) -> dict[int, Standing]:
    """How these users' inboxes stand, in one query; those that are missing are made."""

    def read() -> dict[int, Standing]:
        cursor.execute(_STAND, [list(user_ids)])
        return {row[0]: Standing(*row) for row in cursor.fetchall()}

    with connection.cursor() as cursor:
        found = read()
        if len(found) < len(user_ids):
            cursor.execute(_MAKE_INBOXES, [sorted(set(user_ids) - set(found))])
            found = read()
    return found


_STAND = """
SELECT i.user_id, i.head, i.acked, i.epoch, (
    SELECT count(*) FROM parking_notification
    WHERE recipient_id = i.user_id AND seq IS NOT NULL AND read_at IS NULL
), clock_timestamp()
FROM parking_inbox i WHERE i.user_id = ANY(%s)
"""
# Of users who are there: one who was deleted in this moment must not keep the others out.
_MAKE_INBOXES = """
INSERT INTO parking_inbox (user_id, head, acked, epoch)
SELECT id, 0, 0, gen_random_uuid() FROM parking_user WHERE id = ANY(%s) FOR KEY SHARE
ON CONFLICT DO NOTHING
"""


def missed(user_id: int, *, after: int) -> list[Frame]:
    """The next frames of an open socket's gap, in order; at most GAP_PIECE, none if there is no gap."""
    rows = list(Notification.objects.filter(recipient=user_id, seq__gt=after).order_by("seq")[:GAP_PIECE])
    at, unread = now(), unread_counts([user_id]).get(user_id, 0)
    return [_frame(row, unread, at, replayed=False) for row in rows]


def heads(user_ids: Iterable[int]) -> dict[int, tuple[int, UUID]]:
    """The last number and the epoch of each of these inboxes, in one query."""
    rows = Inbox.objects.filter(user__in=list(user_ids)).values_list("user_id", "head", "epoch")
    return {user_id: (head, epoch) for user_id, head, epoch in rows}


def acknowledge(seen: Mapping[int, int]) -> dict[int, int]:
    """Move these users' positions forward to these numbers, never back and never beyond the head.

    Returns what is not written, because somebody holds that inbox: whoever waited for it would hold all
    the others meanwhile, and nobody could be told anything.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        let_go_if_silent()
        inboxes = Inbox.objects.filter(user__in=list(seen)).order_by("user_id")
        locked = inboxes.select_for_update(no_key=True, skip_locked=True)
        free = set(locked.values_list("user_id", flat=True))
        # A statement of its own after the locks, so that it sees what the last holder committed.
        cursor.execute(_ACKNOWLEDGE, [list(free), [seen[user_id] for user_id in free]])
        if len(free) == len(seen):
            return {}
        held = set(inboxes.values_list("user_id", flat=True)) - free
        return {user_id: seen[user_id] for user_id in held}


def _after(gaps: Sequence[Gap]) -> list[list[Notification] | None]:
    """The notices of each gap, oldest first, or None if it cannot be told completely."""
    found: list[list[Notification]] = [[] for _ in gaps]
    for piece in _pieces(gaps):
        asked = [(gap.inbox.user_id, gap.after, gap.inbox.head) for _, gap in piece if gap.inbox]
        for row in Notification.objects.raw(_MISSED, [*map(list, zip(*asked, strict=True))]):
            number, _ = piece[row.asked - 1]  # type: ignore[attr-defined]
            found[number].append(row)
    # Fewer than the numbers say: some were purged.
    return [
        None if gap.after is None or len(rows) < gap.size else rows
        for gap, rows in zip(gaps, found, strict=True)
    ]


def _pieces(gaps: Sequence[Gap]) -> Iterator[list[tuple[int, Gap]]]:
    """Those that hold something, by their place, together as many as one query may read."""
    piece: list[tuple[int, Gap]] = []
    for number, gap in enumerate(gaps):
        if piece and gap.size + sum(other.size for _, other in piece) > LONGEST_REPLAY:
            yield piece
            piece = []
        if gap.size:
            piece.append((number, gap))
    if piece:
        yield piece


_MISSED = """
SELECT n.id, n.recipient_id, n.event, n.level, n.message, n.facts, n.created_at, n.relevant_until, n.muted,
    n.seq, asked.number AS asked
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) WITH ORDINALITY AS asked (user_id, after, head, number)
JOIN parking_notification n ON n.recipient_id = user_id AND n.seq > after AND n.seq <= head
ORDER BY asked.number, n.seq
"""


def _frame(row: Notification, unread: int, at: datetime, *, replayed: bool) -> Frame:
    relevant = row.relevant_until is None or at < row.relevant_until
    return row.seq or 0, json.dumps(frame(row, unread=unread, replayed=replayed, relevant=relevant))


_ACKNOWLEDGE = """
WITH seen AS (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS seen (user_id, seq)
), old AS (
    -- In the order in which the relay locks them, too: else the two could wait for each other.
    SELECT i.user_id, i.acked AS before, least(seen.seq, i.head) AS after
    FROM parking_inbox i JOIN seen ON seen.user_id = i.user_id
    WHERE i.acked < least(seen.seq, i.head)
    ORDER BY i.user_id FOR NO KEY UPDATE OF i
), moved AS (
    UPDATE parking_inbox i SET acked = old.after FROM old WHERE i.user_id = old.user_id
), rows AS (
    SELECT n.id FROM parking_notification n JOIN old ON n.recipient_id = old.user_id
    WHERE n.seq > old.before AND n.seq <= old.after AND n.acked_at IS NULL
    ORDER BY n.id FOR NO KEY UPDATE OF n
)
UPDATE parking_notification n SET acked_at = clock_timestamp() FROM rows WHERE n.id = rows.id
"""
