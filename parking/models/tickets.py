"""Single-use tickets with which a client without cookies opens a socket."""

from django.conf import settings
from django.db import models

from .users import DeviceToken


class Ticket(models.Model):
    """The right to open one socket, from one origin, until `expires_at`. Stored hashed; used by deletion.

    It ends with the sign-in that asked for it: a session, or a device's token.
    """

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tickets")
    origin = models.CharField(max_length=200, blank=True)
    session_key = models.CharField(max_length=40, blank=True)
    token = models.ForeignKey(DeviceToken, models.CASCADE, null=True, blank=True, related_name="tickets")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"Ticket of {self.user_id}"
