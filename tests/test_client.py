"""The web client's page: served at all its addresses, loading nothing but our own files."""

import json
import re

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
