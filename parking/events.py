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


@dataclass(frozen=True)
class Event:
    """A kind of notice. `words` is a format string over the facts given to `notify`."""

    code: str
    level: Level
    audience: Audience
    words: str

    def message(self, facts: dict[str, Any]) -> str:
        """The notice's text. Raises KeyError if a fact that the words need is missing."""
        return self.words.format_map(facts)


CATALOGUE: dict[str, Event] = {}


def _event(code: str, level: Level, audience: Audience, words: str) -> Event:
    CATALOGUE[code] = event = Event(code, level, audience, words)
    return event


_D, _O = Audience.DRIVER, Audience.OWNER

BOOKING_WARNING = _event("BOOKING_WARNING", Level.WARNING, _D, "Your booking will expire in 5 minutes!")
BOOKING_EXPIRED = _event("BOOKING_EXPIRED", Level.INFO, _D, "Your booking has expired. Slot released.")
RENEW_SUCCESS = _event("RENEW_SUCCESS", Level.SUCCESS, _D, "Booking renewed successfully!")
RENEW_FAILURE = _event("RENEW_FAILURE", Level.ERROR, _D, "Renewal failed: {reason}")
RENEW_TOO_EARLY = _event(
    "RENEW_TOO_EARLY", Level.WARNING, _D, "Booking must completely expire before renewal"
)
SLOT_AUTO_EXPIRED = _event("SLOT_AUTO_EXPIRED", Level.WARNING, _D, "Your booking for Slot #{slot} expired")
BOOKING_DECLINED = _event("BOOKING_DECLINED", Level.WARNING, _D, "Admin declined your booking request")
CASH_VERIFIED = _event("CASH_VERIFIED", Level.SUCCESS, _D, "Your cash payment has been verified")
NEW_BOOKING = _event("NEW_BOOKING", Level.INFO, _O, "New booking received for Lot #{lot}")
CARWASH_COMPLETED = _event("CARWASH_COMPLETED", Level.SUCCESS, _D, "Your car wash service has been completed")
EMPLOYEE_ASSIGNED = _event("EMPLOYEE_ASSIGNED", Level.INFO, _O, "New employee {name} assigned to Lot #{lot}")
