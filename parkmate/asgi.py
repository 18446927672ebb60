"""The web process: HTTP to Django, sockets to the app's router."""

import os

import django
from channels.routing import ProtocolTypeRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "parkmate.settings")
django.setup(set_prefix=False)

# Only now: these import models, which need Django set up.
from parking.routing import websocket  # noqa: E402
from parkmate.body_limit import BodyLimit  # noqa: E402
from parkmate.lifespan import lifespan  # noqa: E402
from parkmate.one_thread import OneThreadHandler  # noqa: E402

application = ProtocolTypeRouter(
    {"http": BodyLimit(OneThreadHandler()), "websocket": websocket, "lifespan": lifespan}
)
