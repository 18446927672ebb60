"""A payment provider that keeps its books, and fails as providers do."""

from decimal import Decimal
from typing import ClassVar

from tests.gateways import AWAY, DECLINED, RecordingGateway


class Provider(RecordingGateway):
    """What is asked a second time is not done again. An answer may be lost after the thing was done."""

    how: ClassVar[dict[str, str]] = {}

    def authorise(self, *, amount: Decimal, method: str, token: str) -> str:
        if token != "tok_visa" and not self.how.get("authorise"):
            raise DECLINED
        return super().authorise(amount=amount, method=method, token=token)

    def _ask(self, call: str, reference: str, amount: Decimal) -> None:
        how = self.how.get(call)
        if how == "away":
            raise AWAY
        if (call, reference, amount) not in self.asked:
            if how == "declined":
                raise DECLINED
            super()._ask(call, reference, amount)
        if how == "answer lost":
            raise AWAY

    @classmethod
    def kept(cls) -> dict[str, Decimal]:
        """What it took and did not give back, by reference."""
        taken = {reference: amount for call, reference, amount in cls.asked if call == "capture"}
        for call, reference, _ in cls.asked:
            if call == "refund":
                taken.pop(reference, None)
        return taken
