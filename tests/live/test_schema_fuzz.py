"""Schemathesis against a real web process: what the OpenAPI document says is what happens."""

import json
import re
import subprocess
import sys

import pytest

from tests.live.box import ROOT
from tests.live.schemathesis_hooks import CSRF_TOKEN
from tests.world import ABOUT

PEOPLE = ("dina", "omar", "ada")

# Makes the world in the box's database, and a session for each of those who ask.
MAKE = """
import json
from django.test import Client
from tests.world import build
world, sessions = build(), {}
for name in %r:
    client = Client()
    client.force_login(getattr(world, name))
    sessions[name] = client.cookies["sessionid"].value
print(json.dumps({"sessions": sessions, "ids": world.ids}))
"""

CONFIG = """
hooks = "tests/live/schemathesis_hooks.py"
seed = 20261122
continue-on-failure = true
# One: Python 3.11 parses source in two threads at once with a SystemError now and then, in Hypothesis.
workers = 1
request-timeout = 20
headers = { "X-CSRFToken" = "%(csrf)s" }

[auth.openapi.session]
api_key = "%(session)s"

[generation]
deterministic = true
max-examples = %(examples)d
# PostgreSQL has no NUL in its texts: that each is refused, tests/test_bad_input.py tries.
allow-x00 = false

[cache]
enabled = false

[phases.coverage]
# httptools, below uvicorn, does not know QUERY.
unexpected-methods = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE"]

[phases.fuzzing]
enabled = %(fuzzing)s

[phases.stateful]
enabled = %(fuzzing)s

# A body may fit the document and be wrong all the same: times in the past, half a position, another
# owner's employee, a card without a token. No schema says that, and it is a 400; a declined card, a 402.
[[operations]]
include-method = ["POST", "PATCH"]
include-path-regex = "^/api/(bookings/|carwashes/|lots/|employee-assignments/|notification-preferences/)"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "402", "403", "404", "409"]
# Which time zones there are, the server's own tables say, not the document.
[[operations]]
include-path = "/api/owner/today/"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "403"]
"""

IDS = """
[[operations]]
include-path = "%(path)s"
parameters = { "path.id" = { dictionary = "%(about)s", probability = 0.8 } }

"""


def config(world, *, person, examples, fuzzing):
    text = CONFIG % {
        "csrf": CSRF_TOKEN,
        "session": world["sessions"][person],
        "examples": examples,
        "fuzzing": "true" if fuzzing else "false",
    }
    for about, pk in world["ids"].items():
        text += f"[dictionaries.{about}]\nvalues = [{pk}]\n\n"
    for route, about in ABOUT.items():
        text += IDS % {"path": "/api/" + route.replace("<int:pk>", "{id}"), "about": about}
    return text


def make_world(box):
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", MAKE % (PEOPLE,)],
        cwd=ROOT,
        env=box.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def fuzz(box, tmp_path, **options):
    """Let Schemathesis loose; return how many cases it tried."""
    file = tmp_path / "schemathesis.toml"
    file.write_text(config(make_world(box), **options))
    command = ["schemathesis", "--config-file", str(file), "run", f"{box.url}/api/schema/?format=json"]
    # Accounts have limits that would lock it out.
    command += ["--exclude-path-regex", "^/api/auth/", "--no-color"]
    done = subprocess.run(command, cwd=ROOT, env=box.environment, capture_output=True, text=True, check=False)
    (tmp_path / "schemathesis.log").write_text(done.stdout)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    return int(re.search(r"(\d+) generated", done.stdout).group(1))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_every_operation_does_what_the_document_says(box, tmp_path):
    assert fuzz(box("web", "sweeper"), tmp_path, person="dina", examples=1, fuzzing=False) > 300


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("person", PEOPLE)
def test_thousands_of_requests_find_no_difference(box, tmp_path, person):
    assert fuzz(box("web", "sweeper"), tmp_path, person=person, examples=40, fuzzing=True) >= 2000
