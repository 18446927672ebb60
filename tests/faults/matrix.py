"""The matrix: everything that can break, the box it is done to, and what is promised all the same.

A bound counts from the due time, or from the end of an outage in which nothing at all could fire.
"""

from tests.faults.box import Shape
from tests.faults.fault import Fault
from tests.faults.proxy import DOWN, UP, When
from tests.faults.strikes import (
    clients,
    clocks,
    crowds,
    postgres,
    processes,
    releases,
    restoration,
    valkey,
)

# One of several dead; the only one dead, from its restart; the database away, from its return.
ONE_DEAD, ALL_DEAD, DATABASE_BACK = 3.0, 3.0, 5.0

# What the log may say with a traceback when that fault is done.
CHILD_KILLED = ("WorkerLostError",)
# Without memory Python may fail in any way, even in reading its own modules.
ANYTHING = ("",)
# Workers say more than one line of a broker that they do not reach.
NO_BROKER = ("redis.exceptions", "kombu.exceptions")

# Beat's library says with a traceback that it does not reach the database.
NO_DATABASE = ("django_celery_beat.schedulers: Database",)

WORKER_ALONE = Shape(worker=1, sweeper=0)
SWEEPERS_ALONE = Shape(worker=0, beat=0, sweeper=2)


def watching(*moments: str, **shape: int) -> Shape:
    """A box in which these moments can be waited for."""
    return Shape(watched=moments, **shape)


PROCESSES = (
    Fault("nothing breaks", processes.nothing, typical=1.0),
    Fault("worker's main process killed", processes.main_killed("worker"), ONE_DEAD),
    Fault("worker with its children killed", processes.killed("worker", away=3), ONE_DEAD),
    Fault(
        "worker's child killed before the commit",
        processes.killed_at("written", of="worker"),
        ONE_DEAD,
        watching("written"),
        may_say=CHILD_KILLED,
    ),
    Fault(
        "worker's child killed inside the commit",
        processes.killed_inside_the_commit(of="worker"),
        ONE_DEAD,
        watching("written"),
        may_say=CHILD_KILLED,
    ),
    Fault(
        "worker's child killed after the commit",
        crowds.killed_at_the_last("committed", of="worker"),
        ONE_DEAD,
        watching("committed"),
        may_say=CHILD_KILLED,
    ),
    Fault(
        "worker's child killed before the push",
        crowds.killed_at_the_last("numbered", of="worker"),
        ONE_DEAD,
        watching("numbered"),
        may_say=CHILD_KILLED,
    ),
    Fault(
        "worker's main process killed inside a batch",
        processes.killed_at("written", of="worker", parent=True),
        ONE_DEAD,
        watching("written"),
    ),
    Fault(
        "worker's children over their memory limit",
        processes.nothing,
        ONE_DEAD,
        Shape(settings={"PARKMATE_BOX_CELERY": '{"worker_max_memory_per_child": 1}'}),
    ),
    Fault(
        "worker's child without memory in a batch",
        processes.starved,
        ONE_DEAD,
        watching("written"),
        may_say=ANYTHING,
    ),
    Fault(
        "worker's child over its time limit in a batch",
        processes.outlived,
        ONE_DEAD,
        Shape(watched=("written",), settings={"PARKMATE_BOX_CELERY": '{"task_time_limit": 4}'}),
        may_say=("TimeLimitExceeded",),
    ),
    Fault("all workers away", processes.killed("worker", "worker2", away=8), ONE_DEAD),
    Fault("the only worker killed, no sweeper", processes.all_dead("worker"), ALL_DEAD, WORKER_ALONE),
    Fault("no beat", processes.nothing, ONE_DEAD, Shape(beat=0)),
    Fault("two beats, four sweepers", processes.nothing, shape=Shape(beat=2, sweeper=4), typical=1.0),
    Fault(
        "sweeper killed inside a batch",
        processes.killed_at("written", of="sweeper"),
        ONE_DEAD,
        watching("written", worker=0, beat=0, sweeper=2),
    ),
    Fault("no sweeper", processes.killed("sweeper", away=6), ONE_DEAD),
    Fault("web killed before the commit", processes.killed_at("booked", of="web"), shape=watching("booked")),
    Fault(
        "web killed after the commit", processes.killed_at("answering", of="web"), shape=watching("answering")
    ),
    Fault("web killed at any moment", processes.killed("web")),
    Fault("worker frozen past the visibility timeout", processes.frozen("worker", seconds=8), ONE_DEAD),
    Fault(
        "worker frozen inside a batch",
        processes.frozen_at("written", of="worker", seconds=8),
        ONE_DEAD,
        watching("written"),
    ),
    Fault("redeployed, one after the other", processes.redeployed, ONE_DEAD),
    Fault(
        "old and new release side by side",
        releases.side_by_side,
        ONE_DEAD,
        Shape(sweeper=2, settings={"PARKMATE_BOX_NEWER": "worker2,sweeper2"}),
    ),
    Fault("everything killed", processes.everything_killed, ALL_DEAD, may_say=NO_BROKER),
)

