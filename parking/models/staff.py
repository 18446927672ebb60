"""An owner's employees, and who was put on which lot, when, by whom."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from .lots import Lot


class Employee(models.Model):
    """Somebody who works for an owner. How busy they are is counted, not stored."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="employees")
    name = models.CharField(max_length=100)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class EmployeeAssignment(models.Model):
    """An employee put on a lot."""

    employee = models.ForeignKey(Employee, models.PROTECT, related_name="assignments")
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="assignments")
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="assignments_made")
    assigned_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(fields=["lot", "-assigned_at"], name="assignment_of_lot")]

    def __str__(self) -> str:
        return f"{self.employee} on {self.lot}"
