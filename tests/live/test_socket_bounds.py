"""What one client may cost: bounds of sockets, messages, bytes and patience, and nothing secret in a log."""

import asyncio
import json
import os
import random
import signal
import socket
import time
from contextlib import AsyncExitStack, suppress

import httpx
import psutil
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from tests.live.box import PROCFILE, until
from tests.live.tabs import open_socket, people

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

# A megabyte of words for a person, in a thousand notices of 1 kB.
FLOOD = """
INSERT INTO parking_notification (recipient_id, event, level, message, facts, muted)
SELECT %s, 'ANNOUNCEMENT', 'info', repeat('x', 1000), '{}', '{}' FROM generate_series(1, %s)
"""


async def closed_with(opened, *, within=30):
    """Read on until the server closes; the code."""
    async with asyncio.timeout(within):
        try:
            while True:
                await opened.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


def memory_of(box, name):
    """What a process has in memory, in bytes: the shell has become the server by `exec`."""
    return psutil.Process(box.processes[name].pid).memory_info().rss


async def test_an_eleventh_socket_closes_the_oldest_also_in_another_process(box):
    live = box("web")
    other = live.start_another_web("web2")
    ((_, (session,)),) = people(live, 1)
    async with AsyncExitStack() as stack:

        async def come(port):
            opened = await stack.enter_async_context(open_socket(live, session, port=port))
            await opened.recv()
            return opened

        oldest, *rest = [await come(port) for port in [live.port] + [other] * 9]
        last = await come(live.port)
        assert await closed_with(oldest) == 4429
        for opened in (*rest, last):
            await opened.send('{"type":"ping"}')
            assert json.loads(await opened.recv()) == {"type": "pong"}


async def test_a_socket_is_let_in_while_requests_hold_all_connections_of_the_pool(box):
    live = box("web", PARKMATE_DB_POOL="1")
    ((_, (session,)),) = people(live, 1)
    async with httpx.AsyncClient(cookies={"sessionid": session}, timeout=60) as client:
        with psycopg.connect(live.database) as shell:
            shell.execute("LOCK TABLE parking_lot")
            request = asyncio.create_task(client.get(f"{live.url}/api/lots/"))
            await asyncio.to_thread(until, lambda: live.rows("SELECT 1 FROM pg_locks WHERE NOT granted"))
            async with open_socket(live, session) as opened:
                assert json.loads(await opened.recv())["connected"]
            assert not request.done()
            shell.rollback()
        assert (await request).status_code == 200


async def test_a_stopped_web_process_sends_its_clients_elsewhere_and_ends(box):
    live = box("web")
    ((_, (session,)),) = people(live, 1)
    async with open_socket(live, session) as opened:
        await opened.recv()
        began = time.monotonic()
        live.kill("web", signal.SIGTERM)
        assert await closed_with(opened) == 1012
        await asyncio.to_thread(live.processes.pop("web").wait, 10)
        assert time.monotonic() - began < 10
    assert "Traceback" not in live.log("web")


async def test_a_sign_out_closes_sockets_in_both_processes_within_two_seconds(box):
    live = box("web", PARKMATE_CREDENTIALS_CHECK_SECONDS="1")
    other = live.start_another_web("web2")
    ((_, (first, second, third)),) = people(live, 1, sessions=3)
    async with (
        open_socket(live, first) as here,
        open_socket(live, first, port=other) as there,
        open_socket(live, second, port=other) as anothers,
        open_socket(live, third, port=other) as later,
    ):
        for opened in (here, there, anothers, later):
            await opened.recv()
        await sign_out(live, first)
        async with asyncio.timeout(2):
            assert [await closed_with(here), await closed_with(there)] == [4401, 4401]
        await anothers.send('{"type":"ping"}')
        assert json.loads(await anothers.recv()) == {"type": "pong"}
        # Without Redis the check finds it.
        os.kill(live.valkey.pid, signal.SIGKILL)
        await sign_out(live, third)
        assert await closed_with(later) == 4401
        await anothers.send('{"type":"ping"}')
        assert json.loads(await anothers.recv()) == {"type": "pong"}
    assert "Traceback" not in live.log("web") + live.log("web2")


async def sign_out(box, session):
    async with httpx.AsyncClient(base_url=box.url, cookies={"sessionid": session}) as client:
        token = (await client.get("/api/auth/me/")).json()["csrf_token"]
        answer = await client.post("/api/auth/logout/", headers={"X-CSRFToken": token, "Origin": box.url})
        assert answer.status_code < 300, answer.text


