"""An owner's employees, and who was put on which lot, when, by whom."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.db.models.functions import Now

from .base import RemembersLoaded
from .lots import Lot
from .users import User


class EmployeeQuerySet(models.QuerySet["Employee"]):
    """The questions asked of employees."""

    def visible_to(self, user: User) -> Self:
        """Those this person may see: an owner's own, all for staff."""
        return self if user.is_staff else self.filter(owner=user)

    def with_work(self) -> Self:
        """The employees with `washes_open` and `washes_done`: how busy they are and were."""
        done = Q(car_washes__status="COMPLETED")
        return self.annotate(
            washes_open=Count("car_washes", filter=Q(car_washes__status__in=("REQUESTED", "IN_PROGRESS"))),
            washes_done=Count("car_washes", filter=done),
        )


class Employee(models.Model):
    """Somebody who works for an owner. How busy they are is counted, not stored."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="employees")
    name = models.CharField(max_length=100)
    is_active = models.BooleanField(default=True)

    objects = EmployeeQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class EmployeeAssignment(RemembersLoaded):
    """An employee put on a lot."""

    employee = models.ForeignKey(Employee, models.PROTECT, related_name="assignments")
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="assignments")
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="assignments_made")
    assigned_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(fields=["lot", "-assigned_at"], name="assignment_of_lot")]

    def __str__(self) -> str:
        return f"{self.employee} on {self.lot}"

    def facts(self) -> dict[str, Any]:
        """What a notice about this assignment carries: JSON values only."""
        return {"name": self.employee.name, "employee": self.employee_id, "lot": self.lot_id}
