"""Lots and their slots."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from parking.admin.base import Page, linked
from parking.admin.users import OWNERS
from parking.models import Lot, Slot


@admin.register(Lot)
class Lots(Page):
    list_display = ("name", linked("owner"), "address", "slots")
    list_select_related = ("owner",)
    search_fields = ("name", "address", "owner__username")
    autocomplete_fields = ("owner",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).annotate(slot_count=Count("slots"))
        return rows

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **{"queryset": OWNERS.all(), **options})

    @admin.display(description="slots", ordering="slot_count")
    def slots(self, lot: Any) -> SafeString:
        """How many, with a link to them."""
        address = f"{reverse('admin:parking_slot_changelist')}?lot__id__exact={lot.pk}"
        return format_html('<a href="{}">{}</a>', address, lot.slot_count)


@admin.register(Slot)
class Slots(Page):
    list_display = ("__str__", linked("lot"), "number", "vehicle_type", "hourly_rate", "is_active")
    list_select_related = ("lot",)
    list_filter = ("is_active", "vehicle_type")
    search_fields = ("number__exact", "lot__name")
    search_help_text = "A slot's number or a lot's name"
    autocomplete_fields = ("lot",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """The list of lots links to each lot's slots."""
        return lookup == "lot__id__exact" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]
