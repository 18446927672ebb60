"""The Celery application. Its settings stand in `celeryconfig.py`, at the top level."""

import os
from typing import Any

from celery import Celery, signals
from django.db import close_old_connections

from parking.connections import keep_one

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "parkmate.settings")

app = Celery("parkmate")
app.config_from_object("celeryconfig")


@signals.worker_process_init.connect
def keep_one_connection(**_: Any) -> None:
    """Each process of the pool does one task at a time."""
    keep_one()


@signals.task_prerun.connect
def drop_a_broken_connection(**_: Any) -> None:
    """The task gets a connection that works, or opens a new one."""
    close_old_connections()
