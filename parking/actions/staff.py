"""An owner's employees: hired, changed, put on lots."""

from django.db import transaction

from parking.actions.permissions import only_owners
from parking.errors import Invalid, NotFound
from parking.models import Employee, EmployeeAssignment, Lot, User
from parking.models.staff import EmployeeQuerySet


def hire(*, owner: User, name: str) -> Employee:
    """Add somebody who works for this owner. Raises Forbidden."""
    only_owners(owner, "have employees")
    return Employee.objects.create(owner=owner, name=name)


def change(employee_id: int, *, by: User, name: str | None = None, is_active: bool | None = None) -> Employee:
    """Rename an employee, or let them go or return; None leaves it. Raises NotFound."""
    with transaction.atomic():
        employee = employees_of(by).select_for_update().filter(pk=employee_id).first()
        if employee is None:
            raise NotFound("employee")
        employee.name = employee.name if name is None else name
        employee.is_active = employee.is_active if is_active is None else is_active
        employee.save(update_fields=["name", "is_active"])
        return employee


def assign_to_lot(*, employee_id: int, lot_id: int, by: User) -> EmployeeAssignment:
    """Put an employee on a lot of the same owner, and tell the owner.

    Raises NotFound, or Invalid if the employee is not at work or works for somebody else.
    """
    with transaction.atomic():
        employee = employees_of(by).select_related("owner").filter(pk=employee_id).first()
        lot = (Lot.objects.all() if by.is_staff else Lot.objects.filter(owner=by)).filter(pk=lot_id).first()
        if employee is None:
            raise NotFound("employee")
        if lot is None:
            raise NotFound("lot")
        check_assignable(employee, lot=lot)
        return EmployeeAssignment.objects.create(employee=employee, lot=lot, assigned_by=by)


def check_assignable(employee: Employee, *, lot: Lot) -> None:
    """Raises Invalid if the employee is not at work, or the lot is another owner's."""
    if not employee.is_active:
        raise Invalid(employee="This employee is not at work.")
    if employee.owner_id != lot.owner_id:
        raise Invalid(lot="The lot is another owner's than the employee's.")


def employees_of(person: User) -> EmployeeQuerySet:
    """The employees of this owner; all for staff. Raises Forbidden for others."""
    if not person.is_staff:
        only_owners(person, "have employees")
    return Employee.objects.visible_to(person)
