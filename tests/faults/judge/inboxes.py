"""Promises 4 and 5: inboxes are numbered without a gap, in order, and every screen shows its inbox."""

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from tests.faults.evidence import Evidence
from tests.faults.judge.found import Found, brief

# Commits this close to each other, in seconds, may become visible in either order.
SAME_MOMENT = 0.1


def inboxes_are_numbered_in_order(evidence: Evidence) -> Found:
    """(4) Every inbox is numbered 1..n, in the order of the commits, within the bound of the row."""
    heads = {inbox.user_id: inbox.head for inbox in evidence.inboxes}
    for user_id, notices in _inboxes(evidence).items():
        numbers = sorted(notice.seq for notice in notices if notice.seq is not None)
        if len(numbers) < len(notices):
            yield f"{len(notices) - len(numbers)} notices to {user_id} have no number", "lost"
        if numbers != list(range(1, len(numbers) + 1)) or heads.get(user_id) != len(numbers):
            yield f"the inbox of {user_id} has numbers {brief(numbers)}, head {heads.get(user_id)}", "lost"
        yield from _follows_the_commits(evidence, notices)
    yield from _late_numbers(evidence)


def _late_numbers(evidence: Evidence) -> Found:
    """What a crash left without a number has it soon, and not only when the same person is told again."""
    recipients = {notice.id: notice.recipient_id for notice in evidence.notices}
    told = [row for row in evidence.history if row.subject == "notice"]
    committed = {row.row_id: row.at.timestamp() for row in told if row.became is None}
    for row in told:
        if row.was is None and row.became is not None and row.row_id in committed:
            due = committed[row.row_id]
            for outage in evidence.outages:
                if outage.of_everything or recipients.get(row.row_id) in outage.people:
                    due = outage.ends_for(due, bound=evidence.bound)
            late = row.at.timestamp() - due
            if late > evidence.bound:
                yield f"notice {row.row_id} had its number {late:.2f} s after its commit", "late"


def _follows_the_commits(evidence: Evidence, notices: list[Any]) -> Found:
    """What was numbered later was committed later; what one relay numbered, was written in that order."""
    mine = {notice.id for notice in notices}
    history = [row for row in evidence.history if row.subject == "notice" and row.row_id in mine]
    committed = {row.row_id: row.at.timestamp() for row in history if row.became is None}
    relay = {row.row_id: row.xact for row in history if row.became is not None}
    rows = sorted((notice.seq, notice.id) for notice in notices if notice.seq)
    for (_, first), (_, second) in pairwise(rows):
        if relay.get(first) == relay.get(second):
            wrong = first > second
        else:
            wrong = committed.get(first, 0) > committed.get(second, 0) + SAME_MOMENT
        if wrong:
            yield f"notice {second} was committed before {first} and is numbered after it", "order"


def _inboxes(evidence: Evidence) -> dict[int, list[Any]]:
    inboxes = defaultdict(list)
    for notice in evidence.notices:
        inboxes[notice.recipient_id].append(notice)
    return inboxes


def screens_show_their_inbox(evidence: Evidence) -> Found:
    """(5) Every screen shows its inbox, each notice once, in order."""
    heads = {inbox.user_id: inbox.head for inbox in evidence.inboxes}
    for screen in evidence.screens:
        shown, head = screen.numbers, heads.get(screen.user_id, 0)
        if missing := set(range(1, head + 1)) - set(shown):
            yield f"a screen of {screen.user_id} has not shown {brief(sorted(missing))}", "lost"
        if twice := [number for number, times in Counter(shown).items() if times > 1]:
            yield f"a screen of {screen.user_id} has shown {brief(twice)} twice", "doubled"
        if any(later < earlier for earlier, later in pairwise(shown)):
            yield f"a screen of {screen.user_id} has shown its inbox out of order", "order"
        if beyond := [number for number in shown if number > head]:
            yield f"a screen of {screen.user_id} has shown {brief(beyond)} of {head}", "doubled"
