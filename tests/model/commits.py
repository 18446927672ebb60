"""Commits that fail: nothing was done, or all was and nobody is told. The connection is gone with them."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any
from unittest.mock import patch

from django.db import OperationalError, connection

WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)


class Way(Enum):
    """How a commit fails."""

    UNDONE = "rolled back"
    DONE = "committed, and the connection broke before the answer"


Fault = tuple[int, Way]


class Commits:
    """Those of this thread's connection, counted; `struck` is the one that failed, if one did.

    A statement that writes outside a transaction is a commit of its own.
    """

    def __init__(self, fault: Fault | None) -> None:
        self._fault = fault
        self.count = 0
        self.struck: Fault | None = None

    def transaction(self, commit: Callable[[], None]) -> None:
        """In the place of the connection's own commit."""
        if not self._next():
            commit()
        elif self._way is Way.DONE:
            commit()
            self._break()
        else:
            # Said, so that the server has let go of all locks when the caller hears of it.
            connection.connection.rollback()
            self._break()

    def statement(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        """Around each statement."""
        writes = not connection.in_atomic_block and WRITES.match(str(sql))
        if not (writes and self._next()):
            return execute(sql, *rest)
        if self._way is Way.DONE:
            execute(sql, *rest)
        self._break()
        return None

    def _next(self) -> bool:
        """Whether the commit that is to be made now is the one that fails."""
        strikes = self._fault is not None and self.count == self._fault[0]
        self.count += 1
        if strikes:
            self.struck = self._fault
        return strikes

    @property
    def _way(self) -> Way:
        assert self.struck
        return self.struck[1]

    def _break(self) -> None:
        connection.connection.close()
        raise OperationalError("server closed the connection unexpectedly")


@contextmanager
def failing(fault: Fault | None) -> Iterator[Commits]:
    """Let the so-manieth commit fail in this way. What comes after the context has a new connection."""
    commits = Commits(fault)
    commit = type(connection._connections[connection._alias])._commit
    wrapper = connection._connections[connection._alias]
    try:
        with (
            patch.object(wrapper, "_commit", lambda: commits.transaction(lambda: commit(wrapper))),
            connection.execute_wrapper(commits.statement),
        ):
            yield commits
    finally:
        if commits.struck:
            connection.close()
