"""One readable line for each thing that happened: what, then the facts of it."""

import logging

# A record's own attributes; whatever else stands on it came with `extra`. `color_message` is
# uvicorn's, and says the message a second time.
_OWN = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"}
# A message may quote what somebody typed: it must not start a second line, or steer a terminal.
_CONTROL = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160)) if chr(code) != "\t"}


class LineFormatter(logging.Formatter):
    """`LEVEL logger: message key=value …`, with the facts from `extra` and then the traceback, if any.

    No time: where these lines are collected (honcho, journald, Docker) they get one.
    """

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line; `Formatter.format` puts the traceback under it."""
        line = super().formatMessage(record).translate(_CONTROL)
        facts = [f"{name}={_shown(value)}" for name, value in vars(record).items() if name not in _OWN]
        return " ".join([line, *facts])


def _shown(value: object) -> str:
    """Plain where that is unambiguous, quoted where it would not be."""
    text = str(value)
    plain = text.isprintable() and text and not set(text) & set(" \"'=")
    return text if plain else repr(text)
