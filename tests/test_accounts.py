"""The accounts door: registering, signing in and its limits, devices' tokens, passwords."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from urllib.parse import urlencode

import httpx
import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from parking.actions import accounts
from parking.api.attempts import address
from parking.errors import WrongCredentials
from parking.models import DeviceToken, User
from parkmate.asgi import application
from tests.conftest import soon

PASSWORD = "a long enough passphrase"
OTHER = "another long passphrase"


@pytest.fixture(autouse=True)
def quick_hashing(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def known(cast, quick_hashing):
    """The cast, each with a password."""
    User.objects.update(password=make_password(PASSWORD))
    for person in (cast.dina, cast.omar, cast.ada, cast.eve):
        person.refresh_from_db()
    return cast


@pytest.fixture
def browser():
    """A client that is held to CSRF, as a browser is."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def device():
    """A client without cookies, held to CSRF if anything should ask."""
    return Client(enforce_csrf_checks=True)


def post(client, path, body=None, **extra):
    data = body if isinstance(body, str | bytes) else json.dumps(body or {})
    return client.post(path, data, content_type="application/json", **extra)


def csrf(client):
    return {"headers": {"X-CSRFToken": client.get("/api/auth/me/").json()["csrf_token"]}}


@cache
def handler(*, csrf):
    """Made once: a client's own takes longer to make than these requests do."""
    return Client(enforce_csrf_checks=csrf).handler


def stranger(*, csrf=False):
    """A client that has no cookies."""
    client = Client()
    client.handler = handler(csrf=csrf)
    return client


def sign_in(name, password, *, at="192.0.2.1"):
    """The answer to a browser's sign-in."""
    return post(stranger(), "/api/auth/login/", {"username": name, "password": password}, REMOTE_ADDR=at)


def issue(name="dina", password=PASSWORD, *, device="phone", at="192.0.2.1"):
    """The answer to a device's sign-in."""
    body = {"username": name, "password": password, "device": device}
    return post(stranger(csrf=True), "/api/auth/token/", body, REMOTE_ADDR=at)


def admin_sign_in(name, password, *, at="192.0.2.1"):
    """The answer to the admin's form."""
    return stranger().post("/admin/login/", {"username": name, "password": password}, REMOTE_ADDR=at)


def fail(times, name="dina", *, door=sign_in, **where):
    """The status and code of that many wrong passwords."""
    return [door(name, "wrong", **where).status_code for _ in range(times)]


def bearer(token):
    return {"headers": {"Authorization": f"Bearer {token}"}}


def who(client, **extra):
    """The status and the name or code with which the API answers `me`."""
    answer = client.get("/api/auth/me/", **extra)
    body = answer.json()
    return answer.status_code, (body["user"] or {}).get("username") if "user" in body else body["code"]


def refused(token):
    return who(stranger(), **bearer(token)) == (401, "authentication_failed")


# --- registering, signing in and out ----------------------------------------------------------


def test_registering_signs_in_and_me_tells_who(db, browser):
    body = {"username": "newcomer", "password": PASSWORD, "role": "owner"}
    answer = post(browser, "/api/auth/register/", body, **csrf(browser))
    assert answer.status_code == 201
    me = browser.get("/api/auth/me/").json()
    assert me["user"] == {"id": me["user"]["id"], "username": "newcomer", "role": "owner", "is_staff": False}


def test_me_answers_nobody_with_null_and_a_token(db, browser):
    answer = browser.get("/api/auth/me/").json()
    assert answer["user"] is None
    assert answer["csrf_token"]


def test_signing_in_and_out(known, browser):
    body = {"username": "dina", "password": PASSWORD}
    assert post(browser, "/api/auth/login/", body, **csrf(browser)).json()["user"]["username"] == "dina"
    assert browser.get("/api/bookings/").status_code == 200
    assert post(browser, "/api/auth/logout/", **csrf(browser)).status_code == 204
    assert browser.get("/api/bookings/").status_code == 401


def test_a_name_is_found_in_another_unicode_spelling(known):
    assert sign_in("\uff44\uff49\uff4e\uff41", PASSWORD).status_code == 200


