"""The judge: after a run has come to rest, the eight promises, each a function that names what breaks it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.evidence import Evidence
from tests.faults.judge.clock import (
    each_effect_and_notice_is_one,
    every_timer_is_done_in_time,
    lateness,
    nothing_is_early_or_of_a_cancelled_timer,
)
from tests.faults.judge.conduct import everything_was_given_back, nobody_stumbled
from tests.faults.judge.found import Found
from tests.faults.judge.inboxes import inboxes_are_numbered_in_order, screens_show_their_inbox
from tests.faults.judge.rules import slots_histories_and_money_are_right

__all__ = ["Violation", "judge", "lateness"]


@dataclass(frozen=True)
class Violation:
    """A broken promise: its number, what happened, and whether something was lost or doubled by it."""

    number: int
    words: str
    kind: str = ""

    def __str__(self) -> str:
        return f"({self.number}) {self.words}"


def judge(evidence: Evidence) -> list[Violation]:
    """All violations, in the order of the promises; none if all is well."""
    return [
        Violation(number, *found)
        for number, promise in enumerate(PROMISES, start=1)
        for found in promise(evidence)
    ]


PROMISES: tuple[Callable[[Evidence], Found], ...] = (
    every_timer_is_done_in_time,
    nothing_is_early_or_of_a_cancelled_timer,
    each_effect_and_notice_is_one,
    inboxes_are_numbered_in_order,
    screens_show_their_inbox,
    slots_histories_and_money_are_right,
    nobody_stumbled,
    everything_was_given_back,
)
