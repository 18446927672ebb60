"""Numbers and pushes for the notices that are committed.

A push is only a hint that carries the row. It may fail, and nothing else happens then.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from channels.layers import get_channel_layer
from django.db import OperationalError, connection, transaction

from parking.connections import is_held, let_go_if_silent, wait_at_most
from parking.frames import frame, group_of
from parking.models import Inbox, Notification

logger = logging.getLogger(__name__)

# How many recipients one transaction numbers: few enough to be quick, many enough to be cheap.
RECIPIENTS_PER_BATCH = 500

# … and how many notices: a heap that was left behind must not fill the memory of whoever relays it.
NOTICES_PER_BATCH = 2500

# How many numbered notices may wait for the heap's others to be numbered, before they are pushed: a number is
# what is promised, and clients that are sent what they were pushed take the machine's time from it.
NOTICES_WAITING = 4 * NOTICES_PER_BATCH

# … and how many of a heap are read and pushed at a time.
NOTICES_PER_PUSH = 500

# How long an inbox that somebody holds is waited for, in milliseconds: another relay is done by then, and
# whoever waits, be it the sweeper, has other timers to fire within their three seconds.
HELD_FOR = 500


def relay(recipients: Sequence[int]) -> int:
    """Number and push what these users' inboxes hold without a number; return how many that were.

    An inbox that somebody holds is waited for a moment, after all others; then it is left to the sweeper.
    """
    done, held = _relay_free(recipients)
    return done + (_relay_held(held) if held else 0)


def relay_left_behind() -> int:
    """Relay what a crash left without a number, for whomever; return how many notices that were.

    Nobody is waited for: what is held is looked at again in a second.
    """
    unnumbered = Notification.objects.filter(seq__isnull=True)
    recipients = unnumbered.order_by("recipient_id").values_list("recipient_id", flat=True).distinct()
    done, _ = _relay_free(list(recipients))
    return done


_GIVE_NUMBERS = """
WITH waiting AS MATERIALIZED (
    -- One recipient after the other, by the index of what waits: there PostgreSQL forgets, as it goes, what
    -- has its number by now. By a bitmap it would read all that ever waited, until a vacuum.
    SELECT n.id, n.recipient_id FROM unnest(%s::bigint[]) AS r (recipient_id), LATERAL (
        SELECT id, recipient_id FROM parking_notification
        WHERE recipient_id = r.recipient_id AND seq IS NULL ORDER BY id LIMIT %s
    ) n ORDER BY n.id LIMIT %s
), numbered AS (
    SELECT n.id, i.head + row_number() OVER (PARTITION BY n.recipient_id ORDER BY n.id) AS seq
    FROM waiting n JOIN parking_inbox i ON i.user_id = n.recipient_id
), written AS (
    UPDATE parking_notification n
    SET seq = numbered.seq, committed_at = clock_timestamp() FROM numbered WHERE n.id = numbered.id
    -- Named one by one: a prepared statement with a * fails once a migration has added a column.
    RETURNING n.id, n.recipient_id, n.event, n.level, n.message, n.facts, n.created_at, n.relevant_until,
        n.muted, n.seq
), moved AS (
    UPDATE parking_inbox i SET head = last.seq
    FROM (SELECT recipient_id, max(seq) AS seq FROM written GROUP BY recipient_id) last
    WHERE i.user_id = last.recipient_id
), before AS MATERIALIZED (
    -- Only of those who are told something here: somebody may have thousands.
    SELECT r.recipient_id, (
        SELECT count(*) FROM parking_notification
        WHERE recipient_id = r.recipient_id AND seq IS NOT NULL AND read_at IS NULL
    ) AS unread FROM (SELECT DISTINCT recipient_id FROM written) r
)
SELECT written.*, before.unread + count(*) OVER (PARTITION BY written.recipient_id) AS unread
FROM written JOIN before ON before.recipient_id = written.recipient_id
ORDER BY written.recipient_id, seq
"""


def _relay_free(recipients: Sequence[int]) -> tuple[int, list[int]]:
    """Relay the inboxes that nobody holds; return how many notices that were, and whose are held."""
    done, held = 0, []
    for start in range(0, len(recipients), RECIPIENTS_PER_BATCH):
        batch = recipients[start : start + RECIPIENTS_PER_BATCH]
        relayed, free = _relay_batch(batch)
        done += relayed
        held += sorted(set(batch) - set(free))
    return done, held


def _relay_batch(batch: Sequence[int]) -> tuple[int, list[int]]:
    """Relay those of these inboxes that nobody holds; return how many notices that were, and who is free."""
    done, heap, more = 0, dict[int, int](), True
    while more:
        with transaction.atomic(durable=True):
            let_go_if_silent()
            free = _lock_free_inboxes(batch)
            rows = _number(free)
        done += len(rows)
        more = len(rows) == NOTICES_PER_BATCH
        if not more and not heap:
            _push(rows)
            break
        heap |= {row.pk: row.unread for row in rows}
        # Read anew when they are pushed: a heap must not fill the memory.
        rows.clear()
        if not more or len(heap) >= NOTICES_WAITING:
            _push_heap(heap)
            heap = {}
    return done, free


def _relay_held(recipients: Sequence[int]) -> int:
    """Relay inboxes that were held a moment ago, mostly by another relay; return how many notices."""
    try:
        with transaction.atomic(durable=True):
            let_go_if_silent()
            wait_at_most(HELD_FOR)
            _lock_inboxes(_LOCK, recipients)
            rows = _number(recipients)
    except OperationalError as error:
        if not is_held(error):
            raise
        logger.warning("Inboxes are held by somebody", extra={"users": list(recipients)[:10]})
        return 0
    _push(rows)
    more = len(rows) == NOTICES_PER_BATCH
    return len(rows) + (relay(recipients) if more else 0)


def _number(recipients: Sequence[int]) -> list[Any]:
    """Give the next numbers of each of these locked inboxes, in the order in which rows became visible.

    At most NOTICES_PER_BATCH of them, oldest first. Each row also says as `unread` how many its recipient has
    not read, with all of these.

    A statement of its own after the locks, so that it sees what the last holder committed: in one
    statement with them it would number from a stale snapshot.
    """
    given = [list(recipients), NOTICES_PER_BATCH, NOTICES_PER_BATCH]
    return list(Notification.objects.raw(_GIVE_NUMBERS, given))


def _lock_free_inboxes(recipients: Sequence[int]) -> list[int]:
    """Lock those of these inboxes that nobody holds, and make those that are missing; whose they are.

    One that is waited for would keep all others of the batch from being told, and whoever relays,
    the sweeper too, from its next timers.
    """
    free = _lock_inboxes(_LOCK_FREE, recipients)
    if len(free) < len(recipients):
        there = Inbox.objects.filter(user__in=recipients).values_list("user_id", flat=True)
        missing = set(recipients) - set(there)
        if missing:
            made = [Inbox(user_id=user_id) for user_id in sorted(missing)]
            Inbox.objects.bulk_create(made, ignore_conflicts=True)
            free = _lock_inboxes(_LOCK_FREE, recipients)
    return free


_LOCK = "SELECT user_id FROM parking_inbox WHERE user_id = ANY(%s) ORDER BY user_id FOR UPDATE"
_LOCK_FREE = f"{_LOCK} SKIP LOCKED"


def _lock_inboxes(statement: str, recipients: Sequence[int]) -> list[int]:
    """Whose inboxes are locked now until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(recipients)])
        return [user_id for (user_id,) in cursor.fetchall()]


