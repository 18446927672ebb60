"""A payment provider for tests: it remembers what it was asked, and breaks on demand."""

from decimal import Decimal
from typing import ClassVar

from parking.errors import GatewayAway, PaymentDeclined


class RecordingGateway:
    """What was asked, in order; `fails` names the calls that raise, and what."""

    asked: ClassVar[list[tuple[str, str, Decimal]]] = []
    fails: ClassVar[dict[str, Exception]] = {}

    @classmethod
    def reset(cls) -> None:
        cls.asked, cls.fails = [], {}

    def _ask(self, call: str, reference: str, amount: Decimal) -> None:
        if error := self.fails.get(call):
            raise error
        self.asked.append((call, reference, amount))

    def authorise(self, *, amount: Decimal, method: str, token: str) -> str:
        reference = f"ref_{len(self.asked) + 1}"
        self._ask("authorise", reference, amount)
        return reference

    def capture(self, *, reference: str, amount: Decimal) -> None:
        self._ask("capture", reference, amount)

    def refund(self, *, reference: str, amount: Decimal) -> None:
        self._ask("refund", reference, amount)


AWAY = GatewayAway()
DECLINED = PaymentDeclined("insufficient funds")
