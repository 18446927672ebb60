"""Who opened a socket, by what sign-in, and whether that still holds."""

import hashlib
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare

from parking.connections import after_commit
from parking.frames import group_of
from parking.models import DeviceToken, Ticket, User

logger = logging.getLogger(__name__)

TICKET_LIFE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A sign-in: a person with the password they had, by a session or a device's token."""

    user_id: int
    password: str
    session_key: str = ""
    token_id: int | None = None


def of_sessions(session_keys: Sequence[str]) -> list[Credentials | None]:
    """The sign-in of each session cookie; None if it is nobody's (any more)."""
    # PostgreSQL takes no NUL, and would refuse them all.
    keys = {key for key in session_keys if key.isalnum()}
    unexpired = Session.objects.filter(session_key__in=keys, expire_date__gt=Now())
    decode = import_module(settings.SESSION_ENGINE).SessionStore().decode
    sessions = {row.session_key: decode(row.session_data) for row in unexpired}
    ids = {session.get(SESSION_KEY) for session in sessions.values()} - {None}
    users = {str(user.pk): user for user in User.objects.filter(pk__in=ids, is_active=True)}
    return [_sign_in(key, sessions.get(key, {}), users) for key in session_keys]


def _sign_in(key: str, session: Mapping[str, Any], users: Mapping[str, User]) -> Credentials | None:
    """What Django's own `get_user` would find, of rows that are read already."""
    user = users.get(session.get(SESSION_KEY, ""))
    if user is None or session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    # The fallbacks are of secret keys that were replaced a while ago.
    good = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    given = session.get(HASH_SESSION_KEY, "")
    return (
        Credentials(user.pk, user.password, key)
        if any(constant_time_compare(given, one) for one in good)
        else None
    )


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
