"""A Valkey that refuses ends nobody: worker and beat say so in a line, wait, and go on when it is over."""

import signal

import psutil
import pytest

from parkmate.celery import app
from tests.live.box import until
from tests.live.conftest import boxes

pytestmark = pytest.mark.timeout(120)

# What is said to Valkey so that it refuses, and what ends it.
KILL_CLIENTS = ("CLIENT KILL TYPE normal", "CLIENT KILL TYPE pubsub")
REFUSALS = {
    "a replica after a failover": (["REPLICAOF 127.0.0.1 1"], ["REPLICAOF NO ONE"]),
    "a replica without its master": (
        ["CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 1"],
        ["REPLICAOF NO ONE"],
    ),
    "too few replicas": (["CONFIG SET min-replicas-to-write 1"], ["CONFIG SET min-replicas-to-write 0"]),
    "no permission": (["ACL SETUSER default -@write"], ["ACL SETUSER default +@all"]),
    "no room": (["CONFIG SET maxclients 1", *KILL_CLIENTS], ["CONFIG SET maxclients 10000"]),
}
QUICK = "a replica after a failover"

TIDY_EVERY_SECOND = """
WITH second AS (
    INSERT INTO django_celery_beat_intervalschedule (every, period) VALUES (1, 'seconds') RETURNING id
)
UPDATE django_celery_beat_periodictask SET interval_id = second.id, crontab_id = NULL
FROM second WHERE task = 'tasks.operations.tidy'
"""


def is_tidied(box):
    """Whether work still goes from beat to the worker, and is done."""
    leave_a_stale_row(box)
    until(lambda: not box.rows("SELECT 1 FROM django_session"))
    return True


def leave_a_stale_row(box):
    box.rows("INSERT INTO django_session VALUES ('stale', '', now() - interval '1 day')")


@pytest.fixture(scope="module")
def box(migrated, tmp_path_factory):
    """A worker, and a beat that lets it tidy every second: what is stale is gone soon."""
    with boxes(migrated, tmp_path_factory.mktemp("broker")) as start:
        live = start("worker")
        live.rows(TIDY_EVERY_SECOND)
        live.start("beat")
        assert is_tidied(live)
        yield live


@pytest.fixture
def said(box):
    """What a process has said since the test began; at its end all live, without traces or more handles."""
    length = {name: len(box.log(name)) for name in box.processes}
    main = {name: psutil.Process(process.pid) for name, process in box.processes.items()}
    handles = main["worker"].num_fds()
    yield lambda name: box.log(name)[length[name] :]
    assert all(process.poll() is None for process in box.processes.values())
    assert not any("Traceback" in box.log(name)[length[name] :] for name in length)
    until(lambda: main["worker"].num_fds() <= handles)


@pytest.fixture
def order(box):
    """Says commands to Valkey on one connection, which is the one that it lets in where it lets in one."""
    with box.valkey_client() as client:
        client.ping()

        def say(*commands):
            for command in commands:
                client.execute_command(*command.split())

        yield say


def test_a_worker_does_what_a_full_valkey_cannot_keep_for_another(box, said, order):
    box.kill("worker", signal.SIGSTOP)
    leave_a_stale_row(box)
    with app.connection_for_write(url=box.valkey.url) as connection:
        app.send_task("tasks.operations.tidy", connection=connection)
    order("CONFIG SET maxmemory 1")
    box.kill("worker", signal.SIGCONT)
    until(lambda: not box.rows("SELECT 1 FROM django_session"))
    until(lambda: "A row of the schedule was not sent" in said("beat"))
    order("CONFIG SET maxmemory 0")
    assert is_tidied(box)
    assert said("worker").count("Redis takes no messages") == 1


@pytest.mark.parametrize(
    "refusal", [pytest.param(name, marks=[] if name == QUICK else pytest.mark.slow) for name in REFUSALS]
)
def test_a_worker_waits_for_a_valkey_that_refuses(box, said, order, refusal):
    refuse, allow = REFUSALS[refusal]
    order(*refuse)
    until(lambda: "Trying again in 4.00 seconds" in said("worker"))
    order(*allow)
    assert is_tidied(box)
    assert said("worker").count("Cannot connect") <= 3
