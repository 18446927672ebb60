"""The schedule in the admin: only tasks that may be scheduled, with arguments that were checked."""

import json
from datetime import timedelta
from typing import Any

from celery import current_app
from celery.exceptions import ImproperlyConfigured
from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.admin import IntervalScheduleAdmin, PeriodicTaskAdmin, PeriodicTaskForm
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from kombu.exceptions import KombuError

from parking import timers
from parking.actions import operations
from parking.errors import Invalid

# Oftener, beat and its workers would do nothing else; and a period must end some day.
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=3650)


def task_choices() -> list[tuple[str, str]]:
    """The tasks that may be scheduled, each with what it does."""
    current_app.loader.import_default_modules()
    said = [(name, current_app.tasks[name].__doc__ or "") for name in operations.SCHEDULABLE]
    return [("", ""), *((name, f"{name}: {words.splitlines()[0]}") for name, words in said)]


def fault_of(period: models.Model) -> str:
    """What beat could not do with this interval, crontab, solar or clocked time; empty if nothing."""
    try:
        run_every = getattr(period.schedule, "run_every", SHORTEST)  # type: ignore[attr-defined]
    except OverflowError:
        run_every = timedelta.max
    except (ImproperlyConfigured, ValueError) as error:
        return f"This cannot be scheduled: {' '.join(str(error).split())}"
    return "" if SHORTEST <= run_every <= LONGEST else "Must be from one second to ten years."


class IntervalForm(forms.ModelForm):  # type: ignore[type-arg]
    """Refuses a period in which nothing can be done."""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and (fault := fault_of(IntervalSchedule(**data))):
            self.add_error("every", fault)
        return data


class ScheduleForm(PeriodicTaskForm):
    """Refuses what the task, or beat, could not do anything with."""

    regtask = forms.ChoiceField(label="Task", choices=task_choices, required=False)
    task = forms.CharField(label="… or its name", required=False, max_length=200)

    def clean(self) -> dict[str, Any]:
        # The form above asks for it, also when its field has refused it, and would hide why.
        self.cleaned_data.setdefault("task", "refused")
        data: dict[str, Any] = super().clean()
        if not self.errors:
            self._check_task(data)
            self._check_period(data)
            self._check_moment(data)
            self._check_queue(data)
        return data

    def _clean_json(self, field: str) -> str:
        value: str = self.cleaned_data[field]
        try:
            json.loads(value)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"This is not JSON: {error}.") from error
        return value

    def _check_task(self, data: dict[str, Any]) -> None:
        try:
            operations.check(data["task"], args=json.loads(data["args"]), kwargs=json.loads(data["kwargs"]))
        except Invalid as error:
            for name, words in error.facts["fields"].items():
                if name in ("task", "args", "kwargs"):
                    self.add_error(name, words)
                else:
                    self.add_error("kwargs", [f"{name}: {word}" for word in words])

    def _check_period(self, data: dict[str, Any]) -> None:
        for kind in ("interval", "crontab", "solar", "clocked"):
            if data[kind] and (fault := fault_of(data[kind])):
                self.add_error(kind, fault)

    def _check_moment(self, data: dict[str, Any]) -> None:
        moved = {"clocked", "enabled"} & set(self.changed_data)
        if moved and data["enabled"] and data["clocked"] and data["clocked"].clocked_time < timers.now():
            self.add_error("clocked", "This moment is past: beat would take it for now. Moments are UTC.")

    def _check_queue(self, data: dict[str, Any]) -> None:
        queues = list(current_app.amqp.queues)
        if data.get("queue") and data["queue"] not in queues:
            self.add_error(
                "queue", f"There is no such queue. Leave it empty, or use one of {', '.join(queues)}."
            )


class ScheduleAdmin(PeriodicTaskAdmin):
    """The rows that beat sends; each says in plain words what it is for."""

    form = ScheduleForm
    list_display = ("name", "description", "enabled", "scheduler", "last_run_at", "one_off")
    # Without the message's exchange, routing key and headers: here they can only break it.
    fieldsets = (
        (None, {"fields": ("name", "regtask", "task", "enabled", "description")}),
        (
            "Schedule",
            {
                "fields": (
                    "interval",
                    "crontab",
                    "crontab_translation",
                    "solar",
                    "clocked",
                    "start_time",
                    "last_run_at",
                    "one_off",
                )
            },
        ),
        ("Arguments", {"fields": ("args", "kwargs")}),
        ("Message", {"fields": ("expires", "expire_seconds", "queue"), "classes": ("collapse",)}),
    )

    @admin.action(description="Run selected tasks", permissions=["change"])
    def run_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """Run them now, due or not: without the header by which a beat names its row."""
        for row in queryset:
            try:
                kwargs = json.loads(row.kwargs or "{}")
                operations.check(row.task, args=json.loads(row.args or "[]"), kwargs=kwargs)
                current_app.send_task(row.task, kwargs=kwargs, queue=row.queue or None)
            except Invalid as error:
                self.message_user(request, f"{row.name}: {error.reason}", level=messages.ERROR)
            except (ValueError, RecursionError):
                self.message_user(request, f"{row.name}: its arguments are not JSON.", level=messages.ERROR)
            except (KombuError, OSError):
                words = f"{row.name} could not be sent: Redis does not answer."
                self.message_user(request, words, level=messages.ERROR)
            else:
                self.message_user(request, f"{row.name} was sent to the workers.", level=messages.SUCCESS)


class IntervalAdmin(IntervalScheduleAdmin):
    """The periods that rows of the schedule use."""

    form = IntervalForm


for model, form in ((PeriodicTask, ScheduleAdmin), (IntervalSchedule, IntervalAdmin)):
    admin.site.unregister(model)
    admin.site.register(model, form)
