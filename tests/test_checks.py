"""Settings that would break a promise are refused at the start, each by its own check."""

import os
import subprocess
import sys

import pytest
from celery import current_app
from django.core.checks import run_checks
from django.core.management import call_command

from parking import checks


def found(settings):
    return [message.id for message in run_checks(tags=None) if message.id.startswith("parking.")]


def test_the_settings_as_shipped_break_no_promise(settings):
    assert found(settings) == []


def test_a_horizon_not_below_the_visibility_timeout_is_refused(settings):
    settings.ALARM_HORIZON_SECONDS = current_app.conf.broker_transport_options["visibility_timeout"]
    assert found(settings) == ["parking.E001"]


@pytest.mark.parametrize("backend", ["channels.layers.InMemoryChannelLayer", ""])
def test_a_channel_layer_of_one_process_is_refused(settings, backend):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend}} if backend else {}
    assert found(settings) == ["parking.E002"]


@pytest.mark.parametrize("setting", ["task_serializer", "event_serializer", "accept_content"])
def test_a_pickling_serializer_is_refused(settings, monkeypatch, setting):
    value = ["json", "pickle"] if setting == "accept_content" else "pickle"
    monkeypatch.setitem(current_app.conf, setting, value)
    assert found(settings) == ["parking.E003"]


def test_a_database_that_is_not_postgresql_is_refused(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    assert [error.id for error in checks.check_database(None)] == ["parking.E004"]


def run_manage(*arguments, **environment):
    """`manage.py` in a process of its own, with exactly this environment."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env={**keep, "PARKMATE_ENV_FILE": "", **environment},
        capture_output=True,
        text=True,
        timeout=50,
    )


@pytest.mark.parametrize("missing", ["PARKMATE_SECRET_KEY", "DATABASE_URL", "REDIS_URL"])
def test_a_start_without_what_it_needs_says_what_is_missing(missing):
    given = {"PARKMATE_SECRET_KEY": "x", "DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h"}
    del given[missing]
    done = run_manage("check", **given)
    assert done.returncode == 1
    assert f"{missing} is not set" in done.stderr.splitlines()[-1]


PRODUCTION = {
    "PARKMATE_SECRET_KEY": "".join(chr(33 + n) for n in range(64)),
    "DATABASE_URL": "postgresql://h/d",
    "REDIS_URL": "redis://h",
    "PARKMATE_HTTPS": "true",
    "PARKMATE_ALLOWED_HOSTS": "park.example.org",
    "PARKMATE_ORIGINS": "https://park.example.org",
}


def test_production_settings_pass_djangos_deployment_checks_without_a_warning():
    done = run_manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_security_middleware_that_the_deployment_check_does_not_find_is_there(client, settings):
    assert settings.SILENCED_SYSTEM_CHECKS == ["security.W001"]
    settings.SECURE_HSTS_SECONDS = 60
    answer = client.get("/api/health/live/", secure=True)
    assert answer["Strict-Transport-Security"] == "max-age=60"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("missing", sorted(PRODUCTION.keys() - {"PARKMATE_HTTPS"}))
def test_production_settings_refuse_to_start_without_what_they_need(missing):
    done = run_manage("check", **{name: PRODUCTION[name] for name in PRODUCTION if name != missing})
    assert done.returncode == 1
    assert f"{missing} is not set" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("value", ["0", "-5", "soon", "nan", "inf"])
def test_a_duration_that_cannot_be_is_refused_at_the_start(value):
    given = {"PARKMATE_SECRET_KEY": "x", "DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h"}
    done = run_manage("check", **given, PARKMATE_WARNING_LEAD_SECONDS=value)
    assert done.returncode == 1
    assert "PARKMATE_WARNING_LEAD_SECONDS must be a number of seconds above zero" in done.stderr


def test_a_currency_that_is_none_is_refused_at_the_start():
    given = {"PARKMATE_SECRET_KEY": "x", "DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h"}
    done = run_manage("check", **given, PARKMATE_CURRENCY="rupees")
    assert done.returncode == 1
    assert "PARKMATE_CURRENCY must be a currency's ISO code" in done.stderr


@pytest.mark.django_db
def test_the_migrations_say_what_the_models_say():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
