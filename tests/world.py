"""One of everything, made by the verbs: what the tests of the whole API ask about, and with which bodies."""

import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.test import Client
from django.urls import URLPattern
from rest_framework import serializers

from parking import timers
from parking.actions import accounts, bookings, carwashes, lots, payments, staff
from parking.api.schema import Schema
from parking.api.urls import urlpatterns
from parking.models import Booking, CarWash, Notification, Payment, Slot, User

CARD = {"method": Payment.Method.CARD, "token": "tok_visa"}
CASH = {"method": Payment.Method.CASH}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

PATTERNS: dict[str, URLPattern] = {str(pattern.pattern): pattern for pattern in urlpatterns}


@dataclass
class World:
    """Dina drives, Eve too; Omar and Olga own lots; Ada is staff. All that is there is Dina's and Omar's."""

    dina: User
    eve: User
    omar: User
    olga: User
    ada: User
    ids: dict[str, int]
    booked: Booking

    def path(self, route: str, pk: Any = None) -> str:
        """The route's address, with the id of the thing that it is about, or with another one."""
        if pk is None and route in ABOUT:
            pk = self.ids[ABOUT[route]]
        return "/api/" + route.replace("<int:pk>", str(pk))


# What a route is about, in `World.ids`: something that its verb can be done to.
ABOUT = {
    "lots/<int:pk>/": "lot",
    "lots/<int:pk>/slots/": "lot",
    "lots/<int:pk>/carwash-types/": "lot",
    "slots/<int:pk>/": "slot",
    "carwash-types/<int:pk>/": "wash_type",
    "bookings/<int:pk>/": "booked",
    "bookings/<int:pk>/renew/": "expired",
    "bookings/<int:pk>/extend/": "booked",
    "bookings/<int:pk>/cancel/": "booked",
    "bookings/<int:pk>/decline/": "booked",
    "bookings/<int:pk>/timeline/": "expired",
    "payments/<int:pk>/": "cash_due",
    "owner/payments/<int:pk>/verify/": "cash_due",
    "owner/payments/<int:pk>/hand-back/": "refund_due",
    "carwashes/<int:pk>/": "requested",
    "carwashes/<int:pk>/assign/": "requested",
    "carwashes/<int:pk>/start/": "requested",
    "carwashes/<int:pk>/complete/": "in_progress",
    "carwashes/<int:pk>/cancel/": "requested",
    "employees/<int:pk>/": "employee",
    "notifications/<int:pk>/read/": "notice",
    "auth/tokens/<int:pk>/": "token",
}


def build() -> World:
    """Make the world. Each of Dina's bookings is at a slot of its own; slot `slot` is free."""

    def person(name: str, **fields: Any) -> User:
        return User.objects.create(username=name, password="!", **fields)

    dina = User.objects.create_user("dina", password=PASSWORD)
    eve, ada = person("eve"), person("ada", is_staff=True, is_superuser=True)
    omar, olga = (person(name, role=User.Role.OWNER) for name in ("omar", "olga"))
    where = {"address": "1 High Street", "latitude": Decimal("12.5"), "longitude": Decimal("77.5")}
    lot = lots.create_lot(owner=omar, name="Central", **where)
    numbers = [{"number": n, "hourly_rate": Decimal("6.00")} for n in range(1, 6)]
    free, *slots = lots.add_slots(lot.pk, by=omar, slots=numbers)
    wash_type = lots.offer_wash(lot.pk, by=omar, fields={"name": "Quick", "price": Decimal("10.00")})
    employee = staff.hire(owner=omar, name="Wahid")
    staff.assign_to_lot(employee_id=employee.pk, lot_id=lot.pk, by=omar)
    booked, expired, cash, cancelled = (
        _book(dina, slot, **way) for slot, way in zip(slots, (CARD, CARD, CASH, CASH), strict=True)
    )
    _expire(expired)
    refund = cancelled.payments.get()
    payments.verify(refund.pk, by=omar)
    bookings.cancel(cancelled.pk, by=dina)
    requested, washing = (_order(dina, wash_type.pk) for _ in range(2))
    carwashes.start(washing.pk, by=omar)
    return World(
        dina=dina,
        eve=eve,
        omar=omar,
        olga=olga,
        ada=ada,
        booked=booked,
        ids={
            "lot": lot.pk,
            "slot": free.pk,
            "wash_type": wash_type.pk,
            "employee": employee.pk,
            "booked": booked.pk,
            "expired": expired.pk,
            "cash_due": cash.payments.get().pk,
            "refund_due": refund.pk,
            "requested": requested.pk,
            "in_progress": washing.pk,
            "token": accounts.issue_token(dina, device="Dina's phone")[0].pk,
            "notice": Notification.objects.filter(recipient=dina).earliest("seq").pk,
        },
    )


