"""Who uses ParkMate. Staff (Django's `is_staff`) are the operators."""

from typing import ClassVar, TypeAlias

from django.contrib.auth.models import AbstractUser
from django.db import models

from .base import one_of


class UserRole(models.TextChoices):
    DRIVER = "driver", "Driver"
    OWNER = "owner", "Lot owner"


class User(AbstractUser):
    """A person who signs in: a driver books, an owner has lots."""

    Role: TypeAlias = UserRole

    role = models.CharField(max_length=10, choices=UserRole, default=UserRole.DRIVER)

    class Meta(AbstractUser.Meta):
        constraints: ClassVar = [one_of("role", UserRole, name="user_role_known")]