@pytest.mark.parametrize("path", ["/api/auth/login/", "/api/auth/register/"])
def test_signing_in_from_another_site_is_refused(db, browser, path):
    answer = post(browser, path, {"username": "x", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "dina"}, "username"),
        ({"username": "with space"}, "username"),
        ({"username": ""}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"username": "a\0b"}, "username"),
        ({"username": "a\ud800b"}, "username"),
        ({"password": "short"}, "password"),
        ({"password": "password123"}, "password"),
        ({"password": f"{PASSWORD}\0"}, "password"),
        ({"role": "admin"}, "role"),
        ({"is_staff": True}, "is_staff"),
    ],
)
def test_a_registration_that_cannot_be_names_the_field(cast, browser, change, field):
    body = {"username": "fresh", "password": PASSWORD, "role": "driver", **change}
    people = User.objects.count()
    answer = post(browser, "/api/auth/register/", body, **csrf(browser))
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    assert User.objects.count() == people


def test_two_who_register_one_name_at_once_are_one_account_and_one_refusal(db):
    """The look at the name cannot see the other one, whose row is not committed yet."""

    def register():
        try:
            return post(Client(), "/api/auth/register/", {"username": "newcomer", "password": PASSWORD})
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            User.objects.create_user("newcomer")
            second = pool.submit(register)
            with connection.cursor() as cursor:
                waiting = False
                while not waiting:
                    assert not second.done(), second.result().content
                    cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
                    (waiting,) = cursor.fetchone()
        answer = second.result()
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["username"])


# --- limits on failed sign-ins ----------------------------------------------------------------

DOORS = {"sign-in": sign_in, "token": issue, "admin": admin_sign_in}


@pytest.mark.parametrize("name", ["dina", "nobody", "gone", "without"])
@pytest.mark.parametrize("door", [sign_in, issue])
def test_whether_an_account_exists_is_not_told_by_the_answer(known, door, name):
    User.objects.create_user("gone", password=PASSWORD, is_active=False)
    User.objects.create_user("without")
    answer = door(name, "wrong")
    assert (answer.status_code, answer.json()) == (
        401,
        {"code": "wrong_credentials", "message": "The name or the password is wrong."},
    )


class CountingHasher(MD5PasswordHasher):
    """How often a password was hashed is how long the answer takes."""

    calls = 0

    def encode(self, password, salt):
        CountingHasher.calls += 1
        return super().encode(password, salt)


@pytest.mark.parametrize("name", ["dina", "nobody", "gone", "without"])
@pytest.mark.parametrize("door", DOORS)
def test_whether_an_account_exists_is_not_told_by_the_time_it_takes(known, settings, door, name):
    User.objects.create_user("gone", password=PASSWORD, is_active=False)
    User.objects.create_user("without")
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.calls = 0
    DOORS[door](name, "wrong")
    assert CountingHasher.calls == 1


def test_a_closed_account_is_answered_like_a_wrong_password(known):
    User.objects.filter(username="dina").update(is_active=False)
    assert sign_in("dina", PASSWORD).json()["code"] == "wrong_credentials"
    assert issue().json()["code"] == "wrong_credentials"


@pytest.mark.parametrize("door", DOORS)
def test_ten_failures_lock_an_account_also_for_the_right_password(known, door):
    fail(10, "ada")
    answer = DOORS[door]("ada", PASSWORD, at="198.51.100.7")
    assert answer.status_code == 429
    assert not answer.cookies


@pytest.mark.parametrize("door", DOORS)
def test_every_door_counts(known, door):
    fail(10, "ada", door=DOORS[door])
    assert sign_in("ada", PASSWORD).status_code == 429


@pytest.mark.parametrize("name", ["dina", "nobody"])
def test_a_locked_account_is_answered_alike_whether_or_not_it_exists(known, name):
    assert fail(11, name) == [401] * 10 + [429]
    answer = sign_in(name, PASSWORD)
    assert answer.json() == {
        "code": "too_many_attempts",
        "message": "Too many sign-ins failed. Try again later.",
    }
    assert 890 < int(answer["Retry-After"]) <= 900


