"""The app: at start it hooks up the signals and the start-up checks."""

from django.apps import AppConfig


class ParkingConfig(AppConfig):
    """Parking: bookings, their timers, and the notices about them."""

    name = "parking"

    def ready(self) -> None:
        from parking import checks, signals

        checks.register_all()
        signals.connect_all()
