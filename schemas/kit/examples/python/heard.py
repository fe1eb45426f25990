"""What this system has heard: one table, and the one rule that makes duplicates harmless.

The id of an event and the work that it causes are written in one transaction. Either both are there or neither is, so
an event that comes again is recognised, whatever happened in between.
"""

import json
import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS heard (id TEXT PRIMARY KEY, subject TEXT NOT NULL, type TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS case_state (case_id TEXT PRIMARY KEY, last_type TEXT NOT NULL);
"""


class Heard:
    """Opens the file, and makes its tables the first time."""

    def __init__(self, file: Path) -> None:
        self._one_at_a_time = threading.Lock()
        self._database = sqlite3.connect(file, check_same_thread=False)
        self._database.executescript(_TABLES)

    def take(self, event: Mapping[str, Any]) -> bool:
        """Do the work of an event, once. Answers whether it was new."""
        # One transaction: all of this, or nothing.
        with self._one_at_a_time, self._database:
            new = self._database.execute(
                "INSERT INTO heard VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (event["id"], event["subject"], event["type"]),
            ).rowcount
            if new:
                # YOUR WORK COMES HERE, in the same transaction. Look at event["type"] and event["data"]; pass over
                # types and fields that you do not know, and expect that fields are left out.
                self._database.execute(
                    "INSERT INTO case_state VALUES (?, ?) ON CONFLICT (case_id) DO UPDATE SET last_type = ?",
                    (event["subject"], event["type"], event["type"]),
                )
        if new:
            print(json.dumps({"id": event["id"], "subject": event["subject"], "type": event["type"]}), flush=True)
        return bool(new)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
