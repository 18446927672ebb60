"""Fields and bases that the serializers share."""

import re
from datetime import UTC, datetime
from typing import Any, ClassVar, TypedDict

from rest_framework import serializers

from parking.models import Payment


class Strict(serializers.Serializer[Any]):
    """A request's body. A field that is not known is refused: a misspelt one would be silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(str(name) for name in data.keys() - self.fields.keys())
            if unknown:
                raise serializers.ValidationError(
                    {name: ["This field is not known here."] for name in unknown}, code="unknown_field"
                )
        return super().to_internal_value(data)


class AwareDateTimeField(serializers.DateTimeField):
    """A moment with its time zone; one without is refused instead of guessed. Answers in UTC."""

    default_error_messages: ClassVar = {
        "invalid": "Write a time like 2026-11-22T10:00:00Z.",
        "date": "Write a time like 2026-11-22T10:00:00Z.",
        "naive": "A time needs its zone, for example 2026-11-22T10:00:00Z.",
        "overflow": "This time cannot be.",
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("naive")
        try:
            return value.astimezone(UTC)
        except OverflowError:
            self.fail("overflow")


class VehicleNumberField(serializers.CharField):
    """A number plate: 4 to 12 letters and digits. Spaces and hyphens are dropped, letters made capital."""

    default_error_messages: ClassVar = {
        "plate": "A vehicle number has 4 to 12 letters and digits, for example KA 01 AB 1234."
    }

    def to_internal_value(self, data: Any) -> str:
        number = re.sub(r"[ -]", "", super().to_internal_value(data)).upper()
        if not re.fullmatch(r"[A-Z0-9]{4,12}", number):
            self.fail("plate")
        return number


class PaymentArguments(TypedDict):
    """How the verbs take a payment."""

    method: Payment.Method
    token: str


class PaymentFields(Strict):
    """How the driver pays: cash, or a token that the payment provider gave for a card or UPI."""

    payment_method = serializers.ChoiceField(choices=Payment.Method.choices)
    payment_token = serializers.CharField(max_length=100, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["payment_method"] != Payment.Method.CASH and not attrs["payment_token"]:
            raise serializers.ValidationError({"payment_token": ["Card and UPI need the provider's token."]})
        return attrs

    def payment(self) -> PaymentArguments:
        """The verbs' arguments."""
        data = self.validated_data
        return {"method": Payment.Method(data["payment_method"]), "token": data["payment_token"]}
