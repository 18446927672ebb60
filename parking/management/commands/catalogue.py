"""The catalogue of notices as a document: what `docs/events.md` says."""

from typing import Any

from django.core.management.base import BaseCommand

from parking.events import CATALOGUE, Event

HEAD = """\
# The notices

Made from `parking/events.py` by `python manage.py catalogue > docs/events.md`; a test fails when they part.

A notice is raised once for its cause, whoever makes the change: over HTTP, in the admin, in a shell.
`level` is the `type` of its frame. A critical notice can be silenced, but not kept out of the inbox.
"""


class Command(BaseCommand):
    """Writes docs/events.md to the standard output."""

    help = __doc__
    # Words need no settings of a running system.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(document(), ending="")


def document() -> str:
    """The document, in Markdown."""
    rows = [_row(event) for event in CATALOGUE.values()]
    head = ["| Event | Level | To | Words | Raised by |", "|---|---|---|---|---|"]
    return "\n".join([HEAD, *head, *rows, ""])


def _row(event: Event) -> str:
    level = f"{event.level.value}, critical" if event.critical else event.level.value
    cells = (f"`{event.code}`", level, event.audience.value, event.words, event.cause)
    return f"| {' | '.join(cells)} |"