def _push_heap(unread: Mapping[int, int]) -> None:
    """Push these numbered notices piece by piece. `unread`: by the key of each, what it says as that."""
    keys = list(unread)
    for start in range(0, len(keys), NOTICES_PER_PUSH):
        _push(_read(keys[start : start + NOTICES_PER_PUSH], unread))


def _read(keys: Sequence[int], unread: Mapping[int, int]) -> list[Any]:
    """These numbered notices, as `_number` gives them."""
    rows = list(Notification.objects.filter(pk__in=keys).order_by("recipient", "seq"))
    for row in rows:
        row.unread = unread[row.pk]  # type: ignore[attr-defined]
    return rows


def _push(rows: Sequence[Any]) -> None:
    """Hand the frames to the channel layer in one go; record when, or count what was not sent."""
    if not rows:
        return
    try:
        get_channel_layer().group_send_many([_message(row) for row in rows])
    except OSError as error:
        logger.warning("Notices were stored but not pushed", extra={"count": len(rows), "error": str(error)})
        return
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_PUSHED, [sorted(row.pk for row in rows)])


# In the order in which acknowledgements lock the same rows: else the two could wait for each other.
_WRITE_PUSHED = """
WITH rows AS (
    SELECT id FROM parking_notification WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
)
UPDATE parking_notification n SET pushed_at = clock_timestamp() FROM rows WHERE n.id = rows.id
"""


def _message(row: Any) -> tuple[str, dict[str, Any]]:
    text = json.dumps(frame(row, unread=row.unread))
    return group_of(row.recipient_id), {"type": "notice", "seq": row.seq, "text": text}
