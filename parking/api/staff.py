"""An owner's employees, and the lots they were put on."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from parking.actions import staff as verbs
from parking.api.authentication import signed_in
from parking.api.fields import BooleanField, BooleanInQuery, CharField, IdField, IntegerInQuery, Strict
from parking.api.pages import Listing, PageParameters
from parking.api.requests import body
from parking.api.schema import answers, takes
from parking.models import Employee, EmployeeAssignment, User


class EmployeeSummary(serializers.ModelSerializer[Employee]):
    """An employee, and how busy: counted from the washes, never stored."""

    washes_open = serializers.IntegerField(read_only=True)
    washes_done = serializers.IntegerField(read_only=True)

    class Meta:
        model = Employee
        fields: ClassVar = ["id", "name", "is_active", "washes_open", "washes_done"]
        read_only_fields = fields


class NewEmployee(Strict):
    """What it takes to add an employee."""

    name = CharField(max_length=100)


class EmployeeFields(NewEmployee):
    """What may be changed of an employee."""

    is_active = BooleanField()


class EmployeeParameters(PageParameters):
    """How the list of employees is narrowed."""

    is_active = BooleanInQuery()


class Employees(Listing):
    """One's employees, by name."""

    serializer_class = EmployeeSummary
    parameters = EmployeeParameters

    def rows(self, user: User, **given: Any) -> QuerySet[Employee]:
        return verbs.employees_of(user).with_work().filter(**given).order_by("name", "id")

    @takes(NewEmployee, answers=EmployeeSummary, status=201, example={"name": "Wahid"})
    def post(self, request: Request) -> Response:
        """Add somebody who works for you."""
        user = signed_in(request)
        hired = verbs.hire(owner=user, name=body(request, NewEmployee).validated_data["name"])
        return Response(_summary(user, hired.pk), 201)


class OneEmployee(APIView):
    """One employee."""

    @answers(EmployeeSummary)
    def get(self, request: Request, pk: int) -> Response:
        """One employee, and how busy."""
        return Response(_summary(signed_in(request), pk))

    @takes(EmployeeFields, answers=EmployeeSummary)
    def patch(self, request: Request, pk: int) -> Response:
        """Rename an employee, or say whether they are at work."""
        user = signed_in(request)
        verbs.change(pk, by=user, **body(request, EmployeeFields, partial=True).validated_data)
        return Response(_summary(user, pk))


class AssignmentSummary(serializers.ModelSerializer[EmployeeAssignment]):
    """Who was put on which lot, when, by whom."""

    employee_name = serializers.CharField(source="employee.name", read_only=True)
    lot_name = serializers.CharField(source="lot.name", read_only=True)

    class Meta:
        model = EmployeeAssignment
        fields: ClassVar = [
            "id",
            "employee",
            "employee_name",
            "lot",
            "lot_name",
            "assigned_by",
            "assigned_at",
        ]
        read_only_fields = fields


class NewAssignment(Strict):
    """Who goes to which lot."""

    employee = IdField()
    lot = IdField()


class AssignmentParameters(PageParameters):
    """How the list of assignments is narrowed."""

    employee = IntegerInQuery()
    lot = IntegerInQuery()


class Assignments(Listing):
    """Who was put on which of one's lots, latest first."""

    serializer_class = AssignmentSummary
    parameters = AssignmentParameters

    def rows(self, user: User, **given: Any) -> QuerySet[EmployeeAssignment]:
        mine = EmployeeAssignment.objects.filter(employee__in=verbs.employees_of(user), **given)
        return mine.select_related("employee", "lot").order_by("-id")

    @takes(NewAssignment, answers=AssignmentSummary, status=201, example={"employee": 1, "lot": 1})
    def post(self, request: Request) -> Response:
        """Put an employee on a lot; the lot's owner is told."""
        wish = body(request, NewAssignment).validated_data
        made = verbs.assign_to_lot(employee_id=wish["employee"], lot_id=wish["lot"], by=signed_in(request))
        return Response(AssignmentSummary(made).data, 201)


def _summary(user: User, pk: int) -> dict[str, Any]:
    employee = get_object_or_404(verbs.employees_of(user).with_work(), pk=pk)
    return dict(EmployeeSummary(employee).data)
