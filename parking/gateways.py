"""Payment gateways: one interface, and a sandbox that stands in for a provider. No card data comes here."""

import secrets
from decimal import Decimal
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from parking.errors import PaymentDeclined


class Gateway(Protocol):
    """A payment provider. Each may raise GatewayAway, and is then asked again later.

    Money is authorised before the commit of what it is for, and captured after it: an authorisation
    whose transaction failed is never captured, and lapses at the provider by itself.
    """

    def authorise(self, *, amount: Decimal, method: str, token: str) -> str:
        """Reserve the amount against a token that the provider's own form gave to the client.

        Returns the provider's reference. Raises PaymentDeclined.
        """

    def capture(self, *, reference: str, amount: Decimal) -> None:
        """Take what was authorised; doing it again does nothing. Raises PaymentDeclined."""

    def refund(self, *, reference: str, amount: Decimal) -> None:
        """Give back what was captured, or let go of what was only authorised; again does nothing."""


class SandboxGateway:
    """A provider that moves no money. `tok_visa` is accepted; every other token says why it is not."""

    accepted = frozenset({"tok_visa"})
    reasons = {  # noqa: RUF012 - a constant
        "tok_declined": "the card was declined",
        "tok_insufficient_funds": "insufficient funds",
    }

    def authorise(self, *, amount: Decimal, method: str, token: str) -> str:
        """A made-up reference, or PaymentDeclined with the token's reason."""
        if token not in self.accepted:
            raise PaymentDeclined(self.reasons.get(token, "the payment token is not known"))
        return f"sandbox_{method}_{secrets.token_hex(8)}"

    def capture(self, *, reference: str, amount: Decimal) -> None:
        """There is no money to take."""

    def refund(self, *, reference: str, amount: Decimal) -> None:
        """There is no money to give back."""


def gateway() -> Gateway:
    """The gateway that the settings name."""
    chosen: Gateway = import_string(settings.PAYMENT_GATEWAY)()
    return chosen
