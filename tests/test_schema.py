"""The OpenAPI document: it is current, complete, and its page needs nobody else's server."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest
import yaml
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

from parking.api.schema import Once
from tests.world import SHAPES

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "openapi.yaml"
COMMAND = "python manage.py spectacular --file docs/openapi.yaml --validate"


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """The document as it is made now."""
    file = tmp_path_factory.mktemp("schema") / "openapi.yaml"
    call_command("spectacular", "--validate", file=str(file))
    return file.read_text()


def operations(text):
    for path, methods in yaml.safe_load(text)["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_document_in_docs_is_current(generated):
    assert DOCUMENT.read_text() == generated, f"Make it again: {COMMAND}"


def test_it_is_made_once_for_all_who_ask_at_once(client, monkeypatch):
    make, two = SchemaGenerator.get_schema, Barrier(2)

    def begin(generator, *args):
        with suppress(BrokenBarrierError):
            two.wait(1)
            begun_together.append(True)
        return make(generator, *args)

    begun_together = []
    monkeypatch.setattr(Once, "_made", None)
    monkeypatch.setattr(SchemaGenerator, "get_schema", begin)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(client.get, ["/api/schema/"] * 2))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert yaml.safe_load(answers[0].content) == yaml.safe_load(DOCUMENT.read_text())
    assert not begun_together


def test_making_it_says_no_warning_and_no_error(tmp_path, capsys):
    call_command("spectacular", "--validate", file=str(tmp_path / "openapi.yaml"))
    assert capsys.readouterr().err == ""


def test_every_operation_says_what_it_does(generated):
    silent = [name for name, operation in operations(generated) if not operation.get("description")]
    assert silent == []


def test_every_body_is_closed(generated):
    schemas = yaml.safe_load(generated)["components"]["schemas"]
    bodies = [
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/")[-1]
        for _, operation in operations(generated)
        if "requestBody" in operation
    ]
    assert len(bodies) >= len(SHAPES)
    assert [name for name in bodies if schemas[name].get("additionalProperties") is not False] == []


def test_what_costs_money_takes_the_key_and_nothing_else_does(generated):
    takes = {
        name
        for name, operation in operations(generated)
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", []))
    }
    assert takes == {
        "POST /api/bookings/",
        "POST /api/bookings/{id}/extend/",
        "POST /api/bookings/{id}/renew/",
        "POST /api/carwashes/",
    }


def test_every_operation_says_how_it_refuses(generated):
    for name, operation in operations(generated):
        refusals = {status for status in operation["responses"] if status >= "400"}
        assert "406" in refusals, name
        if operation.get("security") == [{"session": []}]:
            assert "401" in refusals, name


def test_the_document_is_served_as_it_is_made(db, client):
    served = client.get("/api/schema/?format=json").json()
    assert served["paths"].keys() == yaml.safe_load(DOCUMENT.read_text())["paths"].keys()


def test_the_page_takes_everything_from_our_own_server(db, client):
    answer = client.get("/api/docs/")
    assert answer.status_code == 200
    page = answer.content.decode()
    addresses = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page)
    assert {address for address in addresses if address.startswith("/static/drf_spectacular_sidecar/")}
    # Also not one that its script would load.
    assert not re.findall(r"""["'(](?:https?:)?//[^"')]+""", page)
    for address in addresses:
        found = client.get(address)
        assert found.status_code == 200, address
        assert len(b"".join(found)) > 100
