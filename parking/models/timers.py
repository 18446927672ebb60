"""A timer is a row. Its id is its generation: an alarm set for an older row finds nothing armed."""

from typing import ClassVar, TypeAlias

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from .base import one_of
from .bookings import Booking


class TimerKind(models.TextChoices):
    WARNING = "WARNING", "Warning before the end"
    EXPIRY = "EXPIRY", "Time is up"
    AUTO_EXPIRY = "AUTO_EXPIRY", "Closes by itself"
    CANARY = "CANARY", "Canary"


class TimerState(models.TextChoices):
    ARMED = "armed", "Armed"
    FIRED = "fired", "Fired"
    CANCELLED = "cancelled", "Cancelled"
    SUPERSEDED = "superseded", "Superseded: came too late to be true"
    PARKED = "parked", "Parked: failed too often"


class Timer(models.Model):
    """Something promised for a moment: at `due_at`, by the database's clock.

    All are of a booking, but the canary: see `parking/canary.py`.
    """

    Kind: TypeAlias = TimerKind
    State: TypeAlias = TimerState

    booking = models.ForeignKey(Booking, models.CASCADE, related_name="timers", null=True, blank=True)
    kind = models.CharField(max_length=11, choices=TimerKind)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=TimerState, default=TimerState.ARMED)
    fired_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    alarm_set_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["booking", "kind"], condition=Q(state="armed"), name="timer_armed_once"
            ),
            models.UniqueConstraint(
                fields=["kind"], condition=Q(kind="CANARY", state="armed"), name="timer_canary_armed_once"
            ),
            models.CheckConstraint(
                condition=Q(kind="CANARY", booking__isnull=True)
                | (~Q(kind="CANARY") & Q(booking__isnull=False)),
                name="timer_of_a_booking",
            ),
            models.CheckConstraint(
                condition=~Q(state="fired") | Q(fired_at__isnull=False), name="timer_fired_at_known"
            ),
            one_of("kind", TimerKind, name="timer_kind_known"),
            one_of("state", TimerState, name="timer_state_known"),
        ]
        indexes: ClassVar = [
            # The sweep's question: what is due, oldest first?
            models.Index(Coalesce("retry_at", "due_at"), condition=Q(state="armed"), name="timer_due"),
            # `set_alarms`' question: what is due soon and has no alarm yet?
            models.Index(
                "due_at", condition=Q(state="armed", alarm_set_at__isnull=True), name="timer_without_alarm"
            ),
            # The operators' questions: how late were those that fired lately, and what is parked?
            models.Index(fields=["fired_at"], condition=Q(state="fired"), name="timer_fired"),
            models.Index(fields=["due_at"], condition=Q(state="parked"), name="timer_parked"),
            # The canary's own, so that nobody looks for it among the others.
            models.Index(fields=["state", "id"], condition=Q(kind="CANARY"), name="timer_canary"),
        ]

    def __str__(self) -> str:
        of = f" of booking {self.booking_id}" if self.booking_id else ""
        return f"{self.kind}{of}: {self.state}"


class Pulse(models.Model):
    """When something that must never stop happened last, by the database's clock."""

    name = models.CharField(max_length=20, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.at}"
