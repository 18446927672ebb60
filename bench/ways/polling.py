"""A loop that looks once a second what is due, and does it one by one. Run as a process."""

import time

from bench.ways import work


def run() -> None:
    """Look at every full second, for ever."""
    from django.db.models.functions import Now

    from parking.models import Booking

    due = Booking.objects.filter(status=Booking.Status.BOOKED, ends_at__lte=Now()).order_by("ends_at")
    while True:
        for booking_id in list(due.values_list("pk", flat=True)):
            work.expire(booking_id)
        time.sleep(1 - time.time() % 1)


if __name__ == "__main__":
    run()