def test_nine_failures_lock_nothing(known):
    fail(9)
    assert sign_in("dina", PASSWORD).status_code == 200


def test_a_lock_of_one_account_is_no_lock_of_another(known):
    fail(11)
    assert sign_in("omar", PASSWORD).status_code == 200


def test_failures_from_several_addresses_lock_an_account_together(known):
    for number in range(10):
        fail(1, at=f"192.0.2.{number}")
    assert sign_in("dina", PASSWORD, at="198.51.100.7").status_code == 429


def test_an_address_is_locked_after_a_hundred_failures_with_many_names(known):
    for number in range(100):
        assert fail(1, f"name{number}") == [401]
    assert sign_in("dina", PASSWORD).status_code == 429
    assert sign_in("dina", PASSWORD, at="198.51.100.7").status_code == 200


def test_signing_in_forgets_the_failures_of_that_account(known):
    fail(9)
    assert sign_in("dina", PASSWORD).status_code == 200
    fail(9)
    assert issue().status_code == 201
    fail(9)
    assert sign_in("dina", PASSWORD).status_code == 200


def test_signing_in_forgets_nothing_of_others_at_the_same_address(known, settings):
    """Else somebody with an account of their own could guess at others' for ever."""
    settings.SIGN_IN_FAILURES_PER_ADDRESS = 5
    fail(4, "dina")
    assert sign_in("eve", PASSWORD).status_code == 200
    fail(1, "omar")
    assert sign_in("eve", PASSWORD).status_code == 429


def time_is(minutes):
    """Move the failures into the past."""
    AccessAttempt.objects.update(attempt_time=soon(minutes=-minutes))


def test_a_lock_ends_after_the_cool_off(known):
    fail(10)
    time_is(14)
    answer = sign_in("dina", PASSWORD)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) <= 60
    time_is(15)
    assert sign_in("dina", PASSWORD).status_code == 200


def test_failures_before_the_cool_off_count_no_more(known):
    fail(9)
    time_is(15)
    fail(1)
    assert AccessAttempt.objects.get().failures_since_start == 1
    assert sign_in("dina", PASSWORD).status_code == 200


def test_knocking_does_not_prolong_a_lock(known):
    fail(10)
    time_is(14)
    fail(5)
    assert int(sign_in("dina", PASSWORD)["Retry-After"]) <= 60


def test_failures_at_the_same_moment_are_all_counted(known):
    def attempt(_):
        try:
            return fail(1)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(attempt, range(8))) == [[401]] * 8
    assert AccessAttempt.objects.get().failures_since_start == 8


def test_the_admin_answers_a_lock_with_a_page(known):
    fail(10, "ada")
    answer = admin_sign_in("ada", PASSWORD)
    assert answer["Content-Type"].startswith("text/html")
    assert "Try again in 15 minutes." in answer.content.decode()
    assert 890 < int(answer["Retry-After"]) <= 900
    assert Client().get("/admin/login/").status_code == 200


def test_an_operator_lets_somebody_in_sooner(known, capsys):
    fail(10)
    call_command("axes_reset_username", "dina")
    assert sign_in("dina", PASSWORD).status_code == 200