def bodies(world: World) -> dict[tuple[str, str], dict[str, Any]]:
    """For each method and route that takes a body: one that works."""
    pay = {"payment_method": "card", "payment_token": "tok_visa"}
    now = timers.now()
    return {
        ("POST", "auth/register/"): {"username": "fresh", "password": PASSWORD, "role": "driver"},
        ("POST", "auth/login/"): {"username": "dina", "password": PASSWORD},
        ("POST", "auth/password/"): {"old_password": PASSWORD, "new_password": f"{PASSWORD} more"},
        ("POST", "auth/token/"): {"username": "dina", "password": PASSWORD, "device": "A phone"},
        ("POST", "lots/"): {"name": "North", "address": "9 Hill", "latitude": "1.0", "longitude": "2.0"},
        ("PATCH", "lots/<int:pk>/"): {"name": "South"},
        ("POST", "lots/<int:pk>/slots/"): {
            "slots": [{"number": 90, "vehicle_type": "van", "hourly_rate": "3.00", "is_active": True}]
        },
        ("POST", "lots/<int:pk>/carwash-types/"): {"name": "Wax", "price": "5.00", "is_offered": True},
        ("PATCH", "lots/<int:pk>/slots/"): {"hourly_rate": "7.00", "is_active": True},
        ("PATCH", "slots/<int:pk>/"): {"number": 91},
        ("PATCH", "carwash-types/<int:pk>/"): {"price": "11.00"},
        ("POST", "bookings/"): {
            "slot": world.ids["slot"],
            "vehicle_number": "KA 01 AB 1234",
            "starts_at": (now + timedelta(minutes=5)).isoformat(),
            "ends_at": (now + timedelta(hours=1)).isoformat(),
            **pay,
        },
        ("POST", "bookings/<int:pk>/renew/"): {"ends_at": (now + timedelta(hours=1)).isoformat(), **pay},
        ("POST", "bookings/<int:pk>/extend/"): {"ends_at": (now + timedelta(hours=2)).isoformat(), **pay},
        ("POST", "carwashes/"): {
            "wash_type": world.ids["wash_type"],
            "booking": world.ids["booked"],
            **pay,
        },
        ("POST", "carwashes/<int:pk>/assign/"): {"employee": world.ids["employee"]},
        ("POST", "employees/"): {"name": "Zara"},
        ("PATCH", "employees/<int:pk>/"): {"name": "Walid"},
        ("POST", "employee-assignments/"): {
            "employee": world.ids["employee"],
            "lot": world.ids["lot"],
        },
        ("POST", "notifications/read-all/"): {"upto": 1},
        ("PATCH", "notification-preferences/"): {
            "preferences": [
                {"event": "NEW_BOOKING", "inbox": True, "toast": True, "sound": False, "vibration": True}
            ]
        },
    }


PASSWORD = "a long enough passphrase"

# What Omar may send, as the lot's owner; the rest is Dina's.
OWNERS = {
    ("POST", "lots/"),
    ("PATCH", "lots/<int:pk>/"),
    ("POST", "lots/<int:pk>/slots/"),
    ("PATCH", "lots/<int:pk>/slots/"),
    ("POST", "lots/<int:pk>/carwash-types/"),
    ("PATCH", "slots/<int:pk>/"),
    ("PATCH", "carwash-types/<int:pk>/"),
    ("POST", "carwashes/<int:pk>/assign/"),
    ("POST", "employees/"),
    ("PATCH", "employees/<int:pk>/"),
    ("POST", "employee-assignments/"),
}


def send(client: Client, world: World, method: str, route: str, body: Any, **options: Any) -> Any:
    """Send a body, text as it is, as the person who may; return the answer."""
    client.force_login(world.omar if (method, route) in OWNERS else world.dina)
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    options = {"content_type": "application/json", **options}
    return client.generic(method, world.path(route), text, **options)


def rows() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of ours: to see that nothing, or only one thing, has changed."""
    models = apps.get_app_config("parking").get_models()
    found = {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}
    for user in found["User"]:
        user["last_login"] = None  # signing in is how the tests come to ask
    return found


def _book(driver: User, slot: Slot, **way: Any) -> Booking:
    end = timers.now() + timedelta(hours=1)
    return bookings.book(driver=driver, slot_id=slot.pk, vehicle_number="KA01AB1234", ends_at=end, **way)


def _expire(booking: Booking) -> None:
    by = timedelta(hours=1, minutes=1)
    times = {"starts_at": booking.starts_at - by, "ends_at": booking.ends_at - by}
    Booking.objects.filter(pk=booking.pk).update(**times)
    for timer in booking.timers.all():
        type(timer).objects.filter(pk=timer.pk).update(due_at=timer.due_at - by)
    bookings.run_due()


def _order(driver: User, wash_type: int) -> CarWash:
    return carwashes.order(driver=driver, wash_type_id=wash_type, **CARD)


# --- What the views declare -------------------------------------------------------------------


def shape_of(method: str, route: str) -> type[serializers.Serializer[Any]] | None:
    """The serializer of the body that this method takes; None if it takes none."""
    declared = _declared(method, route)
    return declared.get_request_serializer() if declared else None


def query_of(route: str) -> type[serializers.Serializer[Any]] | None:
    """The serializer of the query that a GET takes."""
    declared = _declared("GET", route)
    parameters = [p for p in declared.get_override_parameters() if isinstance(p, type)] if declared else []
    return parameters[0] if parameters else None


def _declared(method: str, route: str) -> Any:
    view = PATTERNS[route].callback.cls()  # type: ignore[attr-defined]  # as Django's views have it
    handler = getattr(view, method.lower(), None)
    if handler is None or route in NOT_DECLARED:
        return None
    schema = getattr(handler, "kwargs", {}).get("schema", Schema)()
    view.request, view.kwargs = None, {}
    schema.view, schema.method = view, method
    return schema


# They answer documents of their own kind.
NOT_DECLARED = {"schema/", "docs/"}

# For each method and route that takes a body, its shape.
SHAPES = {
    (method, route): shape
    for route in PATTERNS
    for method in METHODS
    if method != "GET" and (shape := shape_of(method, route))
}
