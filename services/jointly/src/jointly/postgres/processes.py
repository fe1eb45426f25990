"""The server's processes: whether it is ready, how it is ended, and what a crash may have left."""

import contextlib
import signal
import subprocess
from pathlib import Path
from typing import Final

import psutil

#: Run beside the server, in its folder. Its input ends when the process at the other end of the pipe ends,
#: killed or not; then it shuts the server down, if that is still the same one.
GUARD: Final = 'cat >/dev/null; [ "$(head -n 1 postmaster.pid 2>/dev/null)" = "$1" ] && kill -INT "$1"'

#: A last checkpoint writes no more than the buffers hold. A server that was asked to stop while it recovered from the
#: crash of one of its processes never stops (seen with 18.4): then it is told to drop everything, which loses nothing.
_STOP_SECONDS: Final = 10.0
#: The line of the pid file on which the server says how it is.
_STATUS_LINE: Final = 7


def is_ready(data: Path, pid: int) -> bool:
    """Whether the server `pid` takes connections, by its own word."""
    lines = _pid_file(data)
    return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"


def end(process: "subprocess.Popen[bytes]") -> None:
    """A fast shutdown; when that takes too long an immediate one, from which the next start recovers."""
    for how, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return


def end_what_is_left(data: Path) -> None:
    """Clear away what a killed parent or a killed server left. The caller holds the state folder's lock."""
    lines = _pid_file(data)
    if not lines:
        return
    left = _on_cluster(data)
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        main = [process for process in left if str(process.pid) == lines[0]]
        # When the main process is gone the others notice and end; they are told only if they do not.
        for process in main if how == signal.SIGINT else left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(how)
        left = psutil.wait_procs(left, timeout=_STOP_SECONDS if main else 5.0)[1]
        if not left:
            break
    # In a container the number soon belongs to a stranger, whom PostgreSQL would take for its predecessor.
    if psutil.pid_exists(int(lines[0])):
        (data / "postmaster.pid").unlink(missing_ok=True)


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _on_cluster(data: Path) -> list[psutil.Process]:
    """The processes of a server of this cluster: each of them has changed into its folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name().startswith("postgres") and process.cwd() == str(data.resolve()):
                found.append(process)
    return found
