"""What is asked of the machine: ports and private files."""

import errno
import os
import socket
import tempfile
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Puts the whole text there or nothing, readable by its owner alone."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with open(descriptor, "w") as file:
        file.write(text)
    os.replace(draft, path)


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now, by trying. Raises OSError if the host is not ours."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def free_port() -> int:
    """A loopback port that nobody listens at, and that was not given to anybody in this process before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        # Who was given it may not listen yet.
        if port not in _given:
            _given.add(port)
            return port


_given: set[int] = set()
