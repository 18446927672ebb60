"""The web process of `bench.book`: ParkMate's, with the plain view beside it."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "parkmate.settings")

from django.conf import settings

settings.ROOT_URLCONF = "bench.plain_api"

from parkmate.asgi import application as application  # noqa: E402
