"""Screens: tabs of the people of a run, which remember what they have shown."""

from typing import Any

from tests.faults.box import FaultBox
from tests.faults.ground import Person
from tests.live.tabs import Tab


class Screen(Tab):
    """A tab of one person; after a reset it has read its inbox anew."""

    def __init__(self, box: FaultBox, person: Person, *, seed: int) -> None:
        super().__init__(box, person.session, list(box.ports.values()), seed=seed)
        self.user_id = person.id

    def _show(self, frame: dict[str, Any]) -> None:
        if frame.get("reset"):
            self.numbers = list(range(1, frame["seq"] + 1))
            self.epoch = frame["epoch"]
        elif "connected" in frame or "seq" in frame:
            super()._show(frame)
