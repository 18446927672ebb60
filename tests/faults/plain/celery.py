"""The Celery application, as in Celery's own first steps with Django."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.faults.plain.settings")

app = Celery("plain")
# In all threads: ParkMate's own is loaded as well, and would be taken.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["tests.faults.plain"])
