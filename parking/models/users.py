"""Who uses ParkMate. Staff (Django's `is_staff`) are the operators."""

from typing import ClassVar, TypeAlias

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from knox.models import AbstractAuthToken

from .base import one_of


class UserRole(models.TextChoices):
    DRIVER = "driver", "Driver"
    OWNER = "owner", "Lot owner"


class User(AbstractUser):  # type: ignore[django-manager-missing]  # Knox is not typed
    """A person who signs in: a driver books, an owner has lots."""

    Role: TypeAlias = UserRole

    role = models.CharField(max_length=10, choices=UserRole, default=UserRole.DRIVER)

    class Meta(AbstractUser.Meta):
        constraints: ClassVar = [one_of("role", UserRole, name="user_role_known")]


class DeviceToken(AbstractAuthToken):
    """A sign-in of a client without cookies: one per device, expiring, revocable, stored hashed."""

    # The base's primary key; here a plain id, so that the address to revoke it says nothing of it.
    digest = models.CharField(max_length=128, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="device_tokens")
    device = models.CharField(max_length=100)

    def __str__(self) -> str:
        return f"{self.device} of {self.user}"
