"""Who may listen: a signed-in person, from one of our own pages or with a ticket, to their own inbox."""

import asyncio
from time import time_ns

import pytest
from channels.db import database_sync_to_async
from django.contrib.sessions.models import Session
from django.db.models.functions import Now
from django.test import Client

from parking.actions.accounts import issue_token
from parking.credentials import issue_ticket
from parking.frames import group_of
from parking.models import DeviceToken, Ticket, User
from parking.sockets import open_sockets
from tests.sockets import OURS, communicator, cookie_of, say, socket

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("layer")]

ELSEWHERE = "https://app.example"


@pytest.fixture(autouse=True)
def nothing_joined(layer):
    """Whoever was refused, or has left, is in no group and in no list."""
    yield
    assert not any(loop_layer.groups for loop_layer in layer._layers.values())


def ask_for_ticket(client, **headers):
    """Without a body: the test client would send an empty form."""
    return client.generic("POST", "/api/ws-ticket/", headers=headers)


def ticket_of(user, *, origin=OURS, session=""):
    return database_sync_to_async(issue_ticket)(user, origin=origin, session_key=session)


# --- the session cookie -----------------------------------------------------------------------


async def test_nobody_is_told_that_they_are_not_signed_in(cast):
    assert await (await communicator()).refusal() == 4401


@pytest.mark.parametrize("session", ["x" * 32, "", "\0" * 32, "é" * 32, "../" * 10, "x" * 5000])
async def test_a_made_up_session_is_nobodys(cast, session):
    assert await (await communicator(session=session)).refusal() == 4401


async def test_a_person_who_was_disabled_is_nobody(cast):
    session = await database_sync_to_async(cookie_of)(cast.dina)
    await database_sync_to_async(User.objects.filter(pk=cast.dina.pk).update)(is_active=False)
    assert await (await communicator(session=session)).refusal() == 4401


async def test_an_expired_session_is_nobodys(cast):
    session = await database_sync_to_async(cookie_of)(cast.dina)
    await database_sync_to_async(Session.objects.update)(expire_date=Now())
    assert await (await communicator(session=session)).refusal() == 4401


async def test_only_ones_own_inbox_or_me_is_opened(cast):
    session = await database_sync_to_async(cookie_of)(cast.dina)
    for wanted in (cast.omar.pk, "0", "-1", "abc", "ME", f"0{cast.dina.pk}", "%2e%2e", "9" * 50, "%00"):
        opened = await communicator(session=session, path=f"/ws/notifications/{wanted}/")
        assert await opened.refusal() == 4403, wanted


async def test_staff_do_not_listen_to_others(cast):
    opened = await communicator(user=cast.ada, path=f"/ws/notifications/{cast.dina.pk}/")
    assert await opened.refusal() == 4403


async def test_a_socket_from_any_other_page_is_refused_at_the_handshake(cast):
    session = await database_sync_to_async(cookie_of)(cast.dina)
    for origin in (
        None,
        "null",
        "",
        "http://evil.example",
        "https://testserver",
        "http://testserver:81",
        "http://testserver.evil.example",
        "http://sub.testserver",
        "http://testserver@evil.example",
        "http://testserver/",
        "HTTP://TESTSERVER",
        "http://testserver:99999999",
        "http://[",
        "http://testserver, http://testserver",
        "http://testserver\0",
        "http://tést",
    ):
        opened = await communicator(session=session, origin=origin)
        assert await opened.connect(timeout=10) == (False, 1000), origin


async def test_two_origins_are_refused(cast):
    for ticket in (None, await ticket_of(cast.dina)):
        opened = await communicator(user=cast.dina, ticket=ticket)
        opened.scope["headers"].append((b"origin", OURS.encode()))
        assert await opened.connect(timeout=10) == (False, 1000)


async def test_an_unknown_path_is_refused_without_a_traceback(cast):
    session = await database_sync_to_async(cookie_of)(cast.dina)
    for path in (
        "/",
        "/ws/",
        "/ws/notifications/",
        "/ws/notifications/me/more/",
        "/api/",
        "/ws/notifications/me",
    ):
        opened = await communicator(session=session, path=path)
        assert await opened.connect(timeout=10) == (False, 1000), path


# --- tickets ----------------------------------------------------------------------------------


async def test_a_page_gets_a_ticket_that_opens_one_socket(cast):
    def ask():
        client = Client()
        client.force_login(cast.dina)
        return ask_for_ticket(client, origin=OURS).json()

    answer = await database_sync_to_async(ask)()
    assert answer["expires_in"] == 30
    opened = await (await communicator(ticket=answer["ticket"])).open()
    assert opened.hello["user_id"] == cast.dina.pk
    assert answer["ticket"].encode() not in opened.scope["query_string"]
    await opened.leave()
    assert await (await communicator(ticket=answer["ticket"])).refusal() == 4401


