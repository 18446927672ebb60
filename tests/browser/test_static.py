"""The built client's files, as a real web process serves them: small, typed, and kept for ever."""

import httpx
import pytest

from tests.live.box import ROOT

pytestmark = [pytest.mark.usefixtures("built"), pytest.mark.timeout(120)]

DIST = ROOT / "frontend/dist"
TYPES = {".js": 'text/javascript; charset="utf-8"', ".css": 'text/css; charset="utf-8"'}
ENCODINGS = {"gzip, deflate, br, zstd": ("br", ".br"), "gzip": ("gzip", ".gz"), "identity": (None, "")}


@pytest.fixture(scope="module")
def assets():
    """The files with hashed names, without their compressed variants."""
    return [file for file in (DIST / "assets").iterdir() if file.suffix in TYPES]


def fetch(site, path, accepted="identity"):
    """The answer, and its body as it came over the line."""
    with httpx.stream("GET", f"{site.url}{path}", headers={"Accept-Encoding": accepted}) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize("accepted", ENCODINGS)
def test_each_file_comes_in_the_smallest_form_that_the_client_takes(site, assets, accepted):
    encoding, suffix = ENCODINGS[accepted]
    for file in assets:
        plain, packed = file.read_bytes(), file.with_name(file.name + suffix).read_bytes()
        answer, body = fetch(site, f"/static/client/assets/{file.name}", accepted)
        assert answer.status_code == 200
        assert body == min(plain, packed, key=len)
        assert answer.headers.get("Content-Encoding") == (encoding if len(packed) < len(plain) else None)
        assert answer.headers["Vary"] == "Accept-Encoding"


def test_hashed_files_are_kept_for_ever_and_never_taken_for_another_type(site, assets):
    for file in assets:
        answer, _ = fetch(site, f"/static/client/assets/{file.name}")
        assert answer.headers["Cache-Control"] == "max-age=31536000, public, immutable"
        assert answer.headers["Content-Type"] == TYPES[file.suffix]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/static/client/app.webmanifest", "application/manifest+json"),
        ("/static/client/icon.svg", "image/svg+xml"),
        ("/static/client/icon-192.png", "image/png"),
        ("/static/client/apple-touch-icon.png", "image/png"),
        ("/service-worker.js", "text/javascript"),
    ],
)
def test_what_has_no_hash_in_its_name_has_its_type_and_is_soon_asked_for_again(site, path, content_type):
    answer, body = fetch(site, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    assert "immutable" not in answer.headers["Cache-Control"]
    assert body


def test_a_file_of_another_build_is_not_there(site):
    answer, _ = fetch(site, "/static/client/assets/main-00000000.js")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")
