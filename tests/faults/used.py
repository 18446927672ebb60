"""What a box takes of the machine: before and after, it should be the same."""

from contextlib import suppress

import psutil

from tests.faults.box import FaultBox


def measure(box: FaultBox) -> dict[str, float]:
    """What the box takes: memory and handles of each process that lives, connections, keys."""
    used: dict[str, float] = {}
    for name, process in box.processes.items():
        with suppress(psutil.Error):
            found = psutil.Process(process.pid)
            used[f"memory of {name} ({process.pid})"] = found.memory_info().rss
            used[f"handles of {name} ({process.pid})"] = found.num_fds()
    (used["database connections"],) = box.rows(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    )[0]
    with box.valkey_client() as client:
        used["keys in Valkey"] = float(client.dbsize())
    return used
