"""The document of the notices says what the code does."""

from pathlib import Path

from parking.events import CATALOGUE
from parking.management.commands.catalogue import document

DOCUMENT = Path(__file__).parents[1] / "docs" / "events.md"


def test_docs_events_says_what_the_catalogue_says():
    assert DOCUMENT.read_text() == document(), "Run: python manage.py catalogue > docs/events.md"


def test_the_document_has_every_event_and_its_words():
    text = document()
    for event in CATALOGUE.values():
        assert event.code in text
        assert event.words in text
