"""What operators schedule: announcements, the owners' digest, and housekeeping.

Each may be run twice without harm. `SCHEDULABLE` says which tasks may stand in the schedule, and
checks their arguments without running anything.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from inspect import Parameter, signature
from typing import Any

from django.core.management import call_command
from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Now

from parking import timers
from parking.actions import occurrences
from parking.actions.accounts import forget_expired_tokens, forget_old_attempts
from parking.errors import Invalid
from parking.events import ANNOUNCEMENT, OWNER_DIGEST, Level
from parking.models import HOLDING, Booking, Lot, Notification, Payment, StoredAnswer, User
from parking.notifications import Notice, notify_many

logger = logging.getLogger(__name__)

MOST_WORDS = 500
MOST_DAYS = 3650
PURGED_PER_BATCH = 1000

# A driver whose booking ended so long ago still belongs to the lot's drivers.
STILL_CONCERNED = timedelta(hours=24)
ANSWERS_KEPT = timedelta(hours=24)

CENT = Decimal("0.01")


def announce(
    *,
    level: str,
    words: str,
    to: str,
    lot: int | None = None,
    call: str | None = None,
    row: str | None = None,
) -> int:
    """Tell all of these people; return how many that were. Raises Invalid.

    `call` is the id of the message that asks for it: the same one again is silence. `row` is the name
    of the row of the schedule that a beat carries out: it is said only if that row is due.
    """
    check_announcement(level=level, words=words, to=to, lot=lot)
    event = replace(ANNOUNCEMENT, level=Level(level))
    key = f"{event.code}:{call}" if call else None
    people = AUDIENCES[to](lot).filter(is_active=True).order_by("pk").values_list("pk", flat=True)
    with transaction.atomic():
        said = Notification.objects.filter(dedupe_key=key, recipient__in=people)
        # In this order: a message that comes again must not take an occurrence from the next one.
        if (key and said.exists()) or (row is not None and not occurrences.take(row)):
            return 0
        notices = [Notice(event, to=person, dedupe_key=key, facts={"words": words}) for person in people]
        notify_many(notices)
    logger.info("An announcement was made", extra={"to": to, "people": len(notices), "row": row})
    return len(notices)


def owner_digest() -> int:
    """Tell every owner with a lot what today (UTC) brought, once a day; return how many owners that are."""
    today = timers.now().astimezone(UTC).date()
    midnight = datetime.combine(today, time(), tzinfo=UTC)
    owners = User.objects.filter(is_active=True, lots__isnull=False).order_by("pk").distinct()
    bookings = _bookings_of_owners(since=midnight)
    income = _sums_of_owners(Payment.objects.received(since=midnight))
    cash_due = _sums_of_owners(
        Payment.objects.filter(method=Payment.Method.CASH, status=Payment.Status.PENDING)
    )
    nothing = Decimal(0)
    notices = [
        Notice(
            OWNER_DIGEST,
            to=owner,
            dedupe_key=f"{OWNER_DIGEST.code}:{today}",
            facts={
                "bookings": bookings.get(owner, 0),
                "income": str(income.get(owner, nothing).quantize(CENT)),
                "cash_due": str(cash_due.get(owner, nothing).quantize(CENT)),
            },
        )
        for owner in owners.values_list("pk", flat=True)
    ]
    with transaction.atomic():
        notify_many(notices)
    return len(notices)


def purge_inbox(*, days: int) -> int:
    """Delete the notices older than so many days; return how many that were. Raises Invalid.

    One without a number stays: nobody has been told it yet. So do the inboxes' own numbers.
    """
    check_purge(days=days)
    done = 0
    while purged := _purge_batch(older_than=timedelta(days=days)):
        done += purged
    logger.info("Old notices were deleted", extra={"count": done, "days": days})
    return done


def tidy() -> None:
    """Delete what has expired and nobody can use any more, kind by kind."""
    call_command("clearsessions")
    forget_expired_tokens()
    forget_old_attempts()
    StoredAnswer.objects.filter(created_at__lt=Now() - ANSWERS_KEPT).delete()


def check(task: str, *, args: Any, kwargs: Any) -> None:
    """Whether this task may be scheduled with these arguments.

    Raises Invalid for `task`, `args`, `kwargs` or the argument that is wrong, saying what is allowed.
    """
    checker = SCHEDULABLE.get(task)
    if checker is None:
        raise Invalid(task=f"There is no such task to schedule. There are: {', '.join(SCHEDULABLE)}.")
    if not isinstance(args, Sequence) or args:
        raise Invalid(args="This must stay empty, []: the arguments have names.")
    parameters = signature(checker).parameters
    takes = _described(parameters.values())
    if not isinstance(kwargs, dict):
        raise Invalid(kwargs=f'This must be an object, {{"name": value, …}}. {takes}')
    if unknown := [name for name in kwargs if name not in parameters]:
        raise Invalid(kwargs=f"There is no argument {', '.join(unknown)}. {takes}")
    needed = [name for name, parameter in parameters.items() if parameter.default is Parameter.empty]
    if missing := [name for name in needed if name not in kwargs]:
        raise Invalid(kwargs=f"Missing: {', '.join(missing)}. {takes}")
    checker(**kwargs)


def check_announcement(*, level: Any, words: Any, to: Any, lot: Any = None) -> None:
    """Raises Invalid, naming every argument that is wrong."""
    wrong = {}
    if level not in list(Level):
        wrong["level"] = f"Must be one of {', '.join(Level)}."
    if not _is_text(words) or not 1 <= len(words.strip()) <= MOST_WORDS or len(words) > MOST_WORDS:
        wrong["words"] = f"Must be a text of 1 to {MOST_WORDS} characters."
    if not isinstance(to, str) or to not in AUDIENCES:
        wrong["to"] = f"Must be one of {', '.join(AUDIENCES)}."
    elif to == "drivers_of_lot":
        if not _is_whole(lot) or not Lot.objects.filter(pk=lot).exists():
            wrong["lot"] = "Must be the id of a lot that exists."
    elif lot is not None:
        wrong["lot"] = "Is only for drivers_of_lot."
    if wrong:
        raise Invalid(**wrong)


def check_purge(*, days: Any) -> None:
    """Raises Invalid unless it is a sensible number of days."""
    if not _is_whole(days) or not 1 <= days <= MOST_DAYS:
        raise Invalid(days=f"Must be a whole number from 1 to {MOST_DAYS}.")


def check_nothing() -> None:
    """For tasks that take no arguments."""


# The tasks that may stand in the schedule, and what checks their arguments.
SCHEDULABLE: dict[str, Callable[..., None]] = {
    "tasks.operations.announce": check_announcement,
    "tasks.operations.owner_digest": check_nothing,
    "tasks.operations.purge_inbox": check_purge,
    "tasks.operations.tidy": check_nothing,
    "tasks.operations.finish_payments": check_nothing,
    "tasks.timers.set_alarms": check_nothing,
    "tasks.notifications.relay": check_nothing,
}


def _described(parameters: Any) -> str:
    names = [
        parameter.name if parameter.default is Parameter.empty else f"{parameter.name} (may be left out)"
        for parameter in parameters
    ]
    return f"The task takes: {', '.join(names)}." if names else "The task takes no arguments."


def _is_text(value: Any) -> bool:
    """Whether PostgreSQL can store it: no NUL, no half of a surrogate pair."""
    return isinstance(value, str) and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _drivers_of(lot: int | None) -> QuerySet[User]:
    """Who holds a booking at this lot, or held one in the last day."""
    lately = Q(
        status__in=(Booking.Status.EXPIRED, Booking.Status.COMPLETED),
        ends_at__gt=Now() - STILL_CONCERNED,
    )
    at_lot = Booking.objects.filter(Q(status__in=HOLDING) | lately, slot__lot=lot)
    return User.objects.filter(pk__in=at_lot.values("driver"))


# Whom an announcement may be for.
AUDIENCES: dict[str, Callable[[int | None], QuerySet[User]]] = {
    "all": lambda _: User.objects.all(),
    "owners": lambda _: User.objects.filter(role=User.Role.OWNER),
    "drivers_of_lot": _drivers_of,
}


def _bookings_of_owners(*, since: datetime) -> dict[int, int]:
    """How many bookings were made at each owner's lots."""
    made = Booking.objects.filter(created_at__gte=since)
    return dict(made.values_list("slot__lot__owner").annotate(Count("pk")).order_by())


def _sums_of_owners(payments: QuerySet[Payment]) -> dict[int, Decimal]:
    """What these payments come to at each owner's lots."""
    owner = Coalesce("booking__slot__lot__owner", "car_wash__wash_type__lot__owner")
    return dict(payments.values_list(owner).annotate(Sum("amount")).order_by())


def _purge_batch(*, older_than: timedelta) -> int:
    old = Notification.objects.filter(seq__isnull=False, created_at__lt=Now() - older_than)
    with transaction.atomic():
        # Skipping what is locked, so that two purges at once share the work.
        batch = old.select_for_update(skip_locked=True).order_by("pk")[:PURGED_PER_BATCH]
        return Notification.objects.filter(pk__in=list(batch.values_list("pk", flat=True))).delete()[0]
