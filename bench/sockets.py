"""How many sockets does one web process hold, what does each cost, and how many frames does it send?

ParkMate's consumer (signed in, numbered, nothing lost or twice) beside the bare Channels consumer (nobody
asks who, nothing is kept) on the pub/sub layer with uvicorn, and beside what the tutorials show: the same
consumer on the default layer with daphne, as it comes and with room for all messages. `µs` is the web
process's CPU for each frame until the last came: what it could do with a core of its own, whatever else runs
here. The delay is that of frames that come at the same pace to all.
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from bench.audience import Audience
from bench.harness import PROCFILE, Machine, serve, until
from bench.people import make_drivers, sign_in
from bench.report import at, brief, median, progress, table

PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
DEFAULT = "channels_redis.core.RedisChannelLayer"
# So many frames come at once, again and again, while their delay is measured.
TOGETHER = 20
# So long after the last frame no other is waited for, in seconds.
PATIENCE = 5.0
# How many frames a second come while their delay is measured, and for how long, in seconds.
PACE, PACED = 300.0, 5.0
WORDS = "Your booking has expired. You can renew it for ten more minutes."

Message = dict[str, Any]


@dataclass(frozen=True)
class Server:
    """One way to serve sockets. `command`: of its web process; `layer`: None for ParkMate's own.

    `capacity`: how many messages the default layer keeps for one channel; it drops what comes then.
    """

    name: str
    title: str
    application: str
    path: str
    layer: str | None = None
    command: str = PROCFILE["web"]
    capacity: int = 100


DAPHNE = "exec daphne --bind 127.0.0.1 --port $PORT --verbosity 0 {}"
UVICORN = (
    "MALLOC_ARENA_MAX=1 exec uvicorn {} --host 127.0.0.1 --port $PORT --loop uvloop"
    " --no-access-log --log-level warning"
)
SERVERS = {
    server.name: server
    for server in (
        Server("parkmate", "ParkMate", "parkmate.asgi", "/ws/notifications/me/"),
        Server(
            "bare",
            "bare consumer, pub/sub layer, uvicorn",
            "bench.ways.bare",
            "/plain/{user}/",
            PUBSUB,
            UVICORN.format("bench.ways.bare:application"),
        ),
        Server(
            "tutorial",
            "bare consumer, default layer, daphne",
            "bench.ways.bare",
            "/plain/{user}/",
            DEFAULT,
            DAPHNE.format("bench.ways.bare:application"),
        ),
        Server(
            "roomy",
            "bare consumer, roomy default layer, daphne",
            "bench.ways.bare",
            "/plain/{user}/",
            DEFAULT,
            DAPHNE.format("bench.ways.bare:application"),
            capacity=1_000_000,
        ),
    )
}


@dataclass(frozen=True)
class Outcome:
    """One server with so many sockets. `kilobytes`, `microseconds`: for each socket, for each frame."""

    sockets: int
    connects: float
    kilobytes: float
    frames: float
    microseconds: float
    delay_p50: float
    delay_p99: float
    lost: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--sockets", type=int, nargs="+", default=[1000, 5000, 10_000])
    parser.add_argument("--frames", type=int, default=20_000, help="frames in a round (default: 20,000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of frames (default: 3)")
    parser.add_argument(
        "--pace", type=float, default=PACE, help="frames a second while their delay is measured"
    )
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS), metavar="SERVER")


def measure(here: Machine, options: argparse.Namespace) -> dict[str, Any]:
    """Each size, each server."""
    sessions = sign_in(make_drivers(max(options.sockets)))
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in options.servers}
    for count in options.sockets:
        for name in options.servers:
            server = SERVERS[name]
            try:
                outcome = one(here, server, dict(list(sessions.items())[:count]), options)
            except ConnectionError as error:
                progress(f"{count} sockets, {server.title}: {error}")
                found[name].append({"sockets": count, "failed": str(error)})
                continue
            finally:
                here.end_processes()
                here.empty_queues()
            found[name].append({key: round(value, 4) for key, value in asdict(outcome).items()})
            progress(f"{count} sockets, {server.title}: {outcome.frames:,.0f} frames/s")
    return {
        "servers": found,
        "pace": options.pace,
        "broken": any(size.get("lost", 1) for size in found.get("parkmate", [])),
    }


def one(here: Machine, server: Server, sessions: Mapping[int, str], options: argparse.Namespace) -> Outcome:
    """Open the sockets, send frames as fast as they go, then at a pace that leaves the machine room."""
    here.rows("TRUNCATE parking_notification, parking_inbox CASCADE")
    os.environ.update(BENCH_LAYER=server.layer or "", BENCH_CAPACITY=str(server.capacity))
    # Rows are written before they are pushed: the check would find them, and send them from the database.
    os.environ["PARKMATE_POSITION_CHECK_SECONDS"] = "3600"
    address = serve(here, application=server.application, command=server.command)
    audience = Audience(address, path=server.path)
    try:
        # One comes and goes first, so that what every process makes once is not counted.
        audience.open(dict(list(sessions.items())[:1]))
        audience.cut()
        web = psutil.Process(here.pid("web"))
        before = web.memory_info().rss
        seconds = audience.open(sessions)
        time.sleep(1)
        await_subscriptions(here, server, len(sessions))
        audience.heard.clear()
        held = web.memory_info().rss - before
        with closing(Speaker(here, server, list(sessions))) as speaker:
            rounds = [flood(web, audience, speaker, options.frames) for _ in range(options.rounds)]
            delays = pace(audience, speaker, rate=options.pace)
    finally:
        audience.close()
    return Outcome(
        sockets=len(sessions),
        connects=len(sessions) / seconds,
        kilobytes=held / len(sessions) / 1000,
        frames=median([one.rate for one in rounds]),
        microseconds=median([one.microseconds for one in rounds]),
        delay_p50=at(0.5, delays),
        delay_p99=at(0.99, delays),
        lost=sum(one.lost for one in rounds) + round(options.pace * PACED) - len(delays),
    )


def await_subscriptions(here: Machine, server: Server, count: int) -> None:
    """Wait until every socket hears Valkey.

    ParkMate lets a socket in when Valkey has not answered for half a second: until it has, the socket is told
    by the position check, which is off here.
    """
    if server.layer == DEFAULT:
        return

    def missing() -> int:
        return count - len(here.broker.pubsub_channels("*__group__*"))

    if late := max(0, missing()):
        progress(f"{late} sockets do not hear Valkey yet")
    if not until(lambda: missing() <= 0, seconds=30):
        raise ConnectionError(f"{missing()} sockets do not hear Valkey")


@dataclass(frozen=True)
class Flood:
    """A round: frames in a second, CPU for each, and how many did not come."""

    rate: float
    microseconds: float
    lost: int


def flood(web: psutil.Process, audience: Audience, speaker: "Speaker", frames: int) -> Flood:
    """As many frames as these, to all sockets in turn, as fast as they go."""
    messages = speaker.messages(frames)
    taken = [sum(web.cpu_times()[:2])]
    begun = time.time()
    for start in range(0, len(messages), 500):
        speaker.publish(messages[start : start + 500])
    heard = audience.listen(frames, seconds=PATIENCE, each=lambda: taken.append(sum(web.cpu_times()[:2])))
    if not heard:
        raise ConnectionError("no frame came")
    return Flood(
        rate=len(heard) / (max(frame.at for frame in heard) - begun),
        microseconds=(taken[-1] - taken[0]) / len(heard) * 1_000_000,
        lost=frames - len(heard),
    )


def pace(audience: Audience, speaker: "Speaker", *, rate: float) -> list[float]:
    """How long each frame was on its way while `rate` of them a second came."""
    frames = round(rate * PACED)
    messages = speaker.messages(frames)
    due = time.monotonic()
    for start in range(0, frames, TOGETHER):
        due += TOGETHER / rate
        time.sleep(max(0, due - time.monotonic()))
        speaker.publish(messages[start : start + TOGETHER])
    heard = audience.listen(frames, seconds=PATIENCE)
    return [frame.at - json.loads(frame.text)["sent"] for frame in heard]


class Speaker:
    """Tells the drivers something, numbered as ParkMate's consumer wants it: what is sent is in the inbox."""

    def __init__(self, here: Machine, server: Server, drivers: Sequence[int]) -> None:
        self._here = here
        self._server = server
        self._drivers = drivers
        self._turn = 0
        self._numbers = dict.fromkeys(drivers, 0)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._publish = self._publisher()

    def close(self) -> None:
        """End what the default layer needs."""
        if self._loop:
            self._loop.close()

    def messages(self, count: int) -> list[tuple[int, int]]:
        """The next so many: whose, and with which number. Their rows are written."""
        made = []
        for _ in range(count):
            user = self._drivers[self._turn % len(self._drivers)]
            self._turn += 1
            self._numbers[user] += 1
            made.append((user, self._numbers[user]))
        if self._server.layer is None:
            self._write(made)
        return made

    def publish(self, messages: Sequence[tuple[int, int]]) -> None:
        """Push these, now."""
        sent = time.time()
        self._publish([self._message(user, seq, sent) for user, seq in messages])

    def _message(self, user: int, seq: int, sent: float) -> tuple[str, Message]:
        text = json.dumps(
            {
                "type": "booking",
                "message": WORDS,
                "id": seq,
                "seq": seq,
                "event": "BOOKING_EXPIRED",
                "booking": {"id": seq, "status": "EXPIRED"},
                "unread": seq,
                "sent": sent,
            }
        )
        if self._server.layer is None:
            return f"user.{user}", {"type": "notice", "seq": seq, "text": text}
        return f"plain.{user}", {"type": "notice", "text": text}

    def _write(self, messages: Sequence[tuple[int, int]]) -> None:
        """The rows of these notices, as the relay leaves them."""
        self._here.rows(
            "INSERT INTO parking_notification"
            " (recipient_id, seq, event, level, message, facts, muted, committed_at, pushed_at)"
            " SELECT *, 'BOOKING_EXPIRED', 'booking', %s, '{}', '{}', now(), now()"
            " FROM unnest(%s::bigint[], %s::bigint[])",
            WORDS,
            [user for user, _ in messages],
            [seq for _, seq in messages],
        )
        self._here.rows(
            "UPDATE parking_inbox SET head = last.seq FROM"
            " (SELECT recipient_id, max(seq) AS seq FROM parking_notification GROUP BY 1) last"
            " WHERE user_id = recipient_id"
        )

    def _publisher(self) -> Callable[[Sequence[tuple[str, Message]]], None]:
        """ParkMate's one pipeline for both pub/sub layers; the default layer has its own way only."""
        if self._server.layer == DEFAULT:
            from channels_redis.core import RedisChannelLayer

            layer = RedisChannelLayer(hosts=[self._here.valkey.url], capacity=self._server.capacity)
            loop = self._loop = asyncio.new_event_loop()

            async def send_all(sends: Sequence[tuple[str, Message]]) -> None:
                for group, message in sends:
                    await layer.group_send(group, message)

            return lambda sends: loop.run_until_complete(send_all(sends))
        from parkmate.channel_layer import RedisLayer

        prefix = "parkmate" if self._server.layer is None else "asgi"
        return RedisLayer(url=self._here.valkey.url, prefix=prefix).group_send_many


def report(result: Mapping[str, Any]) -> str:
    """The table, and what follows from it."""
    rows = []
    for name, sizes in result["servers"].items():
        for one in sizes:
            failed = "failed" in one
            rows.append(
                {
                    "sockets": f"{one['sockets']:,}",
                    "server": SERVERS[name].title,
                    "connects/s": "-" if failed else f"{one['connects']:,.0f}",
                    "kB each": "-" if failed else f"{one['kilobytes']:.0f}",
                    "frames/s": one["failed"] if failed else f"{one['frames']:,.0f}",
                    "µs a frame": "-" if failed else f"{one['microseconds']:.0f}",
                    "delay p50": "-" if failed else brief(one["delay_p50"]),
                    "p99": "-" if failed else brief(one["delay_p99"]),
                    "lost": "-" if failed else one["lost"],
                }
            )
    return table(sorted(rows, key=lambda row: int(row["sockets"].replace(",", ""))))
