"""Notices: who was told what and when."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from parking.admin.base import History, after, linked
from parking.events import CATALOGUE
from parking.models import Inbox, Mute, Notification


class EventFilter(admin.SimpleListFilter):
    """By event of the catalogue: to ask the table which there are would read all of it."""

    title = "event"
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, code) for code in CATALOGUE]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(event=self.value()) if self.value() else queryset


class LookedAt(History):
    """Rows that nobody changes here."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Notification)
class Notifications(LookedAt):
    list_display = (
        "id",
        linked("recipient"),
        "seq",
        "event",
        "level",
        "message",
        "created_at",
        after("committed_at"),
        after("pushed_at"),
        after("acked_at"),
        after("read_at"),
    )
    list_select_related = ("recipient",)
    list_filter = (EventFilter, "level", "created_at")
    search_fields = ("recipient__username",)
    search_help_text = "The recipient's username"


@admin.register(Inbox)
class Inboxes(LookedAt):
    list_display = (linked("user"), "head", "acked", "epoch")
    list_select_related = ("user",)
    search_fields = ("user__username",)


@admin.register(Mute)
class Mutes(LookedAt):
    list_display = ("id", linked("user"), "event", "channel")
    list_select_related = ("user",)
    list_filter = (EventFilter, "channel")
    search_fields = ("user__username",)
