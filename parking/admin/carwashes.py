"""Car washes: what lots offer, what was ordered, and who does it."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin

from parking.actions import carwashes
from parking.admin.base import History, Page, after, linked
from parking.admin.verbs import ActingPage, Verb
from parking.models import CarWash, CarWashType, Employee, User


@admin.register(CarWashType)
class CarWashTypes(Page):
    list_display = ("name", linked("lot"), "price", "is_offered")
    list_select_related = ("lot",)
    list_filter = ("is_offered",)
    search_fields = ("name", "lot__name")
    autocomplete_fields = ("lot",)


class WhichEmployee(forms.Form):
    """Who does the washes: somebody at work for one of their lots' owners."""

    employee = forms.ModelChoiceField(Employee.objects.none())

    def __init__(self, washes: Sequence[CarWash], data: Any) -> None:
        super().__init__(data)
        owners = {wash.wash_type.lot.owner_id for wash in washes}
        at_work = Employee.objects.filter(owner__in=owners, is_active=True).select_related("owner")
        field: Any = self.fields["employee"]
        field.queryset = at_work.order_by("name", "pk")
        field.label_from_instance = lambda employee: f"{employee.name} (works for {employee.owner})"


def _assign(wash_id: int, *, by: User, employee: Employee) -> CarWash:
    return carwashes.assign(wash_id, by=by, employee_id=employee.pk)


@admin.register(CarWash)
class CarWashes(ActingPage, History):
    list_display = (
        "id",
        linked("wash_type"),
        linked("wash_type__lot"),
        linked("driver"),
        linked("booking", says="pk"),
        linked("employee"),
        "status",
        "price",
        "created_at",
        after("started_at"),
        after("completed_at"),
    )
    list_select_related = ("wash_type__lot", "driver", "booking", "employee")
    list_filter = ("status", "created_at")
    search_fields = ("id__exact", "driver__username", "wash_type__name", "wash_type__lot__name")
    search_help_text = "A wash's number, its name, a driver or a lot"
    verbs = (
        Verb(
            "assign",
            "Assign",
            "Put an employee on the selected car washes",
            done="Assigned",
            do=_assign,
            consequence="Who does these?",
            questions=WhichEmployee,
        ),
        Verb("start", "Start", "Start the selected car washes", done="Started", do=carwashes.start),
        Verb(
            "complete",
            "Complete",
            "Complete the selected car washes",
            done="Completed",
            do=carwashes.complete,
            consequence="The drivers are told that their cars are clean. This cannot be undone.",
        ),
        Verb(
            "cancel",
            "Cancel",
            "Cancel the selected car washes",
            done="Cancelled",
            do=carwashes.cancel,
            consequence="What was paid is refunded. This cannot be undone.",
        ),
    )

    def describe(self, row: CarWash) -> str:
        return f"Car wash {row.pk}: {row.wash_type} at {row.wash_type.lot} for {row.driver}, {row.status}"
