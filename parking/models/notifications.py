"""A notice is a row in its recipient's inbox; a push is only a hint that carries it."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Now

from parking.events import Channel, Level


class Inbox(models.Model):
    """One per user: the last number given out, and the last one the user's clients have seen."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="inbox"
    )
    head = models.BigIntegerField(default=0)
    acked = models.BigIntegerField(default=0)
    # Changes when the numbers start anew, so that a client's old position is not taken for a new one.
    epoch = models.UUIDField(default=uuid.uuid4)

    class Meta:
        verbose_name_plural = "inboxes"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(acked__gte=0, acked__lte=F("head")), name="inbox_acked_exists")
        ]

    def __str__(self) -> str:
        return f"Inbox of {self.user_id} at {self.head}"


class Notification(models.Model):
    """One notice to one person. `seq` is 1, 2, 3 … per recipient, given after the commit by `relay`."""

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notifications")
    seq = models.BigIntegerField(null=True, blank=True)
    event = models.CharField(max_length=40)
    level = models.CharField(max_length=10, choices=[(level.value, level.name.title()) for level in Level])
    message = models.TextField()
    facts = models.JSONField(default=dict)
    dedupe_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - NULL: never the same
    relevant_until = models.DateTimeField(null=True, blank=True)
    # The channels on which this person did not want this event, when it was told.
    muted = ArrayField(models.CharField(max_length=9), default=list, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    # When the relay found it committed, right after the commit, and gave it its number.
    committed_at = models.DateTimeField(null=True, blank=True)
    pushed_at = models.DateTimeField(null=True, blank=True)
    acked_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["recipient", "seq"], name="notification_seq_once"),
            models.UniqueConstraint(fields=["recipient", "dedupe_key"], name="notification_said_once"),
            models.CheckConstraint(
                condition=Q(seq__isnull=True) | Q(seq__gte=1), name="notification_seq_from_1"
            ),
        ]
        indexes: ClassVar = [
            # The relay's question: what has no number yet?
            models.Index(
                fields=["recipient", "id"], condition=Q(seq__isnull=True), name="notification_unnumbered"
            ),
            # The bell's question: how many are unread?
            models.Index(fields=["recipient"], condition=Q(read_at__isnull=True), name="notification_unread"),
            # The timeline's question: what was told about this booking?
            models.Index(
                KT("facts__booking__id"),
                condition=Q(facts__has_key="booking"),
                name="notification_of_booking",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} #{self.seq} to {self.recipient_id}"


class Mute(models.Model):
    """An event that a person does not want on a channel. What is not muted is wanted."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="mutes")
    event = models.CharField(max_length=40)
    channel = models.CharField(
        max_length=9, choices=[(channel.value, channel.name.title()) for channel in Channel]
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "event", "channel"], name="mute_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: no {self.channel} for {self.event}"
