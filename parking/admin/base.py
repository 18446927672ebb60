"""What the operators' pages share: what they may never answer with a traceback, and how they show things."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

# Django's stubs want to know the model; Django itself takes no parameters.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    ModelForm = forms.ModelForm[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin, ModelForm, TabularInline = admin.ModelAdmin, forms.ModelForm, admin.TabularInline

# What is longer is in no column that is searched.
LONGEST_SEARCH = 300

Column = Callable[[Any], str | bool]


class Choices(AutocompleteSelect):
    """Django's, which fails when it draws a form again whose value was no id at all."""

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        return super().optgroups(name, [each for each in value if str(each).isdecimal()], attrs)


class Page(ModelAdmin):
    """A model's pages. Foreign keys are read with the row, also for the choices of an autocomplete."""

    list_select_related: ClassVar[Any] = ()
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.select_related(*self.list_select_related) if self.list_select_related else rows

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            options.setdefault("widget", Choices(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **options)

    def describe(self, row: Any) -> str:
        """The row in one line, for whoever is asked whether they mean it."""
        return str(row)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Values that only the database refuses are the same to a reader as those that Django refuses."""
        try:
            return super().get_changelist_instance(request)
        except (DataError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search, but not for what no column can hold."""
        if "\0" in search_term or len(search_term) > LONGEST_SEARCH:
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *where: Any
    ) -> HttpResponse | None:
        """Act on the rows that were ticked, all of them, or say which ones are gone.

        Django would leave out in silence those that have meanwhile left the list's filter.
        """
        ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        try:
            ids = {self.opts.pk.to_python(value) for value in ticked}
        except ValidationError:
            self.message_user(request, "No such rows. Nothing was done.", messages.ERROR)
            return None
        if request.POST.get("select_across", "0") == "0":
            queryset = self.get_queryset(request).filter(pk__in=ids)
            if gone := ids - set(queryset.values_list("pk", flat=True)):
                names = ", ".join(str(pk) for pk in sorted(gone))
                self.message_user(request, f"Not there any more: {names}.", messages.ERROR)
        return super().response_action(request, queryset, *where)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write only what was changed here: the rest may have moved since the form was drawn."""
        if not change:
            super().save_model(request, obj, form, change)
        elif changed := self._columns() & set(form.changed_data):
            obj.save(update_fields=changed)

    def _columns(self) -> set[str]:
        return {field.name for field in self.opts.concrete_fields}


class History(Page):
    """Rows that are history: shown, and moved by verbs alone."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*(field.name for field in self.opts.concrete_fields), *self.readonly_fields]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Without buttons to save: there is nothing to."""
        context = {"show_save": False, "show_save_and_continue": False, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)


class Rows(TabularInline):
    """The rows that belong to another one, to look at."""

    extra = 0
    can_delete = False
    show_change_link = True
    list_select_related: ClassVar[Any] = ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).order_by("pk")
        return rows.select_related(*self.list_select_related) if self.list_select_related else rows


def link_to(row: Model, *, says: object = "") -> SafeString:
    """A link to the row's page."""
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, says or str(row))


def linked(path: str, *, says: str = "") -> Column:
    """A column that links to the row at the end of `path`, such as `booking__driver`; `says`: by what."""

    @admin.display(description=path.rpartition("__")[2].replace("_", " "), ordering=path)
    def column(row: Any) -> str:
        for name in path.split("__"):
            row = row and getattr(row, name)
        return link_to(row, says=getattr(row, says) if says else "") if row else "-"

    column.__name__ = path
    return column


def after(field: str) -> Column:
    """A column that says how long after the row's creation the moment in `field` came."""

    @admin.display(description=field.removesuffix("_at").replace("_", " "), ordering=field)
    def column(row: Any) -> str:
        moment = getattr(row, field)
        return f"+{duration(moment - row.created_at)}" if moment else "-"

    column.__name__ = field
    return column


def duration(length: timedelta | None) -> str:
    """A length of time as people say it: `12 ms`, `3.2 s`, `4 min`, `2.5 h`."""
    if length is None:
        return "-"
    seconds = length.total_seconds()
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    for unit, size, most in (("s", 60, 60), ("min", 60, 60), ("h", 24, 48)):
        if round(abs(seconds), 1) < most:
            return f"{seconds:.1f}".removesuffix(".0") + f" {unit}"
        seconds /= size
    return f"{seconds:.0f} days"
