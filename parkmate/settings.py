"""The wiring, read from the environment. What is missing or wrong stops the start, in a sentence.

`manage.py up` writes the addresses of what it runs into `var/env`, so that `manage.py shell`
or `watch` beside it find the same system. A variable that is already set always wins.
"""

import re
from datetime import timedelta
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from parkmate.static_headers import keep_for_ever

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
# Everything that one running ParkMate keeps on this machine.
HOME = Path(env.str("PARKMATE_HOME", default="") or BASE_DIR / "var")
ENV_FILE = Path(env.str("PARKMATE_ENV_FILE", default=str(HOME / "env")))
if ENV_FILE.is_file():
    env.read_env(ENV_FILE)


def required(name: str, what: str) -> str:
    """The variable's value. Raises ImproperlyConfigured, saying what it is for, if it is not set."""
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set: {what}. Set it in the environment, or start everything with `make run`."
        )
    return value


def seconds(name: str, *, default: float) -> float:
    """A duration in seconds, above zero. Raises ImproperlyConfigured for anything else."""
    try:
        value: float = env.float(name, default=default)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ImproperlyConfigured(f"{name} must be a number of seconds above zero.")
    return value


def names(name: str, what: str, *, loopback: list[str]) -> list[str]:
    """A list of names. On one machine those of the loopback will do; by HTTPS they must be said."""
    if HTTPS:
        required(name, what)
    found: list[str] = env.list(name, default=loopback)
    return found


def whole(name: str, *, default: int, most: int) -> int:
    """A whole number from 1 to `most`. Raises ImproperlyConfigured for anything else."""
    try:
        value: int = env.int(name, default=default)
    except ValueError:
        value = 0
    if not 0 < value <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from 1 to {most}.")
    return value


def currency(name: str, *, default: str) -> str:
    """An ISO 4217 code. Raises ImproperlyConfigured for what cannot be one."""
    value: str = env.str(name, default=default)
    if not re.fullmatch(r"[A-Z]{3}", value, re.ASCII):
        raise ImproperlyConfigured(f"{name} must be a currency's ISO code, such as INR.")
    return value


# --- Who we are -------------------------------------------------------------------------------

