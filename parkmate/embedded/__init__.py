"""PostgreSQL and Valkey out of their wheels, for a machine that has neither.

This runs before Django's settings load, because it decides the addresses they read.
"""

from .home import (
    claim_home,
    end_leftovers,
    home_directory,
    prepare_environment,
    running_address,
    web_address,
)
from .machine import free_port, port_is_free
from .postgres import Postgres
from .processes import ENDING, MARK, end_processes, uninterrupted
from .server import EmbeddedError, Server
from .valkey import Valkey

__all__ = [
    "ENDING",
    "MARK",
    "EmbeddedError",
    "Postgres",
    "Server",
    "Valkey",
    "claim_home",
    "end_leftovers",
    "end_processes",
    "free_port",
    "home_directory",
    "port_is_free",
    "prepare_environment",
    "running_address",
    "uninterrupted",
    "web_address",
]