@pytest.mark.asyncio
async def test_a_lock_is_answered_by_the_asynchronous_server_too(known):
    transport = httpx.ASGITransport(application, client=("192.0.2.1", 1))
    body = {"username": "ada", "password": "wrong", "device": "phone"}
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        statuses = [(await client.post("/api/auth/token/", json=body)).status_code for _ in range(10)]
        answer = await client.post("/api/auth/token/", json={**body, "password": PASSWORD})
        await client.get("/admin/login/")
        form = {"username": "ada", "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        page = await client.post("/admin/login/", data=form)
    assert statuses == [401] * 10
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert int(answer.headers["Retry-After"]) > 890
    assert (page.status_code, "Try again in 15 minutes." in page.text) == (429, True)


ADDRESSES = {
    "192.0.2.1": "192.0.2.1",
    "::ffff:192.0.2.1": "192.0.2.1",
    "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::",
    "fe80::1%eth0": "fe80::",
    "garbage": "::",
    "": "::",
    "1.2.3.4, 5.6.7.8": "::",
}


@pytest.mark.parametrize("given", ADDRESSES)
def test_addresses_are_counted_as_their_owners_hold_them(rf, given):
    assert address(rf.get("/", REMOTE_ADDR=given)) == ADDRESSES[given]


def test_a_request_without_an_address_can_sign_in_and_fail(known):
    assert fail(1, at="unix") == [401]
    assert AccessAttempt.objects.get().ip_address == "::"


BAD_NAMES = ["", "a\0b", "a\ud800b", "x" * 151, "x" * 60_000, None, ["dina"], {"a": 1}, True]


@pytest.mark.parametrize("name", BAD_NAMES, ids=range(len(BAD_NAMES)))
@pytest.mark.parametrize("door", [sign_in, issue])
def test_a_name_that_cannot_be_is_a_400_and_nothing_is_stored(db, door, name):
    answer = door(name, PASSWORD)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["username"])
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize("password", ["", "a\0b", "a\ud800b", "x" * 129, "x" * 60_000, None])
@pytest.mark.parametrize("door", [sign_in, issue])
def test_a_password_that_cannot_be_is_a_400_and_nothing_is_stored(db, door, password):
    answer = door("dina", password)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["password"])
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize("door", [sign_in, issue])
def test_a_megabyte_of_a_name_is_refused_too(db, door):
    answer = door("x" * 1_000_000, PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "x" * 60_000, "\ud800"], ids=range(4))
