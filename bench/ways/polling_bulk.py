"""A loop that looks ten times a second what is due, and does all of that at once. Run as a process.

The quickest that nobody needs a queue for. It pushes through ParkMate's channel layer in one go, as the usual
layers cannot; what was committed and not pushed when it dies is told to nobody.
"""

import time

from bench.ways import work

EVERY = 0.1


def run() -> None:
    """Look at every full tenth of a second, for ever."""
    while True:
        expire_due()
        time.sleep(EVERY - time.time() % EVERY)


def expire_due() -> None:
    """Expire in one transaction all that is due, then push to all drivers."""
    from channels.layers import get_channel_layer
    from django.db import transaction
    from django.db.models.functions import Now

    from parking.models import Booking, Notification

    with transaction.atomic():
        due = list(
            Booking.objects.select_for_update()
            .filter(status=Booking.Status.BOOKED, ends_at__lte=Now())
            .order_by("ends_at")
        )
        Booking.objects.filter(pk__in=[booking.pk for booking in due]).update(status=Booking.Status.EXPIRED)
        notices = Notification.objects.bulk_create([work.notice_of(booking) for booking in due])
    get_channel_layer().group_send_many([work.push_of(notice) for notice in notices])


if __name__ == "__main__":
    run()
