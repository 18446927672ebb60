"""What of a notice goes over a socket, and to whom of the channel layer."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count

from parking.models import Notification


def frame(row: Notification, *, unread: int, replayed: bool = False, relevant: bool = True) -> dict[str, Any]:
    """A numbered notice as the socket sends it (docs/socket.md)."""
    return {
        **row.facts,
        "type": row.level,
        "message": row.message,
        "id": row.pk,
        "seq": row.seq,
        "event": row.event,
        "created_at": instant(row.created_at),
        "relevant_until": instant(row.relevant_until) if row.relevant_until else None,
        "replayed": replayed,
        "relevant": relevant,
        "muted": row.muted,
        "unread": unread,
    }


def instant(moment: datetime) -> str:
    """The moment as every door writes it: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def group_of(user_id: int) -> str:
    """The channel-layer group of all of a user's sockets."""
    return f"user.{user_id}"


def unread_counts(recipients: Iterable[int]) -> dict[int, int]:
    """How many numbered notices each of these users has not read; absent means none."""
    return dict(
        Notification.objects.filter(recipient__in=recipients, read_at__isnull=True, seq__isnull=False)
        .values_list("recipient_id")
        .annotate(unread=Count("pk"))
    )
