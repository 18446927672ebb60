"""Notices: a row in the cause's own transaction. Its number and its push follow the commit (`relay.py`)."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Model

from parking.connections import after_commit, after_commit_once
from parking.events import CATALOGUE, Channel, Event
from parking.relay import relay


@dataclass(frozen=True)
class Notice:
    """One thing to tell one person; `facts` fill the event's words and travel with the frame."""

    event: Event
    to: int
    dedupe_key: str | None = None
    relevant_until: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """The row's values, its words filled in."""
        return {
            "recipient_id": self.to,
            "event": self.event.code,
            "level": self.event.level,
            "message": self.event.message(self.facts),
            "facts": self.facts,
            "dedupe_key": self.dedupe_key,
            "relevant_until": self.relevant_until and self.relevant_until.isoformat(),
        }


def once_for(event: Event, row: Model) -> str:
    """The dedupe key of an event that happens to a row at most once, whoever announces it."""
    return f"{event.code}:{type(row).__name__}:{row.pk}"


def notify(
    event: Event,
    *,
    to: int,
    dedupe_key: str | None = None,
    relevant_until: datetime | None = None,
    **facts: Any,
) -> None:
    """Tell user `to`, if and when the present transaction commits. The same key again is silence."""
    notify_many([Notice(event, to, dedupe_key, relevant_until, facts)])


def notify_many(notices: Sequence[Notice]) -> None:
    """Write the rows in the present transaction; number and push them after its commit."""
    if not notices:
        return
    rows = json.dumps([notice.row() for notice in notices])
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_ROWS, [rows, Channel.INBOX, _critical()])
    after_commit_once(_relay_of_one_commit, {notice.to for notice in notices})


@contextmanager
def told_together() -> Iterator[None]:
    """What is committed inside is numbered and pushed at the end, for everybody in one go.

    When thousands of timers are due, the last of them would otherwise wait until those before it are told.
    """
    recipients: set[int] = set()
    token = _waiting.set(recipients)
    try:
        yield
    finally:
        _waiting.reset(token)
        if recipients:
            after_commit(lambda: relay(sorted(recipients)))


# Whom what is committed inside `told_together` is for.
_waiting: ContextVar[set[int] | None] = ContextVar("waiting", default=None)


def _relay_of_one_commit(recipients: set[int]) -> None:
    waiting = _waiting.get()
    if waiting is None:
        relay(sorted(recipients))
    else:
        waiting.update(recipients)


# One parameter for all rows: `bulk_create` spends more time on composing its statement for a batch
# of notices than PostgreSQL does on everything that happens to the batch.
_WRITE_ROWS = """
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%s) AS given
        (recipient_id bigint, event text, level text, message text, facts jsonb, dedupe_key text,
         relevant_until timestamptz)
), mutes AS (
    SELECT user_id, event, array_agg(channel ORDER BY channel) AS channels
    FROM parking_mute WHERE user_id IN (SELECT recipient_id FROM given) GROUP BY user_id, event
)
INSERT INTO parking_notification
    (recipient_id, event, level, message, facts, dedupe_key, relevant_until, muted)
SELECT given.*, coalesce(channels, '{}')
FROM given LEFT JOIN mutes ON mutes.user_id = recipient_id AND mutes.event = given.event
WHERE channels IS NULL OR %s <> ALL (channels) OR given.event = ANY (%s)
ON CONFLICT DO NOTHING
"""


def _critical() -> list[str]:
    """The events that nobody can keep out of their inbox."""
    return [event.code for event in CATALOGUE.values() if event.critical]
