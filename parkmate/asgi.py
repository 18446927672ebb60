"""The web process: HTTP to Django, sockets to the app's router."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "parkmate.settings")
django_application = get_asgi_application()

# Only now: these import models, which need Django set up.
from parking.routing import websocket  # noqa: E402
from parkmate.body_limit import BodyLimit  # noqa: E402
from parkmate.lifespan import lifespan  # noqa: E402

application = ProtocolTypeRouter(
    {"http": BodyLimit(django_application), "websocket": websocket, "lifespan": lifespan}
)
