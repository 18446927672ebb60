"""Employees: hired, changed, put on lots; the lot's owner is told."""

import pytest

from parking.actions import staff
from parking.errors import Forbidden, Invalid, NotFound
from parking.models import EmployeeAssignment, Lot, Notification, User
from tests.conftest import told


@pytest.fixture
def wahid(cast):
    return staff.hire(owner=cast.omar, name="Wahid")


@pytest.fixture
def otto(cast):
    """Another owner, with a lot of his own."""
    otto = User.objects.create(username="otto", role=User.Role.OWNER)
    Lot.objects.create(owner=otto, name="Far", address="9 Far Road")
    return otto


def test_an_employee_put_on_a_lot_is_announced_to_its_owner(cast, wahid):
    made = staff.assign_to_lot(employee_id=wahid.pk, lot_id=cast.lot.pk, by=cast.omar)
    assert (made.assigned_by, made.lot) == (cast.omar, cast.lot)
    assert Notification.objects.get(recipient=cast.omar).message == (
        f"New employee Wahid assigned to Lot #{cast.lot.pk}"
    )


def test_being_put_there_again_is_another_assignment_and_told_again(cast, wahid):
    for _ in range(2):
        staff.assign_to_lot(employee_id=wahid.pk, lot_id=cast.lot.pk, by=cast.omar)
    assert told(cast.omar) == ["EMPLOYEE_ASSIGNED"] * 2


def test_staff_put_an_owners_employee_on_that_owners_lot(cast, wahid):
    staff.assign_to_lot(employee_id=wahid.pk, lot_id=cast.lot.pk, by=cast.ada)
    assert told(cast.omar) == ["EMPLOYEE_ASSIGNED"]
    assert told(cast.ada) == []


def test_nobody_is_put_on_another_owners_lot(cast, wahid, otto):
    far = otto.lots.get()
    with pytest.raises(NotFound):
        staff.assign_to_lot(employee_id=wahid.pk, lot_id=far.pk, by=cast.omar)
    with pytest.raises(NotFound):
        staff.assign_to_lot(employee_id=wahid.pk, lot_id=far.pk, by=otto)
    with pytest.raises(Invalid):
        staff.assign_to_lot(employee_id=wahid.pk, lot_id=far.pk, by=cast.ada)
    assert not EmployeeAssignment.objects.exists()


def test_who_is_not_at_work_is_put_nowhere(cast, wahid):
    staff.change(wahid.pk, by=cast.omar, is_active=False)
    with pytest.raises(Invalid):
        staff.assign_to_lot(employee_id=wahid.pk, lot_id=cast.lot.pk, by=cast.omar)


def test_a_change_leaves_what_it_does_not_name(cast, wahid):
    staff.change(wahid.pk, by=cast.omar, is_active=False)
    changed = staff.change(wahid.pk, by=cast.omar, name="Wahida")
    assert (changed.name, changed.is_active) == ("Wahida", False)


def test_another_owners_employee_is_not_there(cast, wahid, otto):
    with pytest.raises(NotFound):
        staff.change(wahid.pk, by=otto, name="Mine")


def test_only_owners_have_employees(cast, wahid):
    with pytest.raises(Forbidden):
        staff.hire(owner=cast.dina, name="Nobody")
    with pytest.raises(Forbidden):
        staff.change(wahid.pk, by=cast.dina, name="Nobody")
