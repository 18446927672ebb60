"""The proxy does what its words say, to an echo that remembers what it heard."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from parkmate.embedded import free_port
from tests.faults.lines import Lines
from tests.faults.proxy import DOWN, UP, Cut, Proxy, When


class Echo:
    """A server that says what it hears, and remembers it."""

    def __init__(self, lines: Lines) -> None:
        self.heard = b""
        self.ended = 0
        self._server = lines.do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1000):
                self.heard += data
                writer.write(data)
        finally:
            self.ended += 1
            writer.close()

    async def close(self) -> None:
        self._server.close()


@pytest.fixture
def echo(lines: Lines) -> Iterator[Echo]:
    server = Echo(lines)
    yield server
    lines.do(server.close())


@pytest.fixture
def proxy(lines: Lines, echo: Echo) -> Iterator[Proxy]:
    opened = Proxy(lines, echo.port).open()
    yield opened
    opened.close()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as opened:
        yield opened


def ask(client: socket.socket, words: bytes) -> bytes:
    """Say this, and read as much."""
    client.sendall(words)
    answer = b""
    while len(answer) < len(words):
        piece = client.recv(1000)
        assert piece, "the line has ended"
        answer += piece
    return answer


def visit(port: int) -> None:
    """Come, and read until the line ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        read_on(client)


def read_on(client: socket.socket) -> None:
    """Read until the line ends."""
    while client.recv(1000):
        pass


def nothing_comes(client: socket.socket, *, seconds: float = 0.1) -> bool:
    client.settimeout(seconds)
    try:
        return client.recv(1000) is None
    except TimeoutError:
        return True
    finally:
        client.settimeout(5)


def test_everything_passes_and_is_counted(proxy, client):
    assert ask(client, b"hello") == b"hello"
    assert proxy.said == {UP: 5, DOWN: 5}
    assert len(proxy.open_now) == 1


def test_an_end_passes_in_both_directions(proxy, client):
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1000) == b""


def test_who_is_refused_is_told_at_once_and_who_is_in_stays(proxy, client):
    assert ask(client, b"1") == b"1"
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
    assert ask(client, b"2") == b"2"
    proxy.heal()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as another:
        assert ask(another, b"3") == b"3"


def test_a_server_that_is_not_there_is_a_line_that_breaks(lines):
    gone = Proxy(lines, free_port()).open()
    try:
        with pytest.raises(ConnectionResetError):  # on a busy machine, before we have even connected
            visit(gone.port)
    finally:
        gone.close()


def test_a_reset_breaks_what_is_open_and_nothing_else(proxy, client):
    assert ask(client, b"1") == b"1"
    assert proxy.reset() == 1
    with pytest.raises(ConnectionResetError):
        client.recv(1000)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as another:
        assert ask(another, b"2") == b"2"


@pytest.mark.parametrize(("direction", "heard"), [(UP, b"1"), (DOWN, b"12")])
def test_a_black_hole_swallows_one_direction_until_it_heals(proxy, client, echo, direction, heard):
    assert ask(client, b"1") == b"1"
    proxy.hold(direction)
    client.sendall(b"2")
    assert nothing_comes(client)
    assert echo.heard == heard
    proxy.heal()
    assert client.recv(1000) == b"2"


def test_a_held_connection_can_be_reset(proxy, client):
    proxy.hold()
    client.sendall(b"1")
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1000)


def test_what_is_delayed_comes_later_and_whole(proxy, client):
    proxy.delay = 0.1
    began = time.monotonic()
    assert ask(client, b"hello") == b"hello"
    assert time.monotonic() - began >= 0.2


def test_what_is_sliced_comes_in_pieces_and_whole(proxy, client):
    proxy.slice = 3
    words = bytes(range(256)) * 4
    assert ask(client, words) == words


@pytest.mark.parametrize(
    ("cut", "heard"),
    [
        (Cut(b"COMMIT", When.BEFORE), b"one;"),
        (Cut(b"COMMIT", When.AFTER), b"one;COMMIT;"),
        (Cut(b"COMMIT", When.ANSWERED), b"one;COMMIT;"),
        (Cut(b"COMMIT", When.AFTER, DOWN), b"one;COMMIT;"),
        (Cut(6), b"one;CO"),
    ],
    ids=["before", "after", "answered", "answer", "bytes"],
)
def test_a_cut_comes_at_the_word_and_once(proxy, client, echo, lines, cut, heard):
    proxy.cut = cut
    assert ask(client, b"one;") == b"one;"
    client.sendall(b"COMMIT;")
    with pytest.raises(ConnectionResetError):
        read_on(client)
    lines.do(all_ended(echo, 1))
    assert (echo.heard, proxy.cuts) == (heard, 1)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as another:
        assert ask(another, b"COMMIT;") == b"COMMIT;"


async def all_ended(echo: Echo, count: int) -> None:
    """Returns when the server has seen so many connections end."""
    async with asyncio.timeout(5):
        while echo.ended < count:
            await asyncio.sleep(0.005)


def test_an_answer_that_is_kept_does_not_arrive(proxy, client):
    proxy.cut = Cut(b"COMMIT", When.ANSWERED)
    client.sendall(b"COMMIT;")
    with pytest.raises(ConnectionResetError):
        assert client.recv(1000) == b""


def test_a_unix_socket_can_be_behind_it(lines, tmp_path):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(10))
        writer.close()

    path = str(tmp_path / "s")
    server = lines.do(asyncio.start_unix_server(serve, path))
    proxy = Proxy(lines, path).open()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        assert ask(client, b"hello") == b"hello"
        assert client.recv(10) == b""
    proxy.close()
    server.close()