def test_the_admins_form_survives_names_that_cannot_be(db, name):
    body = urlencode({"username": name, "password": "x"}, errors="surrogatepass")
    answer = Client().post("/admin/login/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200


def test_no_password_is_kept_or_logged(known, caplog):
    caplog.set_level(logging.DEBUG)
    secret = "correct horse battery"
    for door in DOORS.values():
        door("dina", secret)
        door("dina", secret)
    body = {"username": "dina", "password": secret, "device": "phone"}
    post(Client(), f"/api/auth/token/?pw={secret}", body, HTTP_USER_AGENT=secret, HTTP_ACCEPT=secret)
    fail(9)
    sign_in("dina", secret)
    stored = [
        str(row) for model in (AccessAttempt, AccessLog, AccessFailureLog) for row in model.objects.values()
    ]
    assert any("dina" in row for row in stored)
    assert not [row for row in stored if secret in row]
    assert secret not in caplog.text
    assert not [record for record in caplog.records if secret in str(vars(record))]


def test_old_attempts_can_be_forgotten(known, monkeypatch):
    monkeypatch.setattr(accounts, "BATCH", 2)
    for name in "abcde":
        fail(1, name)
    time_is(15)
    fail(1, "dina")
    assert accounts.forget_old_attempts() == 5
    assert AccessAttempt.objects.get().username == "dina"
    assert accounts.forget_old_attempts() == 0


def test_axes_finds_nothing_wrong_with_the_settings():
    assert [message for message in run_checks() if message.id.startswith("axes.")] == []


# --- devices' tokens --------------------------------------------------------------------------


def test_a_device_signs_in_with_a_token(known, device):
    answer = issue(device="Dina's phone")
    body = answer.json()
    assert answer.status_code == 201
    assert body.keys() == {"id", "token", "device", "created", "expires_at", "user"}
    assert (body["device"], body["user"]["username"]) == ("Dina's phone", "dina")
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies
    assert who(device, **bearer(body["token"])) == (200, "dina")


def test_a_token_is_good_for_thirty_days(known):
    expires = DeviceToken.objects.get(pk=issue().json()["id"]).expiry
    assert abs(expires - soon(days=30)) < timedelta(minutes=1)


def test_a_token_writes_without_csrf(known, device):
    answer = post(device, "/api/bookings/", {}, **bearer(issue().json()["token"]))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_a_session_is_held_to_csrf_even_with_a_token(known, browser):
    browser.force_login(known.dina)
    answer = post(browser, "/api/bookings/", {}, **bearer(issue().json()["token"]))
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_the_database_does_not_know_a_token(known):
    token = issue().json()["token"]
    row = DeviceToken.objects.values().get()
    assert token not in str(row)
    assert len(row["token_key"]) < len(token) / 4


def tokens(token):
    return stranger().get("/api/auth/tokens/", **bearer(token)).json()["results"]


def test_one_sees_only_ones_own_tokens_and_never_the_tokens_themselves(known):
    issue("eve")
    first, second = issue(device="phone").json(), issue(device="tablet").json()
    listed = tokens(first["token"])
    assert [(row["id"], row["device"]) for row in listed] == [
        (second["id"], "tablet"),
        (first["id"], "phone"),
    ]
    assert {key for row in listed for key in row} == {"id", "device", "created", "expires_at"}


def test_one_revokes_ones_own_token(known):
    phone, tablet = issue().json(), issue().json()
    path = f"/api/auth/tokens/{phone['id']}/"
    assert Client().delete(path, **bearer(tablet["token"])).status_code == 204
    assert refused(phone["token"])
    assert who(stranger(), **bearer(tablet["token"])) == (200, "dina")
    assert Client().delete(path, **bearer(tablet["token"])).status_code == 404


@pytest.mark.parametrize("role", ["eve", "ada"])
def test_anothers_token_is_not_there(known, role):
    phone = issue().json()
    answer = Client().delete(f"/api/auth/tokens/{phone['id']}/", **bearer(issue(role).json()["token"]))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert not refused(phone["token"])


def test_tokens_are_for_those_who_are_signed_in(db):
    for answer in (Client().get("/api/auth/tokens/"), Client().delete("/api/auth/tokens/1/")):
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_with_the_twenty_first_token_the_oldest_goes(known):
    first, *others = [issue().json()["token"] for _ in range(21)]
    assert refused(first)
    assert not refused(others[0])
    assert len(tokens(others[-1])) == 20


def test_ones_own_many_tokens_cost_nobody_else_theirs(known):
    eves = issue("eve").json()["token"]
    for _ in range(21):
        issue()
    assert not refused(eves)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\0b", "a\ud800b", None, 5.5e300, []], ids=range(8))
def test_a_device_needs_a_name(known, name):
    answer = issue(device=name)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["device"])
    assert not DeviceToken.objects.exists()


def test_an_expired_token_is_refused_and_can_be_forgotten(known):
    old, new = issue().json(), issue().json()
    DeviceToken.objects.filter(pk=old["id"]).update(expiry=soon(seconds=-1))
    assert refused(old["token"])
    assert [row["id"] for row in tokens(new["token"])] == [new["id"]]
    assert accounts.forget_expired_tokens() == 1
    assert [row.pk for row in DeviceToken.objects.all()] == [new["id"]]


def test_a_deactivated_person_is_refused(known):
    token = issue().json()["token"]
    known.dina.is_active = False
    known.dina.save()
    assert refused(token)


@pytest.mark.parametrize(
    "end", [lambda dina: dina.set_password(OTHER), lambda dina: dina.set_unusable_password()]
)
def test_a_new_or_no_password_ends_the_tokens_whoever_sets_it(known, end):
    token, eves = issue().json()["token"], issue("eve").json()["token"]
    end(known.dina)
    known.dina.save()
    assert refused(token)
    assert not refused(eves)


def test_hashing_the_same_password_anew_ends_no_token(known, settings):
    token = issue().json()["token"]
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    assert sign_in("dina", PASSWORD).status_code == 200
    assert User.objects.get(username="dina").password.startswith("scrypt")
    assert not refused(token)


def test_a_token_is_not_issued_for_a_password_that_was_changed_meanwhile(known):
    proved = User.objects.get(username="dina")
    known.dina.set_password(OTHER)
    known.dina.save()
    with pytest.raises(WrongCredentials):
        accounts.issue_token(proved, device="phone")
    assert not DeviceToken.objects.exists()


