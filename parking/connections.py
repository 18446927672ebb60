"""How processes that do one thing at a time keep their database connection: the worker's, the sweeper."""

from django.db import connection


def keep_one() -> None:
    """From now on this process keeps one connection, and drops it only when it broke.

    The pool that the settings give is for the threads of a web process. Here it would wait and back
    off while the database is away; and Celery's Django fixup ends the whole pool after every task.
    Whoever calls this calls Django's `close_old_connections` before each piece of work.
    """
    connection.settings_dict["OPTIONS"].pop("pool", None)
    connection.settings_dict["CONN_MAX_AGE"] = None
