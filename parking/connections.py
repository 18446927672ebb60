"""How we deal with the database's connections: which are kept, what says it is away, who is let go."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connection, connections, transaction
from django.db.models.expressions import RawSQL
from django.db.utils import load_backend
from psycopg.errors import LockNotAvailable

logger = logging.getLogger(__name__)

T = TypeVar("T")

# What is raised while the database is away, or takes no writes, or has ended the transaction: nothing was
# done, and the same may work in a moment.
AWAY = (OperationalError, InterfaceError, InternalError)

# PostgreSQL's class of "invalid transaction state": it takes no writes, or has ended the transaction.
_NOT_NOW = "25"

# How long a process may say nothing in the middle of a transaction that others wait for, in milliseconds:
# with a sweep's second less than the three that a timer may be late when a process dies.
SILENCE = 1500


def let_go_if_silent() -> None:
    """If this process stands still in the present transaction, end it, so that others get its locks.

    Frozen, or cut off from the database, it would keep them for as long as nobody notices.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_LET_GO}", [str(SILENCE)])


_LET_GO = "set_config('idle_in_transaction_session_timeout', %s, true)"


def letting_go_if_silent() -> RawSQL:
    """What does the same as a part of the statement that takes the locks, once, if it finds any rows."""
    return RawSQL(f"(SELECT {_LET_GO})", [str(SILENCE)])  # noqa: S611 - our own words


def wait_at_most(milliseconds: int) -> None:
    """Wait for no lock longer than this in the present transaction: then it fails, and `is_held` says why."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(milliseconds)])


def is_held(error: BaseException) -> bool:
    """Whether this is about a row that somebody else holds."""
    return isinstance(error.__cause__, LockNotAvailable)


def is_away(error: BaseException) -> bool:
    """Whether this is about the database's state, and not about what was asked of it."""
    if isinstance(error, InternalError):
        return str(getattr(error.__cause__, "sqlstate", "")).startswith(_NOT_NOW)
    return isinstance(error, AWAY)


def after_commit(work: Callable[[], object]) -> None:
    """Do this right after the present transaction's commit, if it commits. It cannot fail the cause any more:

    what a database that went away leaves undone, the sweeper and the schedule do. Anything else is a defect.
    """
    transaction.on_commit(lambda: _unless_away(work), robust=True)


def after_commit_once(work: Callable[[set[T]], object], things: Iterable[T]) -> None:
    """As `after_commit`, but one time for all the things that the present transaction has for this work.

    Some may be of a savepoint that was rolled back: the work must not mind things that did not happen.
    """
    for _, waiting, _ in connection.run_on_commit:  # type: ignore[misc]  # the stubs miss `robust`
        if isinstance(waiting, _Once) and waiting.work == work:
            # It goes only with a savepoint that these things are in as well.
            waiting.things.update(things)
            return
    transaction.on_commit(_Once(work, set(things)), robust=True)


class _Once:
    def __init__(self, work: Callable[[set[Any]], object], things: set[Any]) -> None:
        self.work = work
        self.things = things
        # Django's name for it in the log, should it raise.
        self.__qualname__ = work.__qualname__

    def __call__(self) -> None:
        _unless_away(lambda: self.work(self.things))


def _unless_away(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception as error:
        if not is_away(error):
            raise
        logger.warning("What follows a commit was left for later", extra={"error": str(error).strip()})


def keep_one() -> None:
    """From now on this thread keeps one connection of its own, and drops it only when it broke.

    The pool that the settings give is for the threads of requests. Here it would wait and back off while
    the database is away; Celery's Django fixup ends the whole pool after every task; and a web process's
    sockets, all in one thread, would wait behind every request for each of their questions.
    Whoever calls this calls Django's `close_old_connections` before each piece of work.
    """
    given = connections.settings["default"]
    options = {name: value for name, value in given["OPTIONS"].items() if name != "pool"}
    own = {**given, "OPTIONS": options, "CONN_MAX_AGE": None}
    connections["default"].close()
    connections["default"] = load_backend(own["ENGINE"]).DatabaseWrapper(own, "default")
