"""Accounts: the tokens of devices, a new password, and forgetting what is over."""

from axes.models import AccessAttempt
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from parking.errors import NotFound, WrongCredentials
from parking.models import DeviceToken, User

TOKENS_PER_PERSON = 20

# How many rows are forgotten in one statement: an attack may leave many behind.
BATCH = 5000


def issue_token(person: User, *, device: str) -> tuple[DeviceToken, str]:
    """Sign a device in: its row, and the token, which is told this once and kept only as a digest.

    The oldest goes if there are too many. Raises WrongCredentials as `_lock` does.
    """
    with transaction.atomic():
        _lock(person)
        row, token = DeviceToken.objects.create(user=person, device=device)
        newest = person.device_tokens.order_by("-pk").values("pk")[:TOKENS_PER_PERSON]
        person.device_tokens.exclude(pk__in=newest).delete()
        return row, token


def revoke_token(token_id: int, *, by: User) -> None:
    """End one of one's own tokens. Raises NotFound."""
    deleted, _ = by.device_tokens.filter(pk=token_id).delete()
    if not deleted:
        raise NotFound("token")


def change_password(person: User, *, new: str) -> User:
    """Set a password that was found fit; return the person with it. It ends all sessions and tokens.

    Raises WrongCredentials as `_lock` does.
    """
    with transaction.atomic():
        locked = _lock(person)
        locked.set_password(new)
        locked.save(update_fields=["password"])
        return locked


def forget_old_attempts() -> int:
    """Delete the failed sign-ins that count no more; return how many rows that were."""
    old = AccessAttempt.objects.filter(attempt_time__lte=Now() - settings.AXES_COOLOFF_TIME)
    forgotten = 0
    while rows := list(old.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        # Asked again: somebody may have failed once more in between.
        forgotten += old.filter(pk__in=rows).delete()[0]
    return forgotten


def forget_expired_tokens() -> int:
    """Delete the tokens whose time is over; return how many."""
    deleted: int = DeviceToken.objects.filter(expiry__lte=Now()).delete()[0]
    return deleted


def _lock(person: User) -> User:
    """The person's row, locked, as it was when they proved their password.

    Raises WrongCredentials if it has another password by now, or is closed: a token that is issued at the
    moment in which the password changes would otherwise outlive the change.
    """
    unchanged = User.objects.filter(pk=person.pk, password=person.password, is_active=True)
    locked = unchanged.select_for_update(no_key=True).first()
    if locked is None:
        raise WrongCredentials
    return locked
