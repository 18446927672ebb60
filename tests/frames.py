"""The frames of a socket, each as docs/socket.schema.json says: whoever reads one in a test reads it here."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).resolve().parents[1] / "docs/socket.schema.json").read_text())


def frames(direction: str) -> Draft202012Validator:
    """The schema of what comes `from_server`, or `from_client`."""
    return Draft202012Validator({**SCHEMA, "oneOf": [{"$ref": f"#/$defs/{direction}"}]})


FROM_SERVER = frames("from_server")
FROM_CLIENT = frames("from_client")


def read(text: str | bytes) -> dict[str, Any]:
    """A frame that the server sent. Raises ValidationError if the schema does not know it."""
    frame: dict[str, Any] = json.loads(text)
    FROM_SERVER.validate(frame)
    return frame
