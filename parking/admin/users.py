"""Accounts and their devices."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from parking.admin.base import Page, linked
from parking.models import DeviceToken, User

# Whom lots and employees may belong to.
OWNERS = User.objects.filter(role=User.Role.OWNER)

# What makes an operator: only those who may do everything give it away.
POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class Users(UserAdmin, Page):  # type: ignore[type-arg]  # as in base.py
    list_display = ("username", "role", "email", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("role", "is_active", "is_staff", "is_superuser")
    ordering = ("-pk",)
    fieldsets = ((None, {"fields": ("username", "password", "role")}), *UserAdmin.fieldsets[1:])  # type: ignore[index]
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("username", "role", "usable_password", "password1", "password2"),
            },
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Where an owner is asked for, offer owners."""
        if request.GET.get("field_name") == "owner":
            queryset = queryset.filter(role=User.Role.OWNER)
        return super().get_search_results(request, queryset, search_term)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        fields = ("last_login", "date_joined")
        return fields if request.user.is_superuser else (*fields, *POWERS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_touch(request, obj) and super().has_delete_permission(request, obj)


def _may_touch(request: HttpRequest, person: User | None) -> bool:
    """An operator's account is for superusers: whoever sets its password has its powers."""
    me: Any = request.user
    return me.is_superuser or person is None or person == me or not person.is_staff


admin.site.unregister(Group)


@admin.register(Group)
class Groups(GroupAdmin, Page):
    """Django's own, as proof against nonsense as the others."""

    ordering = ("name",)


@admin.register(DeviceToken)
class DeviceTokens(Page):
    """Sign-ins of clients without cookies. Deleting one signs the device out."""

    list_display = ("device", linked("user"), "created", "expiry")
    list_select_related = ("user",)
    search_fields = ("device", "user__username")
    fields = ("device", "user", "created", "expiry")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
