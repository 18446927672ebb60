"""Start-up checks: settings that would break a promise are refused, each with what to do about it."""

from collections.abc import Sequence
from typing import Any

from celery import current_app
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

UNSAFE_SERIALIZERS = frozenset({"pickle", "yaml", "application/x-python-serialize", "application/x-yaml"})


def register_all() -> None:
    """Hook the checks into Django's; called once, when the app is ready."""
    for check in (check_horizon, check_channel_layer, check_serializers, check_database):
        register(check)


def check_horizon(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """E001: an alarm held longer than the visibility timeout would be delivered again and again."""
    visible_after = current_app.conf.broker_transport_options.get("visibility_timeout", 3600)
    if visible_after > settings.ALARM_HORIZON_SECONDS:
        return []
    return [
        Error(
            f"The alarm horizon ({settings.ALARM_HORIZON_SECONDS:g} s) is not below the broker's"
            f" visibility timeout ({visible_after:g} s).",
            hint="Lower PARKMATE_ALARM_HORIZON_SECONDS, or raise visibility_timeout in celeryconfig.py.",
            id="parking.E001",
        )
    ]


def check_channel_layer(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """E002: an in-memory layer reaches only its own process, so no worker could reach a socket."""
    backend = settings.CHANNEL_LAYERS.get("default", {}).get("BACKEND", "")
    if backend and "InMemory" not in backend:
        return []
    return [
        Error(
            "The channel layer is missing or lives in one process: workers could not reach the sockets.",
            hint="Use parkmate.channel_layer.RedisLayer in CHANNEL_LAYERS.",
            id="parking.E002",
        )
    ]


def check_serializers(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """E003: whoever can write to the broker could run code through an unsafe serializer."""
    conf = current_app.conf
    used = {conf.task_serializer, conf.event_serializer, conf.result_serializer, *conf.accept_content}
    unsafe = sorted(used & UNSAFE_SERIALIZERS)
    if not unsafe:
        return []
    return [
        Error(
            f"Celery would use a serializer that can run code: {', '.join(unsafe)}.",
            hint="Use JSON only in celeryconfig.py.",
            id="parking.E003",
        )
    ]


def check_database(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """E004: overlap constraints, SKIP LOCKED and the one clock are PostgreSQL's."""
    engine = settings.DATABASES["default"]["ENGINE"]
    if engine == "django.db.backends.postgresql":
        return []
    return [
        Error(
            f"The database is {engine}, not PostgreSQL.",
            hint="Set DATABASE_URL to a PostgreSQL, or leave it out to use the embedded one.",
            id="parking.E004",
        )
    ]
