"""What several models share."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.signals import post_save

from parking.errors import IllegalMove

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

    def facts(self) -> dict[str, Any]:
        """What a notice about this row carries: JSON values only."""
        raise NotImplementedError

    def loaded(self, field: str) -> Any:
        """The field's value as last loaded or saved, or UNKNOWN."""
        return getattr(self, "_loaded", {}).get(field, UNKNOWN)

    def remember(self, fields: Collection[str]) -> None:
        """Take the present values of these fields as those of the database."""
        present = {name: self.__dict__[name] for name in fields if name in self.__dict__}
        self._loaded = {**getattr(self, "_loaded", {}), **present}

    def announce_update(self, *fields: str) -> None:
        """Say what `save(update_fields=fields)` would have said: an UPDATE sends no signal."""
        post_save.send(
            type(self),
            instance=self,
            created=False,
            update_fields=frozenset(fields),
            raw=False,
            using=self._state.db,
        )


class HasLife(RemembersLoaded):
    """A model whose `status` moves by one table, `MOVES`: from each state, those it may go to."""

    MOVES: ClassVar[Mapping[str, frozenset[str]]]

    status = models.CharField(max_length=20)

    class Meta:
        abstract = True

    def move(self, to: str, **also: Any) -> None:
        """Go to another state, if the table allows it and nobody was first; tell the signals.

        `also`: fields that are written with it. Raises IllegalMove with the state the row is in.
        """
        rows = type(self)._default_manager.filter(pk=self.pk)
        sources = [source for source, targets in self.MOVES.items() if to in targets]
        if not rows.filter(status__in=sources).update(status=to, **also):
            raise IllegalMove(
                what=str(self._meta.verbose_name), status=rows.values_list("status", flat=True).get()
            )
        self.status = to
        if also:
            self.refresh_from_db(fields=list(also))
        self.announce_update("status", *also)
