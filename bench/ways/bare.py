"""A web process of bare Channels: the plain consumer on the layer that BENCH_LAYER names."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "parkmate.settings")

from django.conf import settings

settings.CHANNEL_LAYERS = {
    "default": {
        "BACKEND": os.environ["BENCH_LAYER"],
        "CONFIG": {"hosts": [settings.REDIS_URL], "capacity": int(os.environ["BENCH_CAPACITY"])},
    }
}

from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402

django_application = get_asgi_application()

from bench.ways.consumer import sockets  # noqa: E402

application = ProtocolTypeRouter({"http": django_application, "websocket": sockets})
