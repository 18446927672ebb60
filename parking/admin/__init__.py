"""The operators' door: Django's admin, one file per aggregate."""

from . import (
    bookings,
    carwashes,
    lots,
    notifications,
    payments,
    schedule,
    site,
    staff,
    timers,
    users,
)

__all__ = [
    "bookings",
    "carwashes",
    "lots",
    "notifications",
    "payments",
    "schedule",
    "site",
    "staff",
    "timers",
    "users",
]
