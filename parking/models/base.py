"""What several models share."""

from collections.abc import Collection
from typing import Any, Self

from django.db import models
from django.db.models import Q

UNKNOWN = object()


def one_of(field: str, choices: type[models.TextChoices], *, name: str) -> models.CheckConstraint:
    """A constraint that keeps `field` among its choices, also for those who write SQL by hand."""
    return models.CheckConstraint(condition=Q(**{f"{field}__in": choices.values}), name=name)


class RemembersLoaded(models.Model):
    """A model that remembers its field values as the database last told them, for `signals.py`.

    A field that was deferred, or a row that was never loaded, answers UNKNOWN.
    """

    class Meta:
        abstract = True

    _loaded: dict[str, Any]

    @classmethod
    def from_db(
        cls, db: str | None, field_names: Collection[str], values: Collection[Any], **options: Any
    ) -> Self:
        instance = super().from_db(db, field_names, values, **options)
        instance.remember(field_names)
        return instance

    def loaded(self, field: str) -> Any:
        """The field's value as last loaded or saved, or UNKNOWN."""
        return getattr(self, "_loaded", {}).get(field, UNKNOWN)

    def remember(self, fields: Collection[str]) -> None:
        """Take the present values of these fields as those of the database."""
        present = {name: self.__dict__[name] for name in fields if name in self.__dict__}
        self._loaded = {**getattr(self, "_loaded", {}), **present}
