"""ParkMate's settings, with the clock and the channel layer of the tutorials."""

import os

from parkmate.settings import *  # noqa: F403
from parkmate.settings import DATABASES, INSTALLED_APPS, REDIS_URL

INSTALLED_APPS = ["tests.faults.plain.apps.PlainConfig", *INSTALLED_APPS]
# Without a limit for an answer: redis-py's own of 5 s would end each socket that is told nothing for as long.
REDIS = {"address": REDIS_URL, "socket_timeout": None}
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS]}}
}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Both are Celery's defaults unless the way is the careful one.
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = bool(os.environ.get("PLAIN_ACKS_LATE"))
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": int(os.environ["PLAIN_VISIBILITY_SECONDS"]),
    # As often as the short times ask for, as in the box around ParkMate.
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 5,
}

if os.environ["PARKMATE_BOX_PROCESS"].startswith("worker"):
    # A connection for each process of the pool, looked at before each task, as tutorials have it. ParkMate's
    # pool is for web processes.
    DATABASES["default"]["OPTIONS"].pop("pool")
    DATABASES["default"]["CONN_MAX_AGE"] = 60
