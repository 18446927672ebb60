"""How long browsers keep the static files."""

from collections.abc import MutableMapping

CLIENT_FILES = "/static/client/assets/"


def keep_for_ever(headers: MutableMapping[str, str], path: str, url: str) -> None:
    """The name of each of the client's files has a hash of what is in it: under it, it never changes."""
    if url.startswith(CLIENT_FILES):
        headers["Cache-Control"] = "max-age=31536000, public, immutable"
