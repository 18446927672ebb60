"""The web process that dies over a request with an Idempotency-Key: before or after its commit (DIES)."""

import os
import signal
from typing import Any

from parkmate.asgi import application  # isort: skip - it sets Django up
from parking.api import idempotency
from parking.models import StoredAnswer

__all__ = ["application"]


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def once_and_die(request: Any, work: Any) -> Any:
    done(request, work)
    die()


if os.environ["DIES"] == "after":
    done = idempotency._once
    idempotency._once = once_and_die
else:
    # All the work is done in the transaction, and the answer is about to be stored with it.
    StoredAnswer.save = die  # type: ignore[method-assign]