DEBUG = env.bool("PARKMATE_DEBUG", default=False)
SECRET_KEY = required("PARKMATE_SECRET_KEY", "the secret that signs sessions")
# Whether browsers reach it by HTTPS: then the names they use must be said, and nothing goes in the clear.
HTTPS = env.bool("PARKMATE_HTTPS", default=False)
ALLOWED_HOSTS = names(
    "PARKMATE_ALLOWED_HOSTS", "the names it is reached by", loopback=["localhost", "127.0.0.1", "[::1]"]
)
# The exact origins (scheme, host, port) whose pages may open a socket or post a form.
ALLOWED_ORIGINS = names(
    "PARKMATE_ORIGINS",
    "the origins of its pages",
    loopback=["http://localhost:8000", "http://127.0.0.1:8000"],
)
CSRF_TRUSTED_ORIGINS = ALLOWED_ORIGINS
SECURE_SSL_REDIRECT = HTTPS
# Health is asked from inside, without a certificate.
SECURE_REDIRECT_EXEMPT = [r"^api/health/"]
SECURE_HSTS_SECONDS = env.int("PARKMATE_HSTS_SECONDS", default=31_536_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS

# --- Time -------------------------------------------------------------------------------------

USE_TZ = True
TIME_ZONE = "UTC"
# To the second, and so that one day's moments stand in order, in all of the admin.
FORMAT_MODULE_PATH = ["parkmate.formats"]
WARNING_LEAD_SECONDS = seconds("PARKMATE_WARNING_LEAD_SECONDS", default=300)
RENEWAL_WINDOW_SECONDS = seconds("PARKMATE_RENEWAL_WINDOW_SECONDS", default=600)
# Only timers due this soon get a Celery message: see docs/architecture.md, "The clock".
ALARM_HORIZON_SECONDS = seconds("PARKMATE_ALARM_HORIZON_SECONDS", default=120)
# How often a web process compares its open sockets with their inboxes.
POSITION_CHECK_SECONDS = seconds("PARKMATE_POSITION_CHECK_SECONDS", default=10)
# How often it looks whether the sign-ins of its open sockets still hold, should Redis not have told it.
CREDENTIALS_CHECK_SECONDS = seconds("PARKMATE_CREDENTIALS_CHECK_SECONDS", default=40)
# How long a client may take nothing before it is told to go.
STALL_SECONDS = seconds("PARKMATE_STALL_SECONDS", default=20)
SWEEP_SECONDS = seconds("PARKMATE_SWEEP_SECONDS", default=1)

# --- What runs --------------------------------------------------------------------------------

INSTALLED_APPS = [
    # Before the apps whose templates these two may change.
    "parking",
    "parkmate",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "axes",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "django_celery_beat",
]
# Django looks for its own SecurityMiddleware by name; ours is that one, without its thread.
SILENCED_SYSTEM_CHECKS = ["security.W001"]
MIDDLEWARE = [
    "parkmate.one_thread.SecurityMiddleware",
    "parkmate.content_policy.ContentPolicyMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last, so that the answer to too many attempts passes through all the others.
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "parkmate.urls"
ASGI_APPLICATION = "parkmate.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
# The web client, as `make client` builds it.
CLIENT_BUILD = Path(env.str("PARKMATE_CLIENT_BUILD", default="") or BASE_DIR / "frontend" / "dist")
STATICFILES_DIRS = [("client", CLIENT_BUILD)] if CLIENT_BUILD.is_dir() else []
# The apps' files are served from where they are installed: nothing to collect, nothing to go stale.
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_ADD_HEADERS_FUNCTION = keep_for_ever
SERVESTATIC_MIMETYPES = {".webmanifest": "application/manifest+json"}

# --- Where things are -------------------------------------------------------------------------

DATABASES = {
    "default": {
        **env.db_url_config(required("DATABASE_URL", "the PostgreSQL that keeps every promise")),
        "CONN_HEALTH_CHECKS": True,
    }
}
# A pool, because requests run in many threads, each of which would otherwise open a connection of its
# own. `timeout` is how long a request waits for a free one before a 503; and before, for a thread.
DATABASES["default"].setdefault("OPTIONS", {}).update(
    pool={
        "min_size": 1,
        "max_size": env.int("PARKMATE_DB_POOL", default=10),
        "timeout": 5,
        # The pool pauses longer and longer between its own tries, for minutes after a longer outage:
        # instead it gives up after the second, a second later, and the next to ask makes it try again.
        # (So no `max_waiting`: who gave up counts as waiting until a connection comes, and once they are as
        # many, nobody is let in who would make it try.)
        "reconnect_timeout": 0,
    },
    connect_timeout=3,
    # What a connection asks again and again is planned once: PostgreSQL spends several times as long on
    # planning such a statement as on carrying it out. A pooler between the two must know of it.
    server_side_binding=True,
    prepare_threshold=5 if env.bool("PARKMATE_DB_PREPARE", default=True) else None,
)
REDIS_URL = required("REDIS_URL", "the Redis or Valkey that carries alarms and pushes")
# Read by beat (celeryconfig.py), and by the admin, which warns of any scheduler that ignores its rows.
CELERY_BEAT_SCHEDULER = "parkmate.scheduler:Scheduler"
CHANNEL_LAYERS = {"default": {"BACKEND": "parkmate.channel_layer.RedisLayer", "CONFIG": {"url": REDIS_URL}}}

# --- Accounts ---------------------------------------------------------------------------------

# The payment provider: a class with the interface of parking.gateways.Gateway.
PAYMENT_GATEWAY = env.str("PARKMATE_PAYMENT_GATEWAY", default="parking.gateways.SandboxGateway")
# What all amounts are in; the web client shows it. UPI, which is taken besides cards and cash, is India's.
CURRENCY = currency("PARKMATE_CURRENCY", default="INR")

AUTH_USER_MODEL = "parking.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
# Axes first: while an account or an address is locked, no password is looked at.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_HANDLER = "parking.api.attempts.Attempts"
AXES_LOCKOUT_CALLABLE = "parking.api.attempts.locked"
AXES_CLIENT_IP_CALLABLE = "parking.api.attempts.address"
# Per account: nobody types ten wrong passwords in a row, and a guesser gets no further than ten.
AXES_FAILURE_LIMIT = whole("PARKMATE_SIGN_IN_FAILURES", default=10, most=10_000)
# Per address, which Axes has no limit of its own for: a whole office or a mobile network's customers
# may share one, and their slips add up. It is against those who try few passwords on many accounts.
SIGN_IN_FAILURES_PER_ADDRESS = whole("PARKMATE_SIGN_IN_FAILURES_PER_ADDRESS", default=100, most=1_000_000)
AXES_COOLOFF_TIME = timedelta(seconds=seconds("PARKMATE_SIGN_IN_COOL_OFF_SECONDS", default=900))
# A lock ends when it says so, even if somebody keeps knocking: else a stranger could keep Dina out for good.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# Names and addresses stay out of Axes' log lines; some people type their password where the name goes.
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address"]
AXES_VERBOSE = False

SESSION_COOKIE_HTTPONLY = True

# The tokens are ours (per device); Knox's migrations would make its own table beside them.
MIGRATION_MODULES = {"knox": None}
KNOX_TOKEN_MODEL = "parking.DeviceToken"  # noqa: S105 - a name
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_TTL": timedelta(days=whole("PARKMATE_TOKEN_DAYS", default=30, most=3650)),
}

# --- The HTTP door ----------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "parking.api.authentication.SessionAuthentication",
        "parking.api.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["parking.api.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "parking.api.exceptions.handle_in_json",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DEFAULT_SCHEMA_CLASS": "parking.api.schema.Schema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ParkMate",
    "DESCRIPTION": "Parking slots, and every promise that has a time in it.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    # Signing in is what the page is for, so that the page itself is open.
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "parking.api.schema.close_bodies",
        "parking.api.schema.add_refusals",
    ],
    "ENFORCE_NON_BLANK_FIELDS": True,
    "ENUM_NAME_OVERRIDES": {
        "BookingStatus": "parking.models.bookings.BookingStatus",
        "CarWashStatus": "parking.models.carwashes.CarWashStatus",
        "PaymentStatus": "parking.models.payments.PaymentStatus",
        "PaymentMethod": "parking.models.payments.PaymentMethod",
    },
    # From our own server: no CDN.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024

# --- The log ----------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "parkmate.logs.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        # The pool would say for every try what its users say once.
        "psycopg.pool": {"level": "ERROR"},
        # A traceback a second for every web process while Redis is away; the pushes that fail say it.
        "channels_redis.pubsub": {"level": "CRITICAL"},
        # A refusal is an answer, not news for the log.
        "django.request": {"level": "ERROR"},
    },
    "root": {"handlers": ["stderr"], "level": env.str("PARKMATE_LOG_LEVEL", default="INFO")},
}
