"""The state folder: everything that the embedded default keeps, readable by its owner alone."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600
#: Who can sign in, with their secrets, and where.
CREDENTIALS: Final = "credentials.json"


class StateFolder:
    """A folder with private files. Writing is atomic: a reader sees the old file or the new one, whole."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()

    def prepare(self) -> None:
        """Make the folder when it is missing; take it away from everybody else."""
        self.path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        self.path.chmod(PRIVATE_FOLDER)

    def file(self, name: str) -> Path:
        """Where a file of this name is."""
        return self.path / name

    def write(self, name: str, content: bytes) -> Path:
        """Replace a private file, durably."""
        target = self.file(name)
        with self._beside(target, content) as beside:
            beside.replace(target)
        return target

    def write_once(self, name: str, content: bytes) -> bytes:
        """Make a private file unless there is one, and answer what is in it: two processes may begin at once."""
        target = self.file(name)
        with self._beside(target, content) as beside, suppress(FileExistsError):
            os.link(beside, target)
        return target.read_bytes()

    @staticmethod
    @contextmanager
    def _beside(target: Path, content: bytes) -> Iterator[Path]:
        target.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            yield beside
        finally:
            beside.unlink(missing_ok=True)

    def write_json(self, name: str, value: Mapping[str, Any]) -> Path:
        """Replace a private JSON file that people may read."""
        return self.write(name, json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file's object; empty when there is no such file."""
        try:
            text = self.file(name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        value = json.loads(text)
        if not isinstance(value, dict):
            raise TypeError(f"{self.file(name)} should hold a JSON object.")
        return value

    def secret(self, name: str) -> str:
        """One of the folder's own secrets, made the first time it is asked for."""
        kept = self.read_json("secrets.json")
        if name not in kept:
            # One process at a time: another may be making this one, or a neighbour of it.
            self.path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            with self.file(".secrets.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                kept = self.read_json("secrets.json")
                if name not in kept:
                    kept[name] = secrets.token_urlsafe(32)
                    self.write_json("secrets.json", kept)
        return str(kept[name])