VALKEY = (
    Fault(
        "Valkey killed, back with data",
        valkey.killed(away=2),
        ONE_DEAD,
        Shape(valkey_keeps=True),
        may_say=NO_BROKER,
    ),
    Fault("Valkey killed, back empty", valkey.killed(away=2), ONE_DEAD, may_say=NO_BROKER),
    Fault("Valkey flushed", valkey.flushed, ONE_DEAD, may_say=NO_BROKER),
    Fault("Valkey frozen", valkey.frozen(8), ONE_DEAD, may_say=NO_BROKER),
    Fault("Valkey out of memory", valkey.full, ONE_DEAD),
    Fault("Valkey refused at booking time", valkey.refused("web", seconds=6), ONE_DEAD, may_say=NO_BROKER),
    Fault(
        "Valkey does not hear the workers",
        valkey.swallowed("worker", UP, seconds=8),
        ONE_DEAD,
        may_say=NO_BROKER,
    ),
    Fault(
        "workers do not hear Valkey", valkey.swallowed("worker", DOWN, seconds=8), ONE_DEAD, may_say=NO_BROKER
    ),
)

POSTGRES = (
    Fault("PostgreSQL's connections cut", postgres.cut, ONE_DEAD, may_say=NO_DATABASE),
    Fault("PostgreSQL restarted at once", postgres.restarted, DATABASE_BACK, may_say=NO_DATABASE),
    Fault("PostgreSQL not reached", postgres.away, DATABASE_BACK, may_say=NO_DATABASE),
    Fault("PostgreSQL read-only", postgres.read_only, DATABASE_BACK, may_say=NO_DATABASE),
    Fault("PostgreSQL out of connections", postgres.out_of_connections, DATABASE_BACK, may_say=NO_DATABASE),
    Fault("commit lost, worker", postgres.outcome_unknown("worker", when=When.BEFORE), ONE_DEAD),
    Fault(
        "commit done and not told, worker", postgres.outcome_unknown("worker", when=When.ANSWERED), ONE_DEAD
    ),
    Fault(
        "commit done and not told, sweeper",
        postgres.outcome_unknown("sweeper", when=When.ANSWERED),
        ONE_DEAD,
        SWEEPERS_ALONE,
    ),
    Fault("commit lost, web", postgres.outcome_unknown("web", when=When.BEFORE), ONE_DEAD),
    Fault("commit done and not told, web", postgres.outcome_unknown("web", when=When.ANSWERED), ONE_DEAD),
    Fault("one worker's line to PostgreSQL swallows", postgres.swallowed("worker2", seconds=8), ONE_DEAD),
    Fault("PostgreSQL's lines slow", postgres.slow(delay=0.02), ONE_DEAD),
    Fault("PostgreSQL's lines in slices", postgres.slow(piece=50), ONE_DEAD),
    Fault("a timer's row held by somebody", postgres.locked("timer", seconds=8), ONE_DEAD),
    Fault("a booking's row held by somebody", postgres.locked("booking", seconds=8), ONE_DEAD),
    Fault("inboxes held by somebody", postgres.inboxes_held(8), ONE_DEAD),
    Fault("a slot's row held by somebody", postgres.slot_held(8), ONE_DEAD),
    Fault("database restored from an earlier copy", restoration.restored, ALL_DEAD, may_say=NO_DATABASE),
)

CROWDS = (
    # A worker takes some 9 kB for each alarm that it holds at once.
    Fault("2,000 due at once", crowds.due_at_once(2000), ONE_DEAD, rehearsed=True),
    Fault("redeployed with 6,000 timers armed", crowds.redeployed_with_many_armed, ONE_DEAD),
    Fault(
        "a timer that cannot be carried out",
        crowds.poisoned,
        ONE_DEAD,
        may_say=("poison",),
        may_park=1,
    ),
    Fault("a task delivered again and again", crowds.delivered_again, ONE_DEAD),
    Fault("renewed, extended, cancelled and expired at once", crowds.everything_at_once),
    Fault(
        "alarms beyond the visibility timeout",
        processes.nothing,
        shape=Shape(settings={"PARKMATE_ALARM_HORIZON_SECONDS": "30"}),
    ),
)

CLIENTS = (
    Fault("web ended gently under 1,000 clients", clients.return_at_once(1000, gently=True), ONE_DEAD),
    Fault("web killed under 1,000 clients", clients.return_at_once(1000, gently=False), ONE_DEAD),
    Fault("half-open clients", clients.half_open, ONE_DEAD),
    Fault("clients that do not read", clients.deaf, ONE_DEAD),
    Fault("inboxes of an earlier copy of the database", clients.numbered_anew, ONE_DEAD),
)

# Instants that calendars make difficult, where the machines' local time is Berlin's.
ODD_INSTANTS = {
    "the hour that comes twice": "2025-10-26T01:00:00Z",
    "the hour that does not come": "2026-03-29T01:00:00Z",
    "the start of the 29th of February": "2024-02-29T00:00:00Z",
    "the end of the 29th of February": "2024-03-01T00:00:00Z",
}
# Not the web processes': under libfaketime one spins and answers after seconds, even with a true clock.
IN_BERLIN = Shape(worker=1, clocks=("worker", "beat", "sweeper"), settings={"TZ": "Europe/Berlin"})

CLOCKS = tuple(
    Fault(f"clock of {name} {step}", clocks.stepped(name, step), ONE_DEAD, Shape(clocks=(name,)))
    for name in ("worker", "web", "beat", "sweeper")
    for step in ("+1h", "-1h")
) + tuple(
    Fault(f"clocks of worker, beat and sweeper go over {name}", clocks.over(at), ONE_DEAD, IN_BERLIN)
    for name, at in ODD_INSTANTS.items()
)

MATRIX = (*PROCESSES, *VALKEY, *POSTGRES, *CROWDS, *CLIENTS, *CLOCKS)
