"""What may be used once: ids of assertions, sign-in codes, refresh tokens; remembered across restarts and processes."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from jointly.state import PRIVATE_FILE, StateFolder

FILE: Final = "issuer.sqlite"
#: Seconds that an id is kept past its end, so that a clock that is set back opens no door.
_KEPT_LONGER: Final = 3_600
#: Seconds in which requests that cross each other may bring the same refresh token.
_CROSSING: Final = 30
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS assertion
    (client_id TEXT, jti TEXT, expires REAL, PRIMARY KEY (client_id, jti)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS code (digest TEXT PRIMARY KEY, grant_json TEXT, expires REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refresh
    (digest TEXT PRIMARY KEY, family TEXT, grant_json TEXT, expires REAL, used_at REAL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refresh_family ON refresh (family);
"""


class UsedOnce:
    """A small file of its own. Every call is one short transaction."""

    def __init__(self, state: StateFolder) -> None:
        self._file = state.file(FILE)
        self._file.touch(PRIVATE_FILE, exist_ok=True)
        with self._open() as database:
            database.executescript(_TABLES)

    def first_use(self, client_id: str, jti: str, *, expires: float, now: datetime) -> bool:
        """Whether this client has not used this id before; from now on it has."""
        with self._open() as database:
            database.execute("DELETE FROM assertion WHERE expires < ?", (now.timestamp(),))
            taken = database.execute(
                "INSERT OR IGNORE INTO assertion VALUES (?, ?, ?)", (client_id, jti, expires + _KEPT_LONGER)
            )
            return taken.rowcount == 1

    def keep_code(self, code: str, grant: Mapping[str, Any], *, expires: float) -> None:
        """Remember what a code stands for; the code itself is not kept."""
        with self._open() as database:
            database.execute("INSERT INTO code VALUES (?, ?, ?)", (_digest(code), json.dumps(grant), expires))

    def redeem_code(self, code: str, *, now: datetime) -> dict[str, Any] | None:
        """What the code stands for, once. None for one that is unknown, used or too old."""
        with self._open() as database:
            database.execute("DELETE FROM code WHERE expires < ?", (now.timestamp(),))
            row = database.execute(
                "DELETE FROM code WHERE digest = ? RETURNING grant_json", (_digest(code),)
            ).fetchone()
        if row is None:
            return None
        grant: dict[str, Any] = json.loads(row[0])
        return grant

    def keep_refresh(self, token: str, family: str, grant: Mapping[str, Any], *, expires: float) -> None:
        """Remember what a refresh token stands for; all that follow from one sign-in are a family."""
        with self._open() as database:
            database.execute(
                "INSERT INTO refresh VALUES (?, ?, ?, ?, NULL)", (_digest(token), family, json.dumps(grant), expires)
            )

    def use_refresh(self, token: str, *, now: datetime) -> tuple[str, dict[str, Any], float] | None:
        """Family, grant and end of a refresh token, once (RFC 9700, 4.14).

        Requests that cross each other may use it twice within moments. Later it was stolen: the whole family ends.
        """
        at = now.timestamp()
        with self._open() as database:
            database.execute("DELETE FROM refresh WHERE expires < ?", (at,))
            row = database.execute(
                "SELECT family, grant_json, expires, used_at FROM refresh WHERE digest = ?", (_digest(token),)
            ).fetchone()
            if row is None:
                return None
            family, grant_json, expires, used_at = row
            if used_at is not None and at - used_at > _CROSSING:
                database.execute("DELETE FROM refresh WHERE family = ?", (family,))
                return None
            database.execute("UPDATE refresh SET used_at = coalesce(used_at, ?) WHERE digest = ?", (at, _digest(token)))
        grant: dict[str, Any] = json.loads(grant_json)
        return str(family), grant, float(expires)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._file, timeout=5.0)
        try:
            with database:
                yield database
        finally:
            database.close()


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
