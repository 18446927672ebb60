"""When a scheduled announcement was last made, so that two beats do not make it twice."""

from django.db import models
from django_celery_beat.models import PeriodicTask


class ScheduledRun(models.Model):
    """The last moment for which a row of the operators' schedule was carried out."""

    periodic_task = models.OneToOneField(PeriodicTask, models.CASCADE, primary_key=True, related_name="run")
    ran_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.periodic_task_id} at {self.ran_at}"
