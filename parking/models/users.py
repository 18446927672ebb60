"""Who uses ParkMate. Staff (Django's `is_staff`) are the operators."""

from typing import Any, ClassVar, TypeAlias

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models, transaction
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

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new password ends the tokens, as it ends the sessions, whoever sets it; so does taking it away.

        Django forgets `_password` where it only hashes the same one anew, which ends nothing.
        """
        ends_tokens = self._password is not None or not self.has_usable_password()  # type: ignore[attr-defined]
        with transaction.atomic():
            super().save(*args, **kwargs)
            if ends_tokens:
                self.device_tokens.all().delete()


class DeviceToken(AbstractAuthToken):
    """A sign-in of a client without cookies: one per device, expiring, revocable, stored hashed."""

    # The base's primary key; here a plain id, so that the address to revoke it says nothing of it.
    digest = models.CharField(max_length=128, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="device_tokens")
    device = models.CharField(max_length=100)

    def __str__(self) -> str:
        return f"{self.device} of {self.user}"
