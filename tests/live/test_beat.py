"""Beat as a process: it can be stopped at any moment, and it respects what operators changed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest

from tests.live.box import ROOT, until

STOPPED_WITHIN = 2.0

MOMENTS = [
    ("celery.beat:Service.start", 1),
    ("django_celery_beat.schedulers:DatabaseScheduler.setup_schedule", 1),
    # In the middle of a query, with the connection's lock held.
    ("psycopg:Connection.wait", 3),
    ("celery.beat:Scheduler.apply_entry", 1),
    ("django_celery_beat.schedulers:ModelEntry.save", 1),
    ("time:sleep", 1),
]
MORE_MOMENTS = [
    ("celery.apps.beat:Beat.install_sync_handler", 1),
    ("celery.beat:Scheduler.__init__", 1),
    ("django.db.backends.postgresql.base:DatabaseWrapper.get_new_connection", 1),
    ("django_celery_beat.schedulers:DatabaseScheduler.all_as_schedule", 1),
    *(("psycopg:Connection.wait", nth) for nth in (1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 15)),
    ("celery.beat:Scheduler.populate_heap", 1),
    ("kombu.connection:Connection.ensure_connection", 1),
    ("django_celery_beat.models:PeriodicTask.validate_unique", 1),
    ("time:sleep", 2),
]


def stop(box, place, nth, number="SIGTERM"):
    """Let everything be due, start beat, stop it at this moment: its exit code, and how late it ended."""
    box.rows("UPDATE django_celery_beat_periodictask SET last_run_at = now() - interval '3 days'")
    box.start("beat", command=f"exec python -m tests.live.stopped_beat {number} {place} {nth}")
    code = box.processes.pop("beat").wait(20)
    ended = time.monotonic()
    (at,) = re.findall(r"stopped at ([\d.]+)", box.log("beat"))
    return code, ended - float(at)


def judge(box, code, seconds):
    for word in ("Traceback", "Error"):
        assert word not in box.log("beat")
    # Before Celery has a handler, a signal ends it as it ends any program.
    assert code in (0, -signal.SIGTERM)
    assert seconds < STOPPED_WITHIN


@pytest.mark.parametrize(
    ("place", "nth"),
    [*MOMENTS, *(pytest.param(*moment, marks=pytest.mark.slow) for moment in MORE_MOMENTS)],
)
def test_a_stop_at_any_moment_ends_beat_soon_and_without_a_traceback(box, place, nth):
    live = box()
    judge(live, *stop(live, place, nth))


def test_ctrl_c_ends_beat_as_a_stop_does(box):
    live = box()
    judge(live, *stop(live, "psycopg:Connection.wait", 3, "SIGINT"))


def test_a_stop_ends_beat_also_while_the_broker_does_not_answer(box):
    live = box()
    os.kill(live.valkey.pid, signal.SIGSTOP)
    judge(live, *stop(live, "kombu.connection:Connection.ensure_connection", 1))


def test_neither_a_deployment_nor_a_restart_of_beat_undoes_an_operators_change(box):
    live = box()
    live.rows("INSERT INTO django_celery_beat_intervalschedule (every, period) VALUES (7, 'minutes')")
    changes = {
        "tasks.timers.set_alarms": "interval_id = (SELECT max(id) FROM django_celery_beat_intervalschedule)",
        "tasks.notifications.relay": "enabled = false",
        "tasks.operations.purge_inbox": """kwargs = '{"days": 7}', description = 'Ours'""",
    }
    for name, change in changes.items():
        live.rows(f"UPDATE django_celery_beat_periodictask SET {change} WHERE name = %s", name)
    live.rows("DELETE FROM django_celery_beat_periodictask WHERE name = 'tasks.operations.owner_digest'")
    table = "name, task, enabled, interval_id, crontab_id, args, kwargs, description, expire_seconds"
    rows = f"SELECT {table} FROM django_celery_beat_periodictask ORDER BY name"
    before = live.rows(rows)
    assert len(before) == 5
    subprocess.run([sys.executable, "manage.py", "migrate"], cwd=ROOT, env=live.environment, check=True)
    live.start("beat")
    until(lambda: "The schedule is read" in live.log("beat"))
    os.kill(live.processes["beat"].pid, signal.SIGTERM)
    assert live.processes.pop("beat").wait(10) == 0
    assert live.rows(rows) == before


PERIOD = 1.5
PERIODS = 4


@pytest.mark.timeout(120)
@pytest.mark.slow
def test_two_beats_announce_once_a_period(box):
    live = box("worker")
    live.rows(
        "INSERT INTO parking_user (username, password, role, is_active, is_staff, is_superuser,"
        " first_name, last_name, email, date_joined)"
        " VALUES ('omar', '!', 'owner', true, false, false, '', '', '', now())"
    )
    live.rows(
        "WITH period AS (INSERT INTO django_celery_beat_intervalschedule (every, period)"
        " VALUES (%s, 'microseconds') RETURNING id)"
        " INSERT INTO django_celery_beat_periodictask (name, task, interval_id, args, kwargs, description,"
        " enabled, one_off, total_run_count, date_changed, headers)"
        " SELECT 'Hello', 'tasks.operations.announce', id, '[]', %s, '', true, false, 0, now(), '{}'"
        " FROM period",
        int(PERIOD * 1_000_000),
        json.dumps({"level": "info", "words": "Hello", "to": "owners"}),
    )
    live.start("beat")
    first = live.processes.pop("beat")
    live.processes["first beat"] = first
    live.start("beat")
    told = "SELECT extract(epoch FROM created_at) FROM parking_notification WHERE event = 'ANNOUNCEMENT'"
    until(lambda: len(live.rows(told)) > PERIODS)
    # A beat that dies remembers an old moment: its successor sends again what has been sent.
    live.kill("first beat")
    live.processes["third beat"] = live.processes.pop("beat")
    live.start("beat")
    until(lambda: len(live.rows(told)) > 2 * PERIODS)
    moments = sorted(float(moment) for (moment,) in live.rows(told))
    # A tenth of a period is the tolerance; a row's moment is the start of its transaction, somewhat earlier.
    assert min(later - earlier for earlier, later in pairwise(moments)) > 0.85 * PERIOD
    assert len(moments) < (moments[-1] - moments[0]) / PERIOD + 1.2
    assert "Traceback" not in live.log("worker") + live.log("beat")
