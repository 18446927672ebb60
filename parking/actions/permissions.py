"""Who may do what at a lot: its owner, and staff."""

from parking.errors import Forbidden
from parking.models import User


def only_drivers(person: User, what: str) -> None:
    """Raises Forbidden for anyone who is not a driver."""
    if person.role != User.Role.DRIVER:
        raise Forbidden(f"Only drivers {what}.")


def only_owners(person: User, what: str) -> None:
    """Raises Forbidden for anyone who is not a lot owner."""
    if person.role != User.Role.OWNER:
        raise Forbidden(f"Only lot owners {what}.")


def only_owner(person: User, owner_id: int, what: str) -> None:
    """Raises Forbidden for anyone but this owner and staff."""
    if not person.is_staff and person.pk != owner_id:
        raise Forbidden(f"Only the lot's owner {what}.")
