"""The rules' verbs as actions on the rows ticked in a list: asked for, done one by one, and accounted for."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from parking.admin.base import Page
from parking.errors import ParkingError

# Few enough for one request, and for one form to carry their ids.
MOST_AT_ONCE = 500

Questions = Callable[[Sequence[Any], Any], forms.Form]


@dataclass(frozen=True)
class Verb:
    """What may be done to the rows of a list. `do(id, by=…)` returns the row or raises ParkingError.

    A `consequence` is said, and asked about, before anything is done; `questions` are put with it, and
    their answers handed to `do`.
    """

    name: str
    button: str
    words: str
    done: str
    do: Callable[..., Any]
    consequence: str = ""
    questions: Questions = lambda rows, data: forms.Form(data)


class ActingPage(Page):
    """A model's pages whose rows are moved by verbs: in the list, and by a button on each row's page."""

    verbs: Sequence[Verb] = ()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Django's, and the verbs for those who may change such rows."""
        actions: dict[str, Any] = super().get_actions(request)
        may_act = self.has_change_permission(request)
        return {**actions, **{verb.name: _as_action(verb) for verb in self.verbs if may_act}}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        """The row's page, with a button for each verb."""
        verbs = self.verbs if self.has_change_permission(request) else ()
        return super().render_change_form(request, {**context, "verbs": verbs}, *args, **options)


def _as_action(verb: Verb) -> tuple[Callable[..., HttpResponse | None], str, str]:
    def act(page: Page, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        chosen = list(rows.order_by("pk")[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            words = f"At most {MOST_AT_ONCE} at once. Nothing was done."
            page.message_user(request, words, messages.ERROR)
            return None
        if not chosen:
            return None
        form = verb.questions(chosen, request.POST if "confirmed" in request.POST else None)
        if verb.consequence and not form.is_valid():
            return _ask(verb, page, request, chosen, form=form)
        _carry_out(verb, page, request, chosen, answers=form.cleaned_data if verb.consequence else {})
        return None

    return act, verb.name, verb.words


def _ask(
    verb: Verb, page: Page, request: HttpRequest, rows: Sequence[Any], *, form: forms.Form
) -> TemplateResponse:
    """The page that says what would be done to which rows."""
    context = {
        **admin.site.each_context(request),
        "title": verb.words,
        "verb": verb,
        "form": form,
        "rows": [(row.pk, page.describe(row)) for row in rows],
        "opts": page.opts,
        "media": page.media,
        "checkbox": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/parking/ask.html", context)


def _carry_out(
    verb: Verb, page: Page, request: HttpRequest, rows: Sequence[Any], *, answers: dict[str, Any]
) -> None:
    """Do it to each row, and tell exactly what became of each."""
    done, idle, refused = [], [], defaultdict(list)
    for row in rows:
        try:
            after = verb.do(row.pk, by=request.user, **answers)
        except ParkingError as error:
            refused[error.reason].append(row)
            continue
        if _values(after) == _values(row):
            idle.append(row)
        else:
            done.append(row)
            page.log_change(request, row, f"{verb.done}.")
    if done:
        words = f"{verb.done} {len(done)} of {len(rows)}: {_names(done)}."
        page.message_user(request, words, messages.SUCCESS)
    if idle:
        page.message_user(request, f"Was so already: {_names(idle)}.", messages.WARNING)
    for reason, those in refused.items():
        page.message_user(request, f"Refused for {_names(those)}: {reason}", messages.ERROR)


def _values(row: Any) -> list[Any]:
    return [getattr(row, field.attname) for field in row._meta.concrete_fields]


def _names(rows: Sequence[Any]) -> str:
    return ", ".join(f"{row._meta.verbose_name} {row.pk}" for row in rows)
