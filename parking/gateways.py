"""Payment gateways: one interface, and a sandbox that stands in for a provider. No card data comes here."""

import secrets
from decimal import Decimal
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from parking.errors import PaymentDeclined


class Gateway(Protocol):
    """Takes money against a token that the provider's own form gave to the client."""

    def charge(self, *, amount: Decimal, method: str, token: str) -> str:
        """Take the amount; return the provider's reference. Raises PaymentDeclined."""


class SandboxGateway:
    """A provider that moves no money. `tok_visa` is accepted; every other token says why it is not."""

    accepted = frozenset({"tok_visa"})
    reasons = {  # noqa: RUF012 - a constant
        "tok_declined": "the card was declined",
        "tok_insufficient_funds": "insufficient funds",
    }

    def charge(self, *, amount: Decimal, method: str, token: str) -> str:
        """A made-up reference, or PaymentDeclined with the token's reason."""
        if token not in self.accepted:
            raise PaymentDeclined(self.reasons.get(token, "the payment token is not known"))
        return f"sandbox_{method}_{secrets.token_hex(8)}"


def gateway() -> Gateway:
    """The gateway that the settings name."""
    chosen: Gateway = import_string(settings.PAYMENT_GATEWAY)()
    return chosen