async def test_a_device_gets_a_ticket_by_its_token_and_needs_no_origin(cast):
    _, token = await database_sync_to_async(issue_token)(cast.dina, device="watch")

    def ask():
        return ask_for_ticket(Client(), authorization=f"Bearer {token}").json()

    ticket = (await database_sync_to_async(ask)())["ticket"]
    opened = await (await communicator(ticket=ticket, origin=None)).open()
    assert opened.hello["user_id"] == cast.dina.pk
    await database_sync_to_async(DeviceToken.objects.all().delete)()
    assert await opened.close_code() == 4401


async def test_nobody_gets_no_ticket(cast):
    answer = await database_sync_to_async(ask_for_ticket)(Client())
    assert answer.status_code == 401


async def test_of_twenty_who_use_a_ticket_at_once_one_gets_in(cast):
    session = await database_sync_to_async(cookie_of)(cast.dina)
    ticket = await ticket_of(cast.dina, session=session)
    tried = [await communicator(ticket=ticket) for _ in range(20)]
    await asyncio.gather(*(opened.connect(timeout=10) for opened in tried))
    first = [await opened.receive_output(timeout=10) for opened in tried]
    assert sorted(output.get("code", 0) for output in first) == [0] + [4401] * 19
    for opened in tried:
        await opened.leave()


async def test_a_ticket_is_refused_when_expired_made_up_from_elsewhere_or_for_another_inbox(cast):
    session = await database_sync_to_async(cookie_of)(cast.dina)
    for made_up in ("", "x", "\0", "é", "x" * 5000):
        assert await (await communicator(ticket=made_up)).refusal() == 4401
    for origin in (ELSEWHERE, None, "null"):
        ticket = await ticket_of(cast.dina, session=session)
        assert await (await communicator(ticket=ticket, origin=origin)).refusal() == 4401
    ticket = await ticket_of(cast.dina, session=session)
    others = await communicator(ticket=ticket, path=f"/ws/notifications/{cast.omar.pk}/")
    assert await others.refusal() == 4403
    ticket = await ticket_of(cast.dina, session=session)
    await database_sync_to_async(Ticket.objects.update)(expires_at=Now())
    assert await (await communicator(ticket=ticket)).refusal() == 4401


async def test_a_ticket_of_a_session_that_ended_opens_nothing(cast):
    session = await database_sync_to_async(cookie_of)(cast.dina)
    ticket = await ticket_of(cast.dina, session=session)
    await database_sync_to_async(Session.objects.all().delete)()
    assert await (await communicator(ticket=ticket)).refusal() == 4401


# --- sign-ins that end ------------------------------------------------------------------------


def _sign_out(session, user):
    Session.objects.get(session_key=session).delete()


def _other_password(session, user):
    user.set_password("another long passphrase")
    user.save(update_fields=["password"])


def _disable(session, user):
    user.is_active = False
    user.save()


@pytest.mark.parametrize("end", [_sign_out, _other_password, _disable])
async def test_a_sign_in_that_ends_closes_its_sockets_at_once(cast, end):
    session = await database_sync_to_async(cookie_of)(cast.dina)
    opened = await (await communicator(session=session)).open()
    async with socket(cast.eve):
        await database_sync_to_async(end)(session, cast.dina)
        async with asyncio.timeout(2):
            assert await opened.close_code() == 4401
    assert await (await communicator(session=session)).refusal() == 4401


async def test_signing_out_leaves_the_sockets_of_another_session_open(cast):
    session = await database_sync_to_async(cookie_of)(cast.dina)
    opened = await (await communicator(session=session)).open()
    async with socket(cast.dina) as other:
        await database_sync_to_async(_sign_out)(session, cast.dina)
        assert await opened.close_code() == 4401
        await say(cast.dina)
        await other.read_up_to(1)


async def test_a_sign_in_whose_end_nobody_told_is_found_by_the_check(cast):
    session = await database_sync_to_async(cookie_of)(cast.dina)
    opened = await (await communicator(session=session)).open()
    async with socket(cast.dina) as other:
        keys = Session.objects.filter(session_key=session)
        await database_sync_to_async(keys.update)(expire_date=Now())
        await open_sockets().check_credentials()
        assert await opened.close_code() == 4401
        assert await other.settled() == []


# --- too many ---------------------------------------------------------------------------------


async def test_sockets_of_a_killed_process_do_not_count_against_one_that_lives(cast, layer):
    """They said that they came, and never that they left."""
    async with socket(cast.dina) as opened:
        for number in range(20):
            ghost = {"type": "arrived", "socket": f"ghost{number}", "born": time_ns()}
            await layer.group_send(group_of(cast.dina.pk), ghost)
        await say(cast.dina)
        assert [frame["seq"] for frame in await opened.frames(1)] == [1]
