"""One copy per state folder: an operating-system lock that ends with its process, and says who holds it."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the folder."""

    pid: int
    since: str
    port: int


class AlreadyRunning(Exception):
    """Another copy has this state folder."""

    def __init__(self, folder: Path, holder: Holder | None) -> None:
        self.holder = holder
        who = f"process {holder.pid}, since {holder.since}, on port {holder.port}" if holder else "another process"
        super().__init__(
            f"{folder} is in use by {who}. Stop that copy first, or give this one a folder and a port of "
            "its own: JOINTLY_STATE=.jointly-2 JOINTLY_PORT=8100."
        )


class StateLock:
    """Held by an open file, so a crash frees it; what the file says is for people only."""

    def __init__(self, folder: Path, *, port: int, now: datetime) -> None:
        self._folder = folder
        self._holder = Holder(os.getpid(), now.isoformat(timespec="seconds"), port)
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def take(self) -> None:
        """Take the folder. Raises `AlreadyRunning`, naming the holder."""
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(descriptor)
            os.close(descriptor)
            raise AlreadyRunning(self._folder, holder) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(self._holder)).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the folder back; again is harmless. The file stays, or two copies could lock two files."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def holder_of(folder: Path) -> Holder | None:
    """Who runs in this folder now; None when nobody does."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor) or Holder(0, "a moment ago", 0)
    else:
        return None
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):
        return None
