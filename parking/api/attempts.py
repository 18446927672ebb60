"""Failed sign-ins: counted in the database, and too many lock the account or the address for a while.

Whoever asks `authenticate` is held to it, the admin's form too: Axes calls what is here, by its settings.
A lock is looked for before a password and a failure counted after it. So a few more than the limit may be
tried by requests that run at the same moment, which the database's pool bounds.
"""

import ipaddress
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Case, DurationField, ExpressionWrapper, F, Max, Sum, Value, When
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse

from parking.api.exceptions import too_many_attempts

NOWHERE = "::"


class Attempts(AxesDatabaseHandler):
    """Axes' handler, with a limit for accounts and one for addresses.

    Axes' own also keeps the query and the body of each request, and forgets the failures of a whole
    address when anybody signs in from there, so that a guesser with an account could go on for ever.
    """

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        """Whether to refuse without a look at the password; `request.sign_in_locked_for` has the seconds."""
        request.sign_in_locked_for = max(
            _locked_for(settings.AXES_FAILURE_LIMIT, username=_name(credentials)),
            _locked_for(settings.SIGN_IN_FAILURES_PER_ADDRESS, ip_address=request.axes_ip_address),
        )
        return bool(request.sign_in_locked_for)

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: Any = None, **_: Any
    ) -> None:
        """Count it, unless it was refused unseen."""
        if not request.axes_locked_out:
            _count(_name(credentials), address=request.axes_ip_address, path=request.axes_path_info)

    def user_logged_in(self, sender: Any, request: Any, user: Any, **_: Any) -> None:
        """Forget this account's failures."""
        AccessAttempt.objects.filter(username=user.get_username()).delete()

    def user_logged_out(self, sender: Any, request: Any, user: Any, **_: Any) -> None:
        """Axes would keep a diary of it."""


def locked(request: Any, *_: Any) -> HttpResponse:
    """What the middleware answers instead of the view."""
    return too_many_attempts(request, seconds=request.sign_in_locked_for)


def address(request: HttpRequest) -> str:
    """Whose failures are added up: an IPv6 customer has a whole /64; who has no address shares NOWHERE."""
    try:
        found = ipaddress.ip_address(request.META.get("REMOTE_ADDR", "").partition("%")[0])
    except ValueError:
        return NOWHERE
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or ipaddress.IPv6Network((found, 64), strict=False).network_address
    return str(found)


def _name(credentials: dict[str, Any] | None) -> str:
    """The name that was typed, so that the column takes it: the admin's form lets long ones through."""
    return str((credentials or {}).get("username") or "").replace("\0", "")[:255]


def _locked_for(limit: int, **whose: str) -> float:
    """For how many seconds more, at most; 0 if there is no lock."""
    counting = AccessAttempt.objects.filter(**whose, attempt_time__gt=Now() - settings.AXES_COOLOFF_TIME)
    found = counting.aggregate(
        failures=Sum("failures_since_start"),
        ago=ExpressionWrapper(Now() - Max("attempt_time"), output_field=DurationField()),
    )
    if (found["failures"] or 0) < limit:
        return 0.0
    return float((settings.AXES_COOLOFF_TIME - found["ago"]).total_seconds())


def _count(name: str, *, address: str, path: str) -> None:
    """One row per name and address. A row that was over, and not yet forgotten, begins again at one."""
    key = {"username": name, "ip_address": address, "user_agent": ""}
    over = When(attempt_time__lte=Now() - settings.AXES_COOLOFF_TIME, then=Value(1))
    rows = AccessAttempt.objects.filter(**key)
    failed = {
        "failures_since_start": Case(over, default=F("failures_since_start") + 1),
        "attempt_time": Now(),
        "path_info": path,
    }
    if not rows.update(**failed):
        first = AccessAttempt(**key, failures_since_start=0)
        AccessAttempt.objects.bulk_create([first], ignore_conflicts=True)
        rows.update(**failed)
