"""How soon are 2,000 notices on the open sockets of 200 users, all on one web process?

The notices are written in one transaction; the time runs from its commit to the last frame of all.
"""

import argparse
import asyncio
import json
import statistics
import time

from websockets.asyncio.client import ClientConnection, connect

from bench.harness import machine, serve

CONNECT_TOGETHER = 20


def make_users(count: int) -> dict[int, str]:
    """So many drivers, each with a session; return the session's key for each id."""
    from django.test import Client

    from parking.models import User

    users = User.objects.bulk_create(User(username=f"listener{n}", password="!") for n in range(count))
    sessions = {}
    for user in users:
        client = Client()
        client.force_login(user)
        sessions[user.pk] = client.cookies["sessionid"].value
    return sessions


async def open_all(address: str, sessions: dict[int, str]) -> list[ClientConnection]:
    """A socket for each user, its hello read."""
    gate = asyncio.Semaphore(CONNECT_TOGETHER)

    async def one(key: str) -> ClientConnection:
        headers = {"Cookie": f"sessionid={key}"}
        async with gate:
            url = f"ws://{address}/ws/notifications/me/"
            opened = await connect(url, additional_headers=headers, origin=f"http://{address}")
            await opened.recv()
            return opened

    return await asyncio.gather(*(one(key) for key in sessions.values()))


def tell(users: list[int], *, each: int) -> float:
    """Write so many notices to each user in one transaction; return the moment before its commit."""
    from django.db import transaction

    from parking.events import ANNOUNCEMENT
    from parking.notifications import Notice, notify_many

    notices = [
        Notice(ANNOUNCEMENT, to=user, facts={"words": f"Number {number}"})
        for number in range(each)
        for user in users
    ]
    with transaction.atomic():
        notify_many(notices)
        return time.monotonic()


async def hear(opened: ClientConnection, count: int) -> list[int]:
    """The numbers of the next frames."""
    return [json.loads(await opened.recv())["seq"] for _ in range(count)]


async def measure(address: str, sessions: dict[int, str], *, each: int, rounds: int) -> list[float]:
    """The seconds of each round. Stops if a socket shows anything but the next numbers, in order."""
    sockets = await open_all(address, sessions)
    taken = []
    for turn in range(rounds):
        began = asyncio.create_task(asyncio.to_thread(tell, list(sessions), each=each))
        heard = await asyncio.gather(*(hear(opened, each) for opened in sockets))
        taken.append(time.monotonic() - await began)
        wanted = list(range(turn * each + 1, (turn + 1) * each + 1))
        if any(numbers != wanted for numbers in heard):
            raise SystemExit("A socket did not show its notices once, in order.")
    for opened in sockets:
        await opened.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.flood", description=__doc__)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--each", type=int, default=10, help="notices for each user")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with machine() as here:
        address = serve(here)
        sessions = make_users(options.users)
        taken = asyncio.run(measure(address, sessions, each=options.each, rounds=options.rounds))
    print(f"{options.users * options.each} notices to {options.users} users, {options.rounds} rounds")
    print(f"to the last frame: median {statistics.median(taken):.2f} s, worst {max(taken):.2f} s")
    print(json.dumps({"seconds": [round(seconds, 3) for seconds in taken], **vars(options)}))


if __name__ == "__main__":
    main()
