"""The database's clock, made to stand still until it is told the time: a day passes in no time at all.

PostgreSQL looks a function up along the search path. With a schema of ours before its own catalogue, all
that asks the time is told ours, exactly; so the model knows every instant, also that of a boundary.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import connection

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# A sequence keeps the time, because no rollback turns it back.
_STOP = """
CREATE SCHEMA still;
CREATE SEQUENCE still.microseconds;
CREATE FUNCTION still.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT timestamptz 'epoch' + last_value * interval '1 microsecond' FROM still.microseconds $$;
CREATE FUNCTION still.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT still.clock_timestamp() $$;
CREATE FUNCTION still.now() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT still.clock_timestamp() $$;
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = still, pg_catalog, public', current_database());
END $$;
"""
_GO_ON = """
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I RESET search_path', current_database());
END $$;
DROP SCHEMA still CASCADE;
"""
# The defaults of columns were looked up when their tables were made.
_DEFAULTS = """
SELECT format('ALTER TABLE %I ALTER COLUMN %I SET DEFAULT ', table_name, column_name)
FROM information_schema.columns
WHERE table_schema = 'public' AND column_default LIKE '%statement_timestamp()'
"""


class StillClock:
    """What the database takes for the time."""

    now = EPOCH

    def set(self, moment: datetime) -> None:
        """It is this moment now."""
        self.now = moment
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval('still.microseconds', %s)", [(moment - EPOCH) // MICROSECOND])

    def sleep(self, seconds: float) -> None:
        """What `time.sleep` is to the time of day."""
        self.set(self.now + timedelta(seconds=seconds))


@contextmanager
def still_clock() -> Iterator[StillClock]:
    """Let the database's clock stand still; it goes on when the context ends."""
    try:
        _execute(_STOP)
        _default("still.statement_timestamp()")
        yield StillClock()
    finally:
        _default("pg_catalog.statement_timestamp()")
        _execute(_GO_ON)


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
    # A connection knows the path that was set when it was made.
    connection.close()
    connection.close_pool()


def _default(function: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_DEFAULTS)
        for (begin,) in cursor.fetchall():
            cursor.execute(begin + function)