async def test_no_ticket_or_cookie_is_in_any_log_and_smuggled_bytes_make_no_traceback(box):
    live = box()
    live.start("web", command=PROCFILE["web"].replace("--log-level warning", "--log-level info"))
    ((_, (session,)),) = people(live, 1)
    async with httpx.AsyncClient(base_url=live.url, cookies={"sessionid": session}) as client:
        token = (await client.get("/api/auth/me/")).json()["csrf_token"]
        headers = {"X-CSRFToken": token, "Origin": live.url}
        tickets = [(await client.post("/api/ws-ticket/", headers=headers)).json()["ticket"] for _ in range(3)]
    used, from_elsewhere, kept = tickets
    for _ in range(2):
        async with open_socket(live, "", query=f"?ticket={used}&after=0") as opened:
            assert json.loads(await opened.recv())["connected"]
            break
    async with open_socket(live, "", query=f"?ticket={used}") as opened:
        assert await closed_with(opened) == 4401
    async with open_socket(live, "", query=f"?x=1&ticket={from_elsewhere}&ticket=x") as opened:
        assert await closed_with(opened) == 4401
    with pytest.raises(InvalidStatus):
        async with open_socket(live, session, query=f"../../elsewhere/?ticket={kept}"):
            pass
    for smuggled in (
        b"Origin: http://evil.example\r\nOrigin: %(origin)s\r\nCookie: sessionid=%(session)s\r\n",
        b"Origin: %(origin)s\r\n Cookie: sessionid=%(session)s\r\n",
        b"Origin: http://evil.example\x00%(origin)s\r\nCookie: sessionid=%(session)s\r\n",
        b"Origin : %(origin)s\r\nCookie: sessionid=%(session)s\r\n",
        b"Origin: http://evil.example\rOrigin: %(origin)s\r\nCookie: sessionid=%(session)s\r\n",
        b"Origin: http://evil.example\nX: %(origin)s\r\nCookie: sessionid=%(session)s\r\n",
        b"Origin: \xff%(origin)s\r\nCookie: sessionid=%(session)s\r\n",
        b"Origin: %(origin)s\r\nCookie: sessionid=%(session)s\r\nTransfer-Encoding: chunked\r\n",
    ):
        facts = {b"origin": live.url.encode(), b"session": b"x" * 32}
        answer = await raw(live, b"/ws/notifications/me/", smuggled % facts)
        assert b'"connected": true' not in answer, smuggled
    for path in (
        b"/ws/notifications/me/?after=\xff",
        b"/ws/notifications/\xff/",
        b"/ws/notifications/%ff%00/",
    ):
        assert b'"connected": true' not in await raw(live, path, b"")
    log = live.log("web")
    assert "Traceback" not in log
    assert '"WebSocket /ws/notifications/me/' in log
    for secret in (*tickets, session):
        assert secret not in log


