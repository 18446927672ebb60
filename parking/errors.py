"""What the rules forbid: one exception per reason, each with a code that never changes.

The HTTP door turns `status` into the answer's; the rules themselves know no HTTP beyond the number.
"""

from datetime import datetime
from typing import Any


class ParkingError(Exception):
    """Something the rules forbid. The message may be shown to the person who asked."""

    code = "refused"
    status = 409

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    @property
    def reason(self) -> str:
        """Why, in words for a sentence that has said what failed."""
        return self.message


class Invalid(ParkingError):
    """A value no booking can have. `fields` says which and why."""

    code = "invalid"
    status = 400

    def __init__(self, **fields: str) -> None:
        super().__init__("Some values are not right.", fields={k: [v] for k, v in fields.items()})

    @property
    def reason(self) -> str:
        return " ".join(word for words in self.facts["fields"].values() for word in words)


class NotFound(ParkingError):
    """It does not exist, or is not this person's to see: nobody is told which."""

    code = "not_found"
    status = 404

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class Forbidden(ParkingError):
    """This person may see it, but not do this to it."""

    code = "forbidden"
    status = 403


class WrongCredentials(ParkingError):
    """The same answer for an unknown name, a wrong password and a closed account."""

    code = "wrong_credentials"
    status = 401

    def __init__(self) -> None:
        super().__init__("The name or the password is wrong.")


class SlotTaken(ParkingError):
    """The slot is held for some of that time. `next_free_at` is when a booking as long would fit."""

    code = "slot_taken"

    def __init__(self, *, next_free_at: datetime | None = None) -> None:
        super().__init__("The slot is taken for some of that time.", next_free_at=next_free_at)


class IllegalMove(ParkingError):
    """Something cannot go from the state it is in to the one asked for."""

    code = "illegal_move"

    def __init__(self, *, what: str = "booking", status: str) -> None:
        facts = {f"{what.replace(' ', '_')}_status": status}
        super().__init__(f"The {what} is {status}: this cannot be done now.", **facts)


class NotExpired(ParkingError):
    """A renewal came before the booking's end."""

    code = "not_expired"

    def __init__(self, *, status: str) -> None:
        super().__init__("Booking must completely expire before renewal", booking_status=status)


class AlreadyRenewed(ParkingError):
    """The booking was renewed before; `renewed_by` is the new one."""

    code = "already_renewed"

    def __init__(self, *, renewed_by: int) -> None:
        super().__init__("This booking was renewed already.", renewed_by=renewed_by)


class AlreadyEnded(ParkingError):
    """An extension came at or after the booking's end."""

    code = "already_ended"

    def __init__(self, *, status: str) -> None:
        super().__init__("The booking's time is up: renew it instead.", booking_status=status)


class PaymentDeclined(ParkingError):
    """The gateway would not take the money; nothing was stored."""

    code = "payment_declined"
    status = 402

    def __init__(self, reason: str) -> None:
        super().__init__(f"Payment declined: {reason}", reason=reason)


class GatewayAway(ParkingError):
    """The payment provider does not answer; nothing was stored."""

    code = "payment_unavailable"
    status = 503

    def __init__(self) -> None:
        super().__init__("The payment provider does not answer. Try again in a moment.")


class NotCash(ParkingError):
    """Only cash is verified, or handed back, by a person."""

    code = "not_cash"

    def __init__(self) -> None:
        super().__init__("This payment was not made in cash.")


class NothingToHandBack(ParkingError):
    """No refund of this payment is due."""

    code = "no_refund_due"

    def __init__(self) -> None:
        super().__init__("No refund of this payment is due.")


class NameTaken(ParkingError):
    """Something else at this lot has that number or name. `fields` says which."""

    code = "name_taken"

    def __init__(self, **fields: str) -> None:
        super().__init__("That name is taken.", fields={k: [v] for k, v in fields.items()})


class Replaced(ParkingError):
    """A parked timer whose booking has armed a newer one of its kind."""

    code = "timer_replaced"

    def __init__(self) -> None:
        super().__init__("Its booking has armed a newer timer of this kind, which does its work.")
