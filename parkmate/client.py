"""The web client's page: one for all its addresses, with the files of the last build."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie

# The first words of the client's addresses (frontend/src/app/routes.tsx). All others are not the client's.
ROUTES = ("sign-in", "register", "lots", "bookings", "inbox", "preferences", "desk")
PATTERN = rf"^(?:(?:{'|'.join(ROUTES)})(?:/.*)?)?\Z"
ENTRY = "src/app/main.tsx"


@ensure_csrf_cookie
def page(request: HttpRequest, **_: Any) -> HttpResponse:
    """The page that loads the client; 503 with a sentence where it has not been built."""
    manifest = settings.CLIENT_BUILD / "manifest.json"
    try:
        context = {**_files(manifest), "currency": settings.CURRENCY}
    except FileNotFoundError:
        return render(request, "client/missing.html", status=503)
    answer = render(request, "client/page.html", context)
    # Always asked for anew: it names the files, which are kept for ever.
    answer["Cache-Control"] = "no-cache"
    return answer


def service_worker(request: HttpRequest) -> HttpResponse:
    """The client's service worker, at the root because a worker's address bounds what it may serve."""
    try:
        script = (settings.CLIENT_BUILD / "service-worker.js").read_bytes()
    except FileNotFoundError as error:
        raise Http404 from error
    # Asked for at each visit: it names the files of the last build, and brings them to the device.
    return HttpResponse(script, content_type="text/javascript", headers={"Cache-Control": "no-cache"})


@cache
def _files(manifest: Path) -> dict[str, Any]:
    """The script and the styles that the page loads first. Read once, as the static files are listed once."""
    files = json.loads(manifest.read_text())
    entry = files[ENTRY]
    return {
        "script": entry["file"],
        "styles": entry.get("css", []),
        "imports": [files[name]["file"] for name in entry.get("imports", [])],
    }