async def raw(box, path, headers):
    """What a handshake of these bytes is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", box.port)
    writer.write(
        b"GET " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + headers + b"\r\n"
    )
    answer = b""
    try:
        async with asyncio.timeout(1):
            while data := await reader.read(65536):
                answer += data
    except (TimeoutError, ConnectionResetError):
        pass
    finally:
        writer.transport.abort()
    return answer


def random_frame(luck):
    """A frame as no honest client sends it: bytes on the line."""
    (kind,) = luck.choices(range(7), (1, 6, 6, 6, 6, 6, 6))
    if kind == 0:
        return luck.randbytes(luck.randrange(1, 60))
    opcode = luck.choice([Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.PING, Opcode.PONG])
    text = {
        1: b"\xff\xfe\xed",
        2: b"[" * luck.randrange(1, 5000),
        3: luck.randbytes(luck.randrange(100)),
        4: json.dumps(
            {"type": luck.choice(["ack", "ping", "x", None]), "seq": luck.choice([-1, 1e99, "1"])}
        ).encode(),
        5: b'{"type":"ack","seq":' + b"9" * luck.randrange(1, 5000) + b"}",
        6: b"x" * luck.choice([4097, 66_000]),
    }[kind]
    if opcode in (Opcode.PING, Opcode.PONG):
        return Frame(opcode, text[:125]).serialize(mask=True)
    return Frame(opcode, text, fin=luck.random() < 0.8).serialize(mask=True)


@pytest.mark.slow
async def test_ten_thousand_random_frames_raise_nothing_and_leave_nothing(box):
    live = box("web")
    ((_, (session,)),) = people(live, 1)
    luck, codes, sent = random.Random(8), set(), 0
    before = 0
    while sent < 10_000:
        async with open_socket(live, session, ping_interval=None, close_timeout=1) as opened:
            await opened.recv()
            batch = [random_frame(luck) for _ in range(40)]
            sent += len(batch)
            opened.transport.write(b"".join(batch))
            # Some end in the middle of a frame: the server waits for the rest.
            with suppress(TimeoutError):
                codes.add(await closed_with(opened, within=0.5))
            opened.transport.abort()
        if sent == 2_000:
            before = memory_of(live, "web")
    grown = memory_of(live, "web") - before
    print(f"\nclosed with {codes}; memory grew by {grown / 1e6:.1f} MB in 8,000 frames")  # noqa: T201
    assert 1011 not in codes
    assert "Traceback" not in live.log("web")
    assert grown < 8_000_000


async def test_too_big_binary_and_endless_messages_end_as_written(box):
    live = box("web")
    ((_, (session,)),) = people(live, 1)

    async def after(*frames, count=1):
        async with open_socket(live, session, ping_interval=None) as opened:
            await opened.recv()
            for _ in range(count):
                opened.transport.write(b"".join(frames))
            return await closed_with(opened)

    def piece(opcode, data, *, fin):
        return Frame(opcode, data, fin=fin).serialize(mask=True)

    assert await after(piece(Opcode.TEXT, b"x" * 65_537, fin=True)) == 1009
    assert await after(piece(Opcode.TEXT, b"x" * 5000, fin=True), count=3) == 4400
    assert await after(piece(Opcode.TEXT, b"\xff", fin=True), count=3) == 4400
    assert await after(piece(Opcode.BINARY, b"{}", fin=True), count=3) == 4400
    assert await after(piece(Opcode.TEXT, b"[" * 4000, fin=True), count=3) == 4400
    ping = piece(Opcode.TEXT, b'{"type":"ping"}', fin=True)
    assert await after(ping, count=61) == 4429
    endless = [piece(Opcode.TEXT, b"", fin=False)] + [piece(Opcode.CONT, b"", fin=False)] * 2000
    assert await after(*endless) == 1009
    large = [piece(Opcode.TEXT, b"x", fin=False)] + [piece(Opcode.CONT, b"x" * 1000, fin=False)] * 80
    assert await after(*large) == 1009
    assert "Traceback" not in live.log("web")


@pytest.mark.slow
async def test_clients_that_never_read_are_told_to_go_cost_little_and_slow_nobody(box):
    """Twenty of them, their receive buffers as small as they can be, and three megabytes for each."""
    times = {"STALL": "8", "SWEEP": "0.2", "POSITION_CHECK": "1"}
    live = box("web", "sweeper", **{f"PARKMATE_{name}_SECONDS": time for name, time in times.items()})
    crowd, count = people(live, 21), 20
    *deaf_ones, (reader, (session,)) = crowd
    async with open_socket(live, session) as reading, AsyncExitStack() as stack:
        await reading.recv()
        lines = []
        for _, (key,) in deaf_ones:
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            line.connect(("127.0.0.1", live.port))
            opened = await stack.enter_async_context(
                open_socket(live, key, sock=line, ping_interval=None, close_timeout=0.1)
            )
            await opened.recv()
            opened.transport.pause_reading()
            lines.append(opened)
        before, most = memory_of(live, "web"), 0
        for user_id, _ in deaf_ones:
            live.rows(FLOOD, user_id, 3000)

        async def tell_the_reader():
            told = time.monotonic()
            await asyncio.to_thread(live.rows, FLOOD, reader, 1)
            await reading.recv()
            return time.monotonic() - told

        # The flood itself keeps everybody busy for some seconds; it is not what is measured.
        while await tell_the_reader() > 0.5:
            pass
        took, began = [], time.monotonic()
        while time.monotonic() - began < 10:
            took.append(await tell_the_reader())
            most = max(most, memory_of(live, "web"))
        gone = [await gone_with(opened) for opened in lines]
        print(  # noqa: T201
            f"\n{count} clients that never read: {(most - before) / count / 1e6:.2f} MB each at most;"
            f" slowest of {len(took)} notices to another {max(took):.2f} s; codes {gone}"
        )
    assert (most - before) / count < 1_048_576
    assert max(took) < 1
    assert "Traceback" not in live.log("web")
    assert set(gone) <= {4408, None}
    assert 4408 in gone


async def gone_with(opened):
    opened.transport.resume_reading()
    return await closed_with(opened)
