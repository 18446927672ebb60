"""What a socket asks of the database: where an inbox stands, what was missed, what was seen."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
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


def welcome(user_id: int, position: Position) -> Welcome:
    """Where this inbox stands, and all that came after the client's position, or a reset.

    Without a position it is the one that this user's clients acknowledged. Makes the inbox of a user
    who never had a notice.
    """
    inbox, _ = Inbox.objects.get_or_create(user_id=user_id)
    after = inbox.acked if position.after is None else position.after
    at, unread = now(), unread_counts([user_id]).get(user_id, 0)
    rows = _after(inbox, after) if position.epoch in (None, str(inbox.epoch)) else None
    hello = {
        "type": "info",
        "message": "Connected to real-time notifications",
        "connected": True,
        "user_id": user_id,
        "seq": inbox.head,
        "epoch": str(inbox.epoch),
        "reset": rows is None,
        "unread": unread,
        "server_time": instant(at),
    }
    return Welcome(hello, inbox.epoch, [_frame(row, unread, at, replayed=True) for row in rows or ()])


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


def _after(inbox: Inbox, after: int) -> list[Notification] | None:
    """All notices after this number, or None if that is not a complete replay of at most 500."""
    if not inbox.head - LONGEST_REPLAY <= after <= inbox.head:
        return None
    rows = Notification.objects.filter(recipient=inbox.user_id, seq__gt=after, seq__lte=inbox.head)
    found = list(rows.order_by("seq"))
    # Fewer than the numbers say: some were purged.
    return found if len(found) == inbox.head - after else None


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
