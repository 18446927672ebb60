"""The catalogue of notices: level, audience, words. The words are the product's contract.

An eleventh notice is one line here and the place that causes it: no migration, no change in the client.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How a notice is drawn; the `type` of its frame."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


class Audience(StrEnum):
    """Whom an event is for; the place that causes it names the person."""

    DRIVER = "driver"
    OWNER = "owner"
    EVERYONE = "everyone"


class Channel(StrEnum):
    """Where a notice shows. Without INBOX there is no notice at all; the others are the client's."""

    INBOX = "inbox"
    TOAST = "toast"
    SOUND = "sound"
    VIBRATION = "vibration"


@dataclass(frozen=True)
class Event:
    """A kind of notice. `words` is a format string over the facts given to `notify`.

    `cause` says in plain words what raises it. A `critical` one cannot be kept out of the inbox.
    """

    code: str
    level: Level
    audience: Audience
    words: str
    cause: str
    critical: bool = False

    def message(self, facts: dict[str, Any]) -> str:
        """The notice's text. Raises KeyError if a fact that the words need is missing."""
        return self.words.format_map(facts)


CATALOGUE: dict[str, Event] = {}


def _event(
    code: str, level: Level, audience: Audience, words: str, *, cause: str, critical: bool = False
) -> Event:
    CATALOGUE[code] = event = Event(code, level, audience, words, cause, critical)
    return event


_D, _O, _E = Audience.DRIVER, Audience.OWNER, Audience.EVERYONE

BOOKING_WARNING = _event(
    "BOOKING_WARNING",
    Level.WARNING,
    _D,
    "Your booking will expire in 5 minutes!",
    cause="The clock, five minutes before the booking's end.",
    critical=True,
)
BOOKING_EXPIRED = _event(
    "BOOKING_EXPIRED",
    Level.INFO,
    _D,
    "Your booking has expired. Slot released.",
    cause="The clock, at the booking's end.",
    critical=True,
)
RENEW_SUCCESS = _event(
    "RENEW_SUCCESS",
    Level.SUCCESS,
    _D,
    "Booking renewed successfully!",
    cause="The driver renewed an expired booking.",
)
RENEW_FAILURE = _event(
    "RENEW_FAILURE",
    Level.ERROR,
    _D,
    "Renewal failed: {reason}",
    cause="A renewal was refused: the payment, the slot, or the time was not right.",
)
RENEW_TOO_EARLY = _event(
    "RENEW_TOO_EARLY",
    Level.WARNING,
    _D,
    "Booking must completely expire before renewal",
    cause="The driver asked for a renewal before the booking's end.",
)
SLOT_AUTO_EXPIRED = _event(
    "SLOT_AUTO_EXPIRED",
    Level.WARNING,
    _D,
    "Your booking for Slot #{slot} expired",
    cause="The booking closed by itself, because nobody renewed it in time.",
    critical=True,
)
BOOKING_DECLINED = _event(
    "BOOKING_DECLINED",
    Level.WARNING,
    _D,
    "Admin declined your booking request",
    cause="The lot's owner or staff declined the booking.",
)
CASH_VERIFIED = _event(
    "CASH_VERIFIED",
    Level.SUCCESS,
    _D,
    "Your cash payment has been verified",
    cause="The lot's owner or staff verified a cash payment.",
)
NEW_BOOKING = _event(
    "NEW_BOOKING",
    Level.INFO,
    _O,
    "New booking received for Lot #{lot}",
    cause="A slot of one of the owner's lots was booked.",
)
CARWASH_COMPLETED = _event(
    "CARWASH_COMPLETED",
    Level.SUCCESS,
    _D,
    "Your car wash service has been completed",
    cause="The owner or staff completed a car wash.",
)
EMPLOYEE_ASSIGNED = _event(
    "EMPLOYEE_ASSIGNED",
    Level.INFO,
    _O,
    "New employee {name} assigned to Lot #{lot}",
    cause="An employee was put on one of the owner's lots.",
)
# What operators schedule: `announce` says it at the level that they chose.
ANNOUNCEMENT = _event(
    "ANNOUNCEMENT", Level.INFO, _E, "{words}", cause="An operator's announcement, at the level they chose."
)
OWNER_DIGEST = _event(
    "OWNER_DIGEST",
    Level.INFO,
    _O,
    "Today: {bookings} bookings, {income} received, {cash_due} in cash to verify",
    cause="The operators' schedule, once a day.",
)
