"""What a promise says when it is broken: in words, and of which kind (lost, doubled, late, …) it is."""

from collections.abc import Iterator

from parking.models.bookings import BookingStatus

Found = Iterator[tuple[str, str]]

CANCELLED = (BookingStatus.CANCELLED, BookingStatus.CANCELLED_BY_ADMIN)


def brief(numbers: list[int]) -> str:
    """These numbers, or the first and last of them."""
    return f"{numbers[:5]} … {numbers[-3:]}" if len(numbers) > 10 else str(numbers)
