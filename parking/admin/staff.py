"""Employees, and who was put on which lot."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from parking.actions import staff
from parking.admin.base import ModelForm, Page, linked
from parking.admin.users import OWNERS
from parking.errors import Invalid
from parking.models import Employee, EmployeeAssignment


@admin.register(Employee)
class Employees(Page):
    list_display = ("name", linked("owner"), "is_active", "washes_open", "washes_done")
    list_select_related = ("owner",)
    list_filter = ("is_active",)
    search_fields = ("name", "owner__username")
    autocomplete_fields = ("owner",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        return rows.with_work()  # type: ignore[no-any-return]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **{"queryset": OWNERS.all(), **options})

    @admin.display(description="washes to do", ordering="washes_open")
    def washes_open(self, employee: Any) -> int:
        return int(employee.washes_open)

    @admin.display(description="washes done", ordering="washes_done")
    def washes_done(self, employee: Any) -> int:
        return int(employee.washes_done)


class AssignmentForm(ModelForm):
    """Refuses what the verb refuses, at the fields it concerns."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("employee") and cleaned.get("lot"):
            try:
                staff.check_assignable(cleaned["employee"], lot=cleaned["lot"])
            except Invalid as refusal:
                raise ValidationError(refusal.facts["fields"]) from refusal
        return cleaned


@admin.register(EmployeeAssignment)
class EmployeeAssignments(Page):
    """Adding one is announced to the lot's owner by `signals.py`; what was announced stays."""

    form = AssignmentForm
    list_display = ("id", linked("employee"), linked("lot"), linked("assigned_by"), "assigned_at")
    list_select_related = ("employee__owner", "lot", "assigned_by")
    list_filter = ("assigned_at",)
    search_fields = ("employee__name", "lot__name")
    autocomplete_fields = ("employee", "lot")
    readonly_fields = ("assigned_by", "assigned_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        asked = ["employee", "lot"]
        return [*asked, "assigned_by", "assigned_at"] if obj else asked

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.assigned_by = request.user
        super().save_model(request, obj, form, change)
