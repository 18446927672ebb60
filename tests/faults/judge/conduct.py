"""Promises 7 and 8: nobody stumbles, and nothing that was taken is kept."""

import re

from tests.faults.evidence import Evidence
from tests.faults.judge.found import Found

# What may be kept more than before, and how much in any case: what is done for the first time loads what
# does it, which for a sweeper is 13 MB; and the two web processes' pools keep ten connections each.
GROWTH = 1.1
LEAST_GROWTH = {"memory": 20e6, "handles": 8, "connections": 20, "keys": 12}
# Where a line of the log begins, as the house writes them: what follows, up to the next, belongs to it.
LINE = re.compile(r"^(?=(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) )", re.MULTILINE)


def nobody_stumbled(evidence: Evidence) -> Found:
    """(7) Nobody ends by itself; no traceback, no 1011, no 5xx but a declared 503; everybody was answered."""
    for fallen in evidence.fallen:
        yield f"{fallen}, ended by itself", ""
    for name, log in evidence.logs.items():
        for report in LINE.split(log):
            if "Traceback" in report and not any(re.search(words, report) for words in evidence.may_say):
                yield f"{name} said: {_ends(report)}", ""
    for screen in evidence.screens:
        if 1011 in screen.codes:
            yield f"a socket of {screen.user_id} was closed with 1011", ""
    for answer in evidence.answers:
        if answer.status is None:
            yield f"{answer.verb} of {answer.vehicle or answer.booking} was never answered", "lost"
        elif answer.status >= 500 and (answer.status, answer.code) != (503, "unavailable"):
            yield f"{answer.verb} was answered {answer.status} {answer.code}", ""


def everything_was_given_back(evidence: Evidence) -> Found:
    """(8) Memory, handles, connections and keys are back where they were, and a tenth more at most."""
    for name, (before, after) in evidence.used.items():
        least = next((least for what, least in LEAST_GROWTH.items() if what in name), 0)
        if name.startswith("handles of web"):
            # A screen that comes back may come to the other one.
            least += len(evidence.screens)
        if after > max(before * GROWTH, before + least):
            yield f"{name}: {before:,.0f} before, {after:,.0f} after", ""


def _ends(report: str) -> str:
    """The first line of a report with a traceback, and the last."""
    first, *_, last = report.strip().splitlines()
    return f"{first[:300]} … {last[:300]}"
