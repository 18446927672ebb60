"""Bookings: who holds which slot when, with everything that hangs on each."""

from django.contrib import admin
from django.db.models.fields.json import KT
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from parking.actions import bookings
from parking.admin.base import History, Rows, link_to, linked
from parking.admin.verbs import ActingPage, Verb
from parking.models import Booking, CarWash, Notification, Payment, Timer


class Timers(Rows):
    model = Timer
    fields = ("kind", "state", "due_at", "fired_at", "attempts", "last_error")


class Payments(Rows):
    model = Payment
    fields = ("method", "amount", "status", "verified_by", "verified_at", "refund_due_at", "refunded_at")
    list_select_related = ("verified_by",)


class CarWashes(Rows):
    model = CarWash
    fields = ("wash_type", "employee", "status", "price", "started_at", "completed_at")
    list_select_related = ("wash_type", "employee")


@admin.register(Booking)
class Bookings(ActingPage, History):
    list_display = (
        "id",
        linked("driver"),
        linked("slot"),
        "vehicle_number",
        "starts_at",
        "ends_at",
        "status",
        "price",
    )
    list_select_related = ("driver", "slot__lot", "renewed_from")
    list_filter = ("status", "starts_at", "ends_at")
    search_fields = ("id__exact", "vehicle_number", "driver__username", "slot__lot__name")
    search_help_text = "A booking's number, a vehicle, a driver or a lot"
    inlines = (Timers, Payments, CarWashes)
    readonly_fields = ("notices",)
    verbs = (
        Verb(
            "decline",
            "Decline",
            "Decline the selected bookings",
            done="Declined",
            do=bookings.decline,
            consequence="The slots become free, what was paid is refunded, and the drivers are told."
            " This cannot be undone.",
        ),
    )

    def describe(self, row: Booking) -> str:
        period = f"{row.starts_at:%Y-%m-%d %H:%M} to {row.ends_at:%Y-%m-%d %H:%M}"
        return f"Booking {row.pk}: {row.driver}, {row.slot}, {period}, {row.price}, {row.status}"

    @admin.display(description="notices")
    def notices(self, booking: Booking) -> SafeString | str:
        """What was told about this booking, to whom and when."""
        about = Notification.objects.annotate(about=KT("facts__booking__id"))
        rows = about.filter(facts__has_key="booking", about=str(booking.pk)).select_related("recipient")
        lines = (
            (f"{row.created_at:%Y-%m-%d %H:%M:%S}", link_to(row, says=row.event), row.recipient.username)
            for row in rows.order_by("pk")
        )
        found = format_html_join("", "<li>{} {} to {}</li>", lines)
        return format_html('<ul class="plain">{}</ul>', found) if found else "None yet."
