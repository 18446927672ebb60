"""The web client's page: served at all its addresses, loading nothing but our own files, and few of them."""

import gzip
import json
import os
import re
import struct

import pytest

from parkmate import client as web_client

FILES = {
    "src/app/main.tsx": {"file": "assets/main-1.js", "css": ["assets/main-2.css"], "imports": ["_rest"]},
    "_rest": {"file": "assets/rest-3.js"},
}
MANIFEST = json.dumps(FILES)


@pytest.fixture
def build(settings, tmp_path):
    """A client that was built: its manifest."""
    settings.CLIENT_BUILD = tmp_path
    manifest = tmp_path / "manifest.json"
    manifest.write_text(MANIFEST)
    return manifest


@pytest.mark.parametrize(
    "path", ["/", "/lots", "/lots/5", "/bookings/7/", "/desk/people", "/sign-in", "/inbox"]
)
def test_each_of_the_clients_addresses_answers_its_page(client, build, path):
    answer = client.get(path)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert '<script type="module" src="/static/client/assets/main-1.js">' in page
    assert 'href="/static/client/assets/main-2.css"' in page
    assert '<meta name="currency" content="INR">' in page
    assert 'href="/static/client/assets/rest-3.js"' in page
    assert answer["Cache-Control"] == "no-cache"
    assert "csrftoken" in answer.cookies


def test_the_service_worker_is_served_at_the_root_and_asked_for_at_each_visit(client, build):
    (build.parent / "service-worker.js").write_text("self")
    answer = client.get("/service-worker.js")
    assert (answer.status_code, answer.content) == (200, b"self")
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("text/javascript", "no-cache")


def test_without_a_build_there_is_no_service_worker(db, client, settings, tmp_path):
    settings.CLIENT_BUILD = tmp_path
    assert client.get("/service-worker.js").status_code == 404


@pytest.mark.parametrize("path", ["/lotsofthings", "/nowhere", "/api/nowhere/", "/ws/notifications/me/"])
def test_other_addresses_are_not_the_clients(db, client, build, path):
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_client_that_was_not_built_says_so_in_a_sentence(client, settings, tmp_path):
    settings.CLIENT_BUILD = tmp_path
    answer = client.get("/")
    assert answer.status_code == 503
    assert "make client" in answer.content.decode()


def test_the_server_knows_the_first_words_of_all_the_clients_addresses():
    routes = (web_client.settings.BASE_DIR / "frontend/src/app/routes.tsx").read_text()
    paths = set(re.findall(r'path="/([a-z-]+)', routes))
    assert paths == set(web_client.ROUTES)


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/api/", "/nowhere"])
def test_no_page_may_run_or_load_what_is_not_ours(db, client, build, path):
    policy = client.get(path)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_only_the_apis_page_has_styles_inside_it_and_no_script_either(db, client):
    answer = client.get("/api/docs/")
    assert "style-src 'self' 'unsafe-inline'" in answer["Content-Security-Policy"]
    assert "script-src 'self';" in answer["Content-Security-Policy"]
    assert not re.findall(r"<script(?![^>]*\bsrc=)", answer.content.decode())


PUBLIC = web_client.settings.BASE_DIR / "frontend/public"


def test_it_can_be_installed_under_its_name_and_icons_of_the_sizes_that_it_says():
    manifest = json.loads((PUBLIC / "app.webmanifest").read_text())
    assert (manifest["name"], manifest["start_url"], manifest["display"]) == ("ParkMate", "/", "standalone")
    icons = {icon["src"]: icon for icon in manifest["icons"]}
    assert {icon["sizes"] for icon in icons.values()} == {"any", "192x192", "512x512"}
    assert [icon["src"] for icon in icons.values() if icon.get("purpose") == "maskable"]
    pictures = [icon for icon in icons.values() if icon["type"] == "image/png"]
    for icon in pictures:
        width, height = struct.unpack(">II", (PUBLIC / icon["src"]).read_bytes()[16:24])
        assert icon["sizes"] == f"{width}x{height}"


@pytest.fixture(scope="module")
def dist():
    """The client as `make client` has built it."""
    built = web_client.settings.BASE_DIR / "frontend/dist"
    if not (built / "manifest.json").exists():
        missing = "The web client has not been built (make client)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return built


def loaded_with(files, name):
    """The file, and all that it cannot run without."""
    return {files[name]["file"]}.union(
        *(loaded_with(files, other) for other in files[name].get("imports", []))
    )


MOST_AT_FIRST = 120_000


def test_the_first_load_has_no_more_javascript_than_a_slow_phone_can_take(dist):
    files = json.loads((dist / "manifest.json").read_text())
    pages = ["src/features/account/AccountPages.tsx", "src/features/lots/LotsPage.tsx"]
    for page in pages:
        first = loaded_with(files, web_client.ENTRY) | loaded_with(files, page)
        size = sum(len(gzip.compress((dist / name).read_bytes(), 9)) for name in first)
        assert size <= MOST_AT_FIRST, f"{page}: {size} bytes"


def test_each_page_has_code_of_its_own_that_is_loaded_when_it_is_needed(dist):
    files = json.loads((dist / "manifest.json").read_text())
    features = web_client.settings.BASE_DIR / "frontend/src/features"
    pages = {f"src/{path.relative_to(features.parent)}" for path in features.glob("*/*Page*.tsx")}
    assert len(pages) >= 8
    assert pages <= set(files[web_client.ENTRY]["dynamicImports"])
    first = loaded_with(files, web_client.ENTRY)
    assert not first & {files[page]["file"] for page in pages}


def test_the_worker_keeps_every_file_of_the_build_and_no_other(dist):
    worker = (dist / "service-worker.js").read_text()
    kept = re.findall(r"/static/client/(assets/[\w.-]+)", worker)
    built = {
        str(file.relative_to(dist)) for file in (dist / "assets").iterdir() if file.suffix in (".js", ".css")
    }
    assert sorted(kept) == sorted(built)
