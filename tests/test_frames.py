"""docs/socket.schema.json: what it permits is what docs/socket.md tells and what the server understands."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from parking.events import CATALOGUE
from tests.frames import FROM_CLIENT, FROM_SERVER, SCHEMA, read
from tests.sockets import socket

DOCUMENT = Path(__file__).resolve().parents[1] / "docs/socket.md"
NOTICE = {
    "type": "info",
    "message": "Your booking has expired. Slot released.",
    "id": 7,
    "seq": 1,
    "event": "BOOKING_EXPIRED",
    "created_at": "2026-01-01T00:00:00.000Z",
    "relevant_until": None,
    "relevant": True,
    "replayed": False,
    "muted": [],
    "unread": 1,
}
UNDERSTOOD = [
    {"type": "ping"},
    {"type": "ack", "seq": 0},
    {"type": "ack", "seq": 2**63 - 1},
    {"type": "follow", "topics": []},
    {"type": "follow", "topics": ["me", "desk", "lot:1", "lot:999999999999999999"]},
    {"type": "follow", "topics": ["me"] * 100},
]
MISTAKES = [
    {},
    {"type": None},
    {"type": "PING"},
    {"type": "notice"},
    {"type": "ack"},
    {"type": "ack", "seq": None},
    {"type": "ack", "seq": "1"},
    {"type": "ack", "seq": True},
    {"type": "ack", "seq": 1.5},
    {"type": "ack", "seq": -1},
    {"type": "ack", "seq": 2**63},
    {"type": "follow"},
    {"type": "follow", "topics": "me"},
    {"type": "follow", "topics": ["me", None]},
    {"type": "follow", "topics": ["desk:7"]},
    {"type": "follow", "topics": ["lot:0"]},
    {"type": "follow", "topics": ["lot:-1"]},
    {"type": "follow", "topics": ["lot:9999999999999999999"]},
    {"type": "follow", "topics": ["me"] * 101},
]


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("frame", ["hello", "notice"])
def test_the_document_and_the_schema_name_the_same_fields(frame):
    title = {"hello": "**The hello**", "notice": "**Notices**"}[frame]
    table = DOCUMENT.read_text().split(title)[1].split("\n**")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE)
    documented = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert documented == set(SCHEMA["$defs"][frame]["required"])


def test_the_schema_has_every_fact_that_the_words_need():
    named = {name for event in CATALOGUE.values() for name in re.findall(r"{(\w+)}", event.words)}
    assert named <= set(SCHEMA["$defs"]["notice"]["properties"])


@pytest.mark.parametrize(
    "change",
    [
        *({name: ...} for name in NOTICE),
        {"type": "notice"},
        {"seq": 0},
        {"seq": "1"},
        {"message": ""},
        {"created_at": "2026-01-01T00:00:00Z"},
        {"created_at": "2026-01-01T00:00:00.000+00:00"},
        {"relevant_until": ""},
        {"muted": ["inbox"]},
        {"connected": True},
        {"booking": 7},
        {"payment": {"id": 1, "amount": 6.0, "status": "paid"}},
    ],
)
def test_another_frame_than_a_notice_is_refused(change):
    read(json.dumps(NOTICE))
    wrong = {name: value for name, value in {**NOTICE, **change}.items() if value is not ...}
    with pytest.raises(ValidationError):
        read(json.dumps(wrong))


def test_a_notice_may_bring_facts_that_nobody_has_thought_of_yet():
    FROM_SERVER.validate({**NOTICE, "event": "AN_ELEVENTH", "weather": {"rain": True}})


@pytest.mark.asyncio
@pytest.mark.usefixtures("layer")
@pytest.mark.parametrize("message", [*UNDERSTOOD, *MISTAKES])
async def test_what_the_schema_permits_the_server_understands_and_nothing_else(cast, message):
    assert FROM_CLIENT.is_valid(message) is (message in UNDERSTOOD)
    async with socket(cast.dina) as opened:
        await opened.say(**message)
        answers = {frame["code"] for frame in await opened.settled() if frame["type"] != "following"}
        # A ping's own pong ends `settled`; the second one's comes after it.
        if message == {"type": "ping"}:
            assert (await opened.next())["type"] == "pong"
        assert answers == (set() if message in UNDERSTOOD else {"bad_message"})
