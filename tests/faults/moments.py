"""Named moments in the life of a process, and where in the product they are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """As this function or method is called, or, `after`, as it is about to return with what it did."""

    place: str
    after: bool = False


MOMENTS = {
    # A timer's way.
    "rings": Moment("parking.actions.due:ring"),
    "claimed": Moment("parking.claims:claim_due", after=True),
    "written": Moment("parking.actions.due:_take_effect", after=True),
    "committed": Moment("parking.notifications:relay"),
    "numbered": Moment("parking.relay:_push"),
    "pushed": Moment("parking.relay:_push", after=True),
    # A booking's way.
    "booked": Moment("parking.actions.bookings:pay", after=True),
    "answering": Moment("parking.api.bookings:Bookings.finalize_response"),
}
