"""The web process, as in the tutorial of Channels: ParkMate's HTTP door, and the plain socket."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.faults.plain.settings")

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import path

django_application = get_asgi_application()

# Only now: these need Django set up.
from tests.faults.plain import celery  # noqa: E402, F401 - the tasks are sent by this application
from tests.faults.plain.consumers import NotificationConsumer  # noqa: E402

sockets = URLRouter([path("ws/notifications/me/", NotificationConsumer.as_asgi())])
application = ProtocolTypeRouter(
    {"http": django_application, "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(sockets))}
)
