"""The Celery application. Its settings stand in `celeryconfig.py`, at the top level."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "parkmate.settings")

app = Celery("parkmate")
app.config_from_object("celeryconfig")
