"""The embedded PostgreSQL: one server that belongs to one state folder. Read `server.py` first."""

from jointly.postgres.programs import CannotRunHere
from jointly.postgres.server import (
    ADMINISTRATOR,
    DATABASE,
    AlreadyRunning,
    EmbeddedPostgres,
    MadeByAnotherVersion,
    NotStarted,
)

__all__ = [
    "ADMINISTRATOR",
    "DATABASE",
    "AlreadyRunning",
    "CannotRunHere",
    "EmbeddedPostgres",
    "MadeByAnotherVersion",
    "NotStarted",
]
