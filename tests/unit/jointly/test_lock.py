"""One copy per state folder."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jointly.lock import AlreadyRunning, StateLock, holder_of

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from jointly.lock import StateLock
StateLock(Path(sys.argv[1]), port=8000, now=datetime(2026, 11, 23, 9, 30, tzinfo=UTC)).take()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_copy_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with (
        StateLock(tmp_path, port=8000, now=NOW),
        pytest.raises(AlreadyRunning, match="JOINTLY_STATE") as refused,
    ):
        StateLock(tmp_path, port=8100, now=NOW).take()
    assert f"process {os.getpid()}, since 2026-11-23T09:30:00+00:00, on port 8000" in str(refused.value)


def test_the_folder_is_free_after_its_holder_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert getattr(holder_of(tmp_path), "pid", None) == holder.pid
        with pytest.raises(AlreadyRunning, match=str(holder.pid)):
            StateLock(tmp_path, port=8000, now=NOW).take()
        holder.kill()
    with StateLock(tmp_path, port=8000, now=NOW):
        pass
    assert holder_of(tmp_path) is None


def test_two_folders_are_two_copies(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with StateLock(tmp_path / "one", port=8000, now=NOW), StateLock(tmp_path / "two", port=8100, now=NOW):
        pass


def test_a_folder_that_nobody_ever_used_has_no_holder(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
