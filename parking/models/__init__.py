"""The rows: what must never be is forbidden by their constraints. One file per aggregate."""

from .answers import StoredAnswer
from .bookings import HOLDING, MOVES, Booking
from .carwashes import CarWash, CarWashType
from .lots import Lot, Slot
from .notifications import Inbox, Mute, Notification
from .operations import ScheduledRun
from .payments import Payment
from .staff import Employee, EmployeeAssignment
from .tickets import Ticket
from .timers import Pulse, Timer
from .users import DeviceToken, User

__all__ = [
    "HOLDING",
    "MOVES",
    "Booking",
    "CarWash",
    "CarWashType",
    "DeviceToken",
    "Employee",
    "EmployeeAssignment",
    "Inbox",
    "Lot",
    "Mute",
    "Notification",
    "Payment",
    "Pulse",
    "ScheduledRun",
    "Slot",
    "StoredAnswer",
    "Ticket",
    "Timer",
    "User",
]
