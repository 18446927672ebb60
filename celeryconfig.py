"""How Celery runs here, each setting with its reason. `parking/checks.py` refuses what breaks a promise."""

from django.conf import settings
from kombu import Queue
from kombu.transport import TRANSPORT_ALIASES

# --- What is carried --------------------------------------------------------------------------

broker_url = settings.REDIS_URL
# Under the names in the URL: `broker_transport` would make them meaningless, and `rediss` an open line.
TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "parkmate.broker:Transport")
imports = ["tasks.timers", "tasks.notifications", "tasks.operations"]

# JSON only: a message is ids, and unpickling a stranger's message would run a stranger's code.
task_serializer = "json"
event_serializer = "json"
accept_content = ["json"]

# Nobody reads a result: what happened is a row. Without a backend nothing is written or kept.
result_backend = None
task_ignore_result = True
# No results to clean up either: beat would write a task of its own for it into the operators' schedule.
result_expires = None

# --- Where it goes ----------------------------------------------------------------------------

# A queue of its own for timers, so that no heap of other work stands between a timer and its moment.
task_default_queue = "default"
task_queues = [Queue("default"), Queue("timers")]
task_routes = {"tasks.timers.*": {"queue": "timers"}}
task_create_missing_queues = False

# --- When something breaks --------------------------------------------------------------------

# A message is done when its work is done: a killed worker's task is delivered again, and every
# task here may run twice without harm.
task_acks_late = True
task_reject_on_worker_lost = True

# After this long an unacknowledged message is delivered again. An alarm is held unacknowledged
# until it rings, so this must stay well above the alarm horizon, or every alarm rings twice.
visibility_timeout = 10 * settings.ALARM_HORIZON_SECONDS

broker_transport_options = {
    "visibility_timeout": visibility_timeout,
    # A frozen Redis must not hold a web request that sets an alarm: it is asked for this long,
    # then the timer is left to `set_alarms` and the sweeper.
    "socket_connect_timeout": 0.5,
    "socket_timeout": 1.0,
    "socket_keepalive": True,
    # … and asked once. By default kombu tries to connect again after pauses of 2 and 4 seconds,
    # whatever `task_publish_retry` says. (A worker's own reconnecting is not meant by these.)
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    # A half-open connection is noticed within about 1 + 2 × 5 seconds instead of 51.
    "health_check_interval": 5,
}

# A publish is tried once: the callers know what to do without it, and do not wait.
task_publish_retry = False

# The broker may start after us, stop, and come back: we wait for it, as long as it takes.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None

# … and what was lost is given back.
worker_consumer = "parkmate.worker:Consumer"

# On a lost connection our short tasks run to their end; they do no harm when run again.
worker_cancel_long_running_tasks_on_connection_loss = False

# At a stop the alarms held in memory go back to the queue, also when no task is running, instead
# of being hidden for the whole visibility timeout.
worker_soft_shutdown_timeout = 3.0
worker_enable_soft_shutdown_on_idle = True

# --- The database -----------------------------------------------------------------------------

# Celery's Django fixup would end the connection before and after every task, which costs more than
# the task. It is kept instead, and checked before every task: see `parkmate/celery.py`.
CELERY_DB_REUSE_MAX = 1_000_000_000

# --- Quietness --------------------------------------------------------------------------------

# One log format for all processes: Django's LOGGING.
worker_hijack_root_logger = False
worker_redirect_stdouts = False
worker_send_task_events = False

timezone = "UTC"
enable_utc = True

# --- The schedule -----------------------------------------------------------------------------

# Rows that operators edit in the admin. There is no `beat_schedule` here on purpose: beat would
# write it over an operator's change at every start. The first rows come with the migrations.
beat_scheduler = settings.CELERY_BEAT_SCHEDULER
# How soon beat notices an operator's change.
beat_max_loop_interval = 5
# A crontab's time that passed while no beat ran is made up for within the hour. Without a limit
# django-celery-beat may do so on the next day, some hours before the new time.
beat_cron_starting_deadline = 3600
