"""Who uses ParkMate. Staff (Django's `is_staff`) are the operators."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models

from .base import one_of


class Role(models.TextChoices):
    DRIVER = "driver", "Driver"
    OWNER = "owner", "Lot owner"


class User(AbstractUser):
    """A person who signs in: a driver books, an owner has lots."""

    Role = Role

    role = models.CharField(max_length=10, choices=Role, default=Role.DRIVER)

    class Meta(AbstractUser.Meta):
        constraints: ClassVar = [one_of("role", Role, name="user_role_known")]
