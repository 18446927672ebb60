"""What stands before a run: a PostgreSQL that may be broken, and a database of people and slots to copy."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg

from parkmate.embedded import Postgres
from tests.faults.unguarded import WITHOUT
from tests.live.box import ROOT

# So many drivers that a thousand clients are at most nine of each: ten is the limit.
DRIVERS, SLOTS, CROWD_SLOTS = 120, 40, 2000

# The traffic's people and slots, and the crowd's slots. The schedule is as short as the other times.
_PEOPLE = f"""
from decimal import Decimal
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
from django_celery_beat.models import IntervalSchedule
from parking.models import Lot, Slot, User
IntervalSchedule.objects.filter(every__lte=60).update(every=2)
owner = User.objects.create(username="omar", password="!", role=User.Role.OWNER)
def lot(name, slots):
    made = Lot.objects.create(owner=owner, name=name, address="1 High Street")
    Slot.objects.bulk_create(
        Slot(lot=made, number=number, hourly_rate=Decimal("6.00")) for number in range(1, slots + 1)
    )
    return list(made.slots.order_by("pk").values_list("pk", flat=True))
def person(user):
    client = Client()
    client.force_login(user)
    return user.pk, client.cookies["sessionid"].value
drivers = [User.objects.create(username=f"driver{{n}}", password="!") for n in range({DRIVERS})]
import json
print(json.dumps(dict(
    drivers=[person(user) for user in drivers], owner=person(owner),
    slots=lot("Central", {SLOTS}), crowd_slots=lot("Stadium", {CROWD_SLOTS}),
)))
"""

# What happened to a row, by the moment of the commit: what no update of the row itself can take back.
WITNESS = """
CREATE TABLE witness (
    id bigint GENERATED ALWAYS AS IDENTITY, subject text, row_id bigint, was text, became text,
    at timestamptz DEFAULT clock_timestamp(), xact xid8 DEFAULT pg_current_xact_id()
);
CREATE FUNCTION witness_state() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO witness (subject, row_id, was, became)
    VALUES (TG_ARGV[0], NEW.id, to_jsonb(OLD) ->> TG_ARGV[1], to_jsonb(NEW) ->> TG_ARGV[1]);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER witness_new AFTER INSERT ON parking_timer
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION witness_state('timer', 'state');
CREATE CONSTRAINT TRIGGER witness_moved AFTER UPDATE ON parking_timer
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION witness_state('timer', 'state');
CREATE CONSTRAINT TRIGGER witness_new AFTER INSERT ON parking_booking
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION witness_state('booking', 'status');
CREATE CONSTRAINT TRIGGER witness_moved AFTER UPDATE ON parking_booking
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION witness_state('booking', 'status');
CREATE CONSTRAINT TRIGGER witness_new AFTER INSERT ON parking_notification
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION witness_state('notice', 'seq');
CREATE CONSTRAINT TRIGGER witness_moved AFTER UPDATE ON parking_notification
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.seq IS DISTINCT FROM NEW.seq)
    EXECUTE FUNCTION witness_state('notice', 'seq');
"""
WITNESS_GONE = """
DROP TABLE IF EXISTS witness;
DROP FUNCTION IF EXISTS witness_state CASCADE;
"""


@dataclass(frozen=True)
class Person:
    """Somebody with an account, and the session of their browser."""

    id: int
    session: str


@dataclass(frozen=True)
class Ground:
    """A running PostgreSQL of our own, and who and what is in every database copied from its template."""

    postgres: Postgres
    drivers: list[Person]
    owner: Person
    slots: list[int]
    crowd_slots: list[int]

    def url(self, database: str) -> str:
        """The server itself, past every proxy."""
        return f"postgresql://postgres@/{database}?host={self.postgres.socket_directory}&port=5432"

    def administer(self, statement: str) -> None:
        """Say this as the database's operator."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def database(self) -> Iterator[str]:
        """A fresh copy of the template; its name."""
        name = f"faults_{next(_numbers)}"
        self.administer(f"CREATE DATABASE {name} TEMPLATE template_of_faults")
        try:
            yield name
        finally:
            self.administer(f"DROP DATABASE {name} WITH (FORCE)")


_numbers = count(1)


@contextmanager
def ground(directory: Path, *, also: str = "") -> Iterator[Ground]:
    """Make all that, once for all runs. Unlike the tests' own PostgreSQL it keeps what it has committed.

    `also`: what the template's database is told besides.
    """
    postgres = Postgres(directory, max_connections=100)
    postgres.start()
    try:
        empty = Ground(postgres, [], Person(0, ""), [], [])
        empty.administer("CREATE DATABASE template_of_faults")
        template = empty.url("template_of_faults")
        made = json.loads(
            subprocess.run(
                [sys.executable, "manage.py", "shell", "--no-imports", "-c", _PEOPLE],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": template, "PARKMATE_LOG_LEVEL": "ERROR"},
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for us, who then end it
                check=True,
            ).stdout
        )
        with psycopg.connect(template, autocommit=True) as connection:
            connection.execute(f"{WITNESS}{also}")
            if WITHOUT == "slot":
                connection.execute("ALTER TABLE parking_booking DROP CONSTRAINT booking_slot_held_once")
        yield Ground(
            postgres,
            [Person(*row) for row in made["drivers"]],
            Person(*made["owner"]),
            made["slots"],
            made["crowd_slots"],
        )
    finally:
        postgres.stop()