HEADERS = {
    b"": "not_authenticated",
    b"Bearer": "authentication_failed",
    b"Bearer ": "authentication_failed",
    b"Bearer one two": "authentication_failed",
    b"Bearer one two three": "authentication_failed",
    b"Bearer " + b"0" * 64: "authentication_failed",
    b"Bearer " + b"a" * 10_000: "authentication_failed",
    b"Bearer \xff\xfe\xe2\x82": "authentication_failed",
    "Bearer ключ".encode(): "authentication_failed",
    b"b\xe9arer x": "not_authenticated",
    b"Basic ZGluYTp4": "not_authenticated",
    b"x": "not_authenticated",
    b"a" * 10_000: "not_authenticated",
}


@pytest.mark.asyncio
@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
async def test_a_header_that_is_no_token_is_a_401(db, header):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url="http://testserver"
    ) as client:
        answer = await client.get("/api/bookings/", headers={b"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, HEADERS[header])
    assert answer.json()["message"]


def test_a_device_whose_token_is_over_gets_a_new_one(known, device):
    """It may well send the old one along."""
    body = {"username": "dina", "password": PASSWORD, "device": "phone"}
    assert post(device, "/api/auth/token/", body, **bearer("expired")).status_code == 201


# --- signing out, another password ------------------------------------------------------------


def test_signing_out_revokes_the_token_that_was_used(known, device):
    used, other = issue().json()["token"], issue().json()["token"]
    assert post(device, "/api/auth/logout/", **bearer(used)).status_code == 204
    assert refused(used)
    assert not refused(other)


def change(client, old=PASSWORD, new=OTHER, **extra):
    return post(client, "/api/auth/password/", {"old_password": old, "new_password": new}, **extra)


def test_a_new_password_ends_all_but_the_session_that_set_it(known, as_user):
    here, elsewhere, token = as_user(known.dina), as_user(known.dina), issue().json()["token"]
    assert change(here).status_code == 204
    assert who(here) == (200, "dina")
    assert who(elsewhere) == (200, None)
    assert refused(token)
    assert sign_in("dina", PASSWORD).status_code == 401
    assert sign_in("dina", OTHER).status_code == 200


def test_a_device_can_set_a_new_password_and_signs_in_again(known, as_user, device):
    browser, token = as_user(known.dina), issue().json()["token"]
    answer = change(device, **bearer(token))
    assert answer.status_code == 204
    assert not answer.cookies
    assert refused(token)
    assert who(browser) == (200, None)
    assert issue(password=OTHER).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"old": "wrong"}, "old_password"),
        ({"old": ""}, "old_password"),
        ({"old": "a\0b"}, "old_password"),
        ({"new": "short"}, "new_password"),
        ({"new": "password123"}, "new_password"),
        ({"new": "x" * 129}, "new_password"),
        ({"new": "a long enough \ud800"}, "new_password"),
        ({"new": None}, "new_password"),
    ],
)
def test_a_change_of_password_that_cannot_be_names_the_field(known, as_user, body, field):
    token = issue().json()["token"]
    answer = change(as_user(known.dina), **body)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert sign_in("dina", PASSWORD).status_code == 200
    assert not refused(token)


def test_a_new_password_must_not_be_like_the_name(known, as_user):
    User.objects.filter(pk=known.dina.pk).update(username="dina.the.driver")
    answer = change(as_user(known.dina), new="dina.the.driver1")
    assert list(answer.json()["fields"]) == ["new_password"]


def test_guessing_the_old_password_locks_the_account(known, as_user):
    client = as_user(known.dina)
    assert [change(client, old="wrong").status_code for _ in range(11)] == [400] * 10 + [429]
    assert change(client).status_code == 429


def test_a_password_is_changed_by_those_who_are_signed_in_and_with_csrf(known, browser):
    assert change(browser).json()["code"] == "not_authenticated"
    browser.force_login(known.dina)
    assert change(browser).json()["code"] == "csrf_failed"
