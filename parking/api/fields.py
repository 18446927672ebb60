"""Fields and bases that the serializers share: each takes its own JSON type and no other."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, TypedDict
from zoneinfo import available_timezones

from rest_framework import serializers

from parking.models import Payment

BIGGEST_ID = 2**63 - 1
ZONES = frozenset(available_timezones())


class Strict(serializers.Serializer[Any]):
    """What a request may say. A field that is not known, or not to be written, is refused by name:
    a misspelt one would be silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            unknown = sorted(str(name) for name in data.keys() - writable)
            if unknown:
                words = "This field is not known here, or not yours to write."
                raise serializers.ValidationError({name: [words] for name in unknown}, code="unknown_field")
        return super().to_internal_value(data)


class CharField(serializers.CharField):
    """Text. DRF's would take a number as well."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class IntegerField(serializers.IntegerField):
    """A whole number. DRF's would take its digits in a string as well."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class BooleanField(serializers.BooleanField):
    """True or false. DRF's would take "yes" and 1 as well."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class DecimalField(serializers.DecimalField):
    """An amount, as it is answered: a string such as "6.50", in which no digit gets lost."""

    default_error_messages: ClassVar = {"invalid": 'Write an amount as a string, like "6.50".'}

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or not re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", data):
            self.fail("invalid")
        return super().to_internal_value(data)


class IdField(IntegerField):
    """The id of something."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=BIGGEST_ID, **options)


class IntegerInQuery(serializers.IntegerField):
    """A whole number in an address: digits only."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": BIGGEST_ID, "required": False, **options})

    def to_internal_value(self, data: Any) -> int:
        if not re.fullmatch(r"[0-9]{1,19}", str(data), re.ASCII):
            self.fail("invalid")
        return super().to_internal_value(data)


class BooleanInQuery(serializers.BooleanField):
    """`true` or `false` in an address."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, **options)

    def to_internal_value(self, data: Any) -> bool:
        if data not in ("true", "false"):
            self.fail("invalid", input=data)
        return bool(data == "true")


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


class VehicleNumberField(CharField):
    """A number plate: 4 to 12 letters and digits. Spaces and hyphens are dropped, letters made capital."""

    default_error_messages: ClassVar = {
        "plate": "A vehicle number has 4 to 12 letters and digits, for example KA 01 AB 1234."
    }

    def to_internal_value(self, data: Any) -> str:
        number = re.sub(r"[ -]", "", super().to_internal_value(data))
        # Before the letters are made capital: some that are not of ASCII would become such.
        if not re.fullmatch(r"[A-Za-z0-9]{4,12}", number):
            self.fail("plate")
        return number.upper()


class ZoneField(CharField):
    """The name of a time zone."""

    default_error_messages: ClassVar = {
        "zone": "Write an IANA time zone, such as Asia/Kolkata, as this server knows it."
    }

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if name not in ZONES:
            self.fail("zone")
        return name


class PaymentArguments(TypedDict):
    """How the verbs take a payment."""

    method: Payment.Method
    token: str


class PaymentFields(Strict):
    """How the driver pays: cash, or a token that the payment provider gave for a card or UPI."""

    payment_method = serializers.ChoiceField(choices=Payment.Method.choices)
    payment_token = CharField(
        max_length=100,
        allow_blank=True,
        default="",
        help_text="From the provider; not for cash. The sandbox takes `tok_visa`.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["payment_method"] != Payment.Method.CASH and not attrs["payment_token"]:
            raise serializers.ValidationError({"payment_token": ["Card and UPI need the provider's token."]})
        return attrs

    def payment(self) -> PaymentArguments:
        """The verbs' arguments."""
        data = self.validated_data
        return {"method": Payment.Method(data["payment_method"]), "token": data["payment_token"]}
