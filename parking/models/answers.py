"""The answers to requests that carried an Idempotency-Key, so that a retry gets the same one."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class StoredAnswer(models.Model):
    """What was answered to a key. It commits together with what the request did, or not at all."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="stored_answers")
    route = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "route", "key"], name="stored_answer_once")
        ]

    def __str__(self) -> str:
        return f"{self.status} to {self.route}"
