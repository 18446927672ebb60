"""Who opened a socket, by what sign-in, and whether that still holds."""

import hashlib
import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now

from parking.connections import after_commit
from parking.frames import group_of
from parking.models import DeviceToken, Ticket, User

logger = logging.getLogger(__name__)

TICKET_LIFE = timedelta(seconds=30)


@dataclass(frozen=True)
class Credentials:
    """A sign-in: a person with the password they had, by a session or a device's token."""

    user_id: int
    password: str
    session_key: str = ""
    token_id: int | None = None


def of_session(session_key: str) -> Credentials | None:
    """The sign-in of a session cookie, or None if it is nobody's (any more)."""
    if not session_key.isalnum():
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user: Any = get_user(SimpleNamespace(session=store))  # type: ignore[arg-type]  # all it needs
    return Credentials(user.pk, user.password, session_key) if user.is_authenticated else None


def issue_ticket(user: User, *, origin: str, session_key: str = "", token_id: int | None = None) -> str:
    """A ticket for one socket from this origin within 30 s; only its hash is stored.

    The person's expired ones go at this occasion: nobody else would miss them.
    """
    Ticket.objects.filter(user=user, expires_at__lte=Now()).delete()
    ticket = secrets.token_urlsafe(32)
    Ticket.objects.create(
        digest=_digest(ticket),
        user=user,
        origin=origin,
        session_key=session_key,
        token_id=token_id,
        expires_at=Now() + TICKET_LIFE,
    )
    return ticket


def take_ticket(ticket: str, *, origin: str) -> Credentials | None:
    """Use a ticket up; None if it is unknown, used, expired, or from another origin."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [_digest(ticket), origin])
        row = cursor.fetchone()
    if row is None:
        return None
    user_id, session_key, token_id = row
    user = User.objects.filter(pk=user_id, is_active=True).first()
    taken = user and Credentials(user_id, user.password, session_key, token_id)
    return taken if taken and still_hold([taken]) else None


def still_hold(many: Sequence[Credentials]) -> set[Credentials]:
    """Those of these sign-ins that still hold: not signed out, disabled, or of an older password."""
    users = dict(
        User.objects.filter(pk__in={one.user_id for one in many}, is_active=True).values_list(
            "pk", "password"
        )
    )
    now = Q(expire_date__gt=Now())
    keys = {one.session_key for one in many if one.session_key}
    sessions = set(Session.objects.filter(now, session_key__in=keys).values_list("session_key", flat=True))
    unexpired = Q(expiry__isnull=True) | Q(expiry__gt=Now())
    ids = {one.token_id for one in many if one.token_id}
    tokens = set(DeviceToken.objects.filter(unexpired, pk__in=ids).values_list("pk", flat=True))
    return {
        one
        for one in many
        if users.get(one.user_id) == one.password
        and (one.session_key in sessions if one.session_key else one.token_id in tokens)
    }


def look_again(user_ids: Iterable[int]) -> None:
    """After the commit, let every open socket of these users find out whether its sign-in still holds.

    Where Redis is away the sockets find out by themselves, within a minute.
    """
    sends = [(group_of(user_id), {"type": "credentials.changed"}) for user_id in user_ids]
    after_commit(lambda: _tell(sends))


def _tell(sends: Sequence[tuple[str, dict[str, Any]]]) -> None:
    try:
        get_channel_layer().group_send_many(sends)
    except OSError as error:
        logger.warning("Sockets were not told of a sign-out", extra={"error": str(error)})


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()


_TAKE = """
DELETE FROM parking_ticket
WHERE digest = %s AND origin = %s AND expires_at > clock_timestamp()
RETURNING user_id, session_key, token_id
"""
