"""The rows: what must never be is forbidden by their constraints. One file per aggregate."""

from .bookings import HOLDING, MOVES, Booking
from .carwashes import CarWash, CarWashType
from .lots import Lot, Slot
from .notifications import Inbox, Notification
from .payments import Payment
from .staff import Employee, EmployeeAssignment
from .timers import Timer
from .users import User

__all__ = [
    "HOLDING",
    "MOVES",
    "Booking",
    "CarWash",
    "CarWashType",
    "Employee",
    "EmployeeAssignment",
    "Inbox",
    "Lot",
    "Notification",
    "Payment",
    "Slot",
    "Timer",
    "User",
]
