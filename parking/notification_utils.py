"""The public doorway for notices of one's own: `send_ws_notification`.

What it sends is a notice like any other: a row with the next number, pushed after the commit, replayed
to whoever was away, shown in the inbox.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from channels.db import database_sync_to_async
from django.db import close_old_connections, transaction

from parking.errors import Invalid, NotFound
from parking.events import ANNOUNCEMENT, Level
from parking.models import User
from parking.notifications import notify

LONGEST_MESSAGE = 1000

# For callers inside an event loop: one thread, so one connection.
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="send_ws_notification")


def send_ws_notification(user_id: int, level: str, message: str) -> None:
    """Tell a user something, now and on every screen; if they are away, when they return.

    `level` is info, success, warning or error. In a transaction it is told when that commits. May be
    called from anywhere; inside an event loop `asend_ws_notification` does not hold up the loop.
    Raises Invalid for another level, an empty message or one over 1,000 characters, NotFound for a
    user there is not.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        _send(user_id, level, message)
    else:
        _thread.submit(_send_in_thread, user_id, level, message).result()


async def asend_ws_notification(user_id: int, level: str, message: str) -> None:
    """`send_ws_notification`, awaited."""
    await database_sync_to_async(_send)(user_id, level, message)


def _send(user_id: int, level: str, message: str) -> None:
    if level not in list(Level):
        raise Invalid(level=f"A level is one of {', '.join(Level)}.")
    if not isinstance(message, str) or not message.strip() or len(message) > LONGEST_MESSAGE:
        raise Invalid(message=f"A message is a text of 1 to {LONGEST_MESSAGE} characters.")
    if "\0" in message or any("\ud800" <= letter <= "\udfff" for letter in message):
        raise Invalid(message="A message has no NUL character and no half of a surrogate pair.")
    with transaction.atomic():
        known = isinstance(user_id, int) and not isinstance(user_id, bool)
        if not known or not User.objects.filter(pk=user_id).exists():
            raise NotFound("user")
        notify(replace(ANNOUNCEMENT, level=Level(level)), to=user_id, words=message)


def _send_in_thread(user_id: int, level: str, message: str) -> None:
    close_old_connections()
    _send(user_id, level, message)
