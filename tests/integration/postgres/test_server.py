"""The embedded PostgreSQL keeps what it was given, whoever is killed, and lets nobody else in."""

import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import psutil
import pytest
from jointly.postgres import AlreadyRunning, EmbeddedPostgres, MadeByAnotherVersion, NotStarted

MARKER = "CNRY-Zoe-Test-1979"


@asynccontextmanager
async def session(postgres: EmbeddedPostgres) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """The administrator's, on the server's own database."""
    connection = await asyncpg.connect(_dsn(postgres.admin_url("postgres")))
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


async def keep(postgres: EmbeddedPostgres, value: str) -> None:
    async with session(postgres) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (value text)")
        await connection.execute("INSERT INTO kept VALUES ($1)", value)


async def kept(postgres: EmbeddedPostgres) -> list[str]:
    async with session(postgres) as connection:
        return [row["value"] for row in await connection.fetch("SELECT value FROM kept ORDER BY value")]


def data_of(postgres: EmbeddedPostgres) -> Path:
    return Path(psutil.Process(postgres.pid).cwd())


def noted(postgres: EmbeddedPostgres, name: str) -> Path:
    """The folder that a note in the state folder names."""
    return Path((postgres.state / "postgres" / name).read_text().strip())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that the server's account can reach, and what is in it ended and removed afterwards."""
    with TemporaryDirectory(prefix="jointly-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)
        EmbeddedPostgres(Path(folder)).erase()


async def test_a_second_start_goes_on_where_the_first_stopped(postgres: EmbeddedPostgres) -> None:
    await keep(postgres, "one")
    postgres.stop()
    assert not postgres.running
    postgres.start()
    assert await kept(postgres) == ["one"]


async def test_what_was_committed_survives_a_killed_server(postgres: EmbeddedPostgres) -> None:
    await keep(postgres, "one")
    first = postgres.pid
    os.kill(first, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(first)] if psutil.pid_exists(first) else [], timeout=10)
    assert not postgres.running
    postgres.start()
    assert postgres.pid != first
    assert await kept(postgres) == ["one"]


async def test_a_killed_session_does_not_take_the_others_along_for_long(postgres: EmbeddedPostgres) -> None:
    await keep(postgres, "one")
    victim = await asyncpg.connect(_dsn(postgres.admin_url("postgres")))
    os.kill(await victim.fetchval("SELECT pg_backend_pid()"), signal.SIGKILL)
    victim.terminate()
    assert await eventually_kept(postgres) == ["one"]
    assert postgres.running


async def eventually_kept(postgres: EmbeddedPostgres) -> list[str]:
    """After a crash of one session the server throws all of them out and recovers; until then it says so."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await kept(postgres)
            except (asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError, OSError):
                await asyncio.sleep(0)


def test_a_second_copy_is_told_who_holds_the_folder(postgres: EmbeddedPostgres) -> None:
    second = EmbeddedPostgres(postgres.state)
    with pytest.raises(AlreadyRunning, match=f"already being run by process {os.getpid()}"):
        second.start()
    with pytest.raises(AlreadyRunning):
        second.erase()
    assert postgres.running
    # It may still say where the server is.
    assert second.admin_url() == postgres.admin_url()


async def test_the_server_ends_with_whoever_started_it_and_nothing_is_lost(state: Path) -> None:
    with started_elsewhere(state) as (starter, server):
        await keep(EmbeddedPostgres(state), "one")
        starter.kill()
    _, alive = psutil.wait_procs([server], timeout=60)
    assert not alive
    with EmbeddedPostgres(state) as again:
        assert await kept(again) == ["one"]
        # It was shut down, not crashed: there was nothing to recover from.
        assert "was not properly shut down" not in again.log.read_text()


async def test_a_server_that_nobody_guards_any_more_is_ended_by_the_next_start(state: Path) -> None:
    with started_elsewhere(state) as (starter, orphan):
        await keep(EmbeddedPostgres(state), "one")
        for guard in psutil.Process(starter.pid).children():
            if guard != orphan:
                guard.kill()
        starter.kill()
    assert orphan.is_running()
    with EmbeddedPostgres(state) as again:
        assert not orphan.is_running()
        assert await kept(again) == ["one"]


async def test_a_stranger_with_the_number_of_a_killed_server_does_not_stop_the_next_start(
    postgres: EmbeddedPostgres,
) -> None:
    await keep(postgres, "one")
    pid_file = data_of(postgres) / "postmaster.pid"
    socket_file = noted(postgres, "socket-folder") / ".s.PGSQL.5432.lock"
    left = {path: path.read_text().splitlines() for path in (pid_file, socket_file)}
    postgres.stop()
    # As in a container, where the numbers begin anew: it is alive, of the server's own user, and no PostgreSQL.
    with stranger_of(pid_file.parent.stat().st_uid) as stranger:
        for path, lines in left.items():
            path.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        postgres.start()
        assert await kept(postgres) == ["one"]
        assert stranger.poll() is None


async def test_whoever_keeps_it_running_has_it_back_after_it_was_killed(postgres: EmbeddedPostgres) -> None:
    await keep(postgres, "one")
    first = postgres.pid
    keeping = asyncio.create_task(postgres.keep_running())
    os.kill(first, signal.SIGKILL)
    assert await eventually_kept(postgres) == ["one"]
    assert postgres.pid != first
    keeping.cancel()


async def test_a_cluster_that_was_never_finished_is_made_anew(state: Path) -> None:
    half = state / "postgres" / "data.half"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    with EmbeddedPostgres(state) as postgres:
        await keep(postgres, "one")
        assert not half.exists()


def test_data_of_another_version_is_not_touched(postgres: EmbeddedPostgres) -> None:
    data = data_of(postgres)
    postgres.stop()
    (data / "PG_VERSION").write_text("15\n")
    with pytest.raises(MadeByAnotherVersion, match="was made by PostgreSQL 15"):
        postgres.start()
    assert not postgres.running


def test_a_server_that_cannot_start_says_why(postgres: EmbeddedPostgres) -> None:
    data = data_of(postgres)
    postgres.stop()
    (data / "local.conf").write_text("max_connections = many\n")
    with pytest.raises(NotStarted, match="max_connections"):
        postgres.start()
    assert not postgres.running


def test_data_that_was_elsewhere_and_is_gone_is_not_replaced_by_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "elsewhere").write_text(f"{tmp_path / 'gone'}\n")
    with pytest.raises(NotStarted, match="which is gone"):
        EmbeddedPostgres(tmp_path).start()
    assert not (tmp_path / "gone").exists()


def test_without_a_start_there_is_no_address(tmp_path: Path) -> None:
    with pytest.raises(NotStarted):
        EmbeddedPostgres(tmp_path).admin_url()


async def test_nobody_comes_in_without_the_password(postgres: EmbeddedPostgres) -> None:
    for password in ("", "postgres", MARKER):
        with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InterfaceError)):
            await asyncpg.connect(_dsn(postgres.url("postgres", password, "postgres")))
    async with session(postgres) as connection:
        methods = await connection.fetch("SELECT DISTINCT auth_method FROM pg_hba_file_rules")
        assert [row["auth_method"] for row in methods] == ["scram-sha-256"]


async def test_the_only_door_is_a_socket_in_a_private_folder(postgres: EmbeddedPostgres) -> None:
    async with session(postgres) as connection:
        assert await connection.fetchval("SHOW listen_addresses") == ""
        folder = Path(await connection.fetchval("SHOW unix_socket_directories"))
    assert mode_of(folder) == 0o700
    assert not [c for c in psutil.Process(postgres.pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]


@pytest.mark.parametrize("name", ["d" * 120, "with a space, a comma and 'quotes'"])
async def test_a_folder_that_is_no_place_for_a_socket_gets_a_short_one(state: Path, name: str) -> None:
    postgres = EmbeddedPostgres(state / name)
    try:
        postgres.start()
        address = postgres.admin_url()
        await keep(postgres, "one")
        assert data_of(postgres).is_relative_to(state)
        postgres.stop()
        postgres.start()
        assert postgres.admin_url() == address
        assert await kept(postgres) == ["one"]
    finally:
        short = noted(postgres, "socket-folder")
        postgres.erase()
    assert not short.exists()


async def test_it_is_set_to_keep_what_it_is_given(postgres: EmbeddedPostgres) -> None:
    async with session(postgres) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
            assert await connection.fetchval("SELECT current_setting($1)", name) == "on", name
        row = await connection.fetchrow("SELECT * FROM pg_database WHERE datname = 'template1'")
        assert row is not None
        assert (row["datlocprovider"], row["datlocale"], row["datcollate"]) == (b"b", "C.UTF-8", "C")
        assert await connection.fetchval("SELECT lower('ZOË')") == "zoë"
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "1min"


async def test_no_statement_and_no_value_is_in_the_log(postgres: EmbeddedPostgres) -> None:
    async with session(postgres) as connection:
        await connection.execute("CREATE TABLE person (name text PRIMARY KEY, born date)")
        await connection.execute("INSERT INTO person VALUES ($1)", MARKER)
        for statement, value in (
            ("INSERT INTO person VALUES ($1)", MARKER),
            ("SELECT $1::text::int", MARKER),
            (f"SELECT '{MARKER}'::text = $1::text::date", MARKER),
        ):
            with pytest.raises(asyncpg.PostgresError):
                await connection.fetch(statement, value)
    log = postgres.log.read_text()
    assert "ready to accept connections" in log
    assert MARKER not in log
    assert not re.search("DETAIL|STATEMENT|INSERT", log)


async def test_an_operators_own_settings_win(postgres: EmbeddedPostgres) -> None:
    (data_of(postgres) / "local.conf").write_text("max_connections = 33\n")
    postgres.stop()
    postgres.start()
    async with session(postgres) as connection:
        assert await connection.fetchval("SHOW max_connections") == "33"


def test_what_is_ours_to_read_is_nobody_elses(postgres: EmbeddedPostgres) -> None:
    folder = postgres.state / "postgres"
    for name in ("password", "lock", "server.log", "socket-folder"):
        assert mode_of(folder / name) == 0o600, name
    assert mode_of(data_of(postgres)) == 0o700


def test_the_server_is_never_root(postgres: EmbeddedPostgres) -> None:
    assert 0 not in psutil.Process(postgres.pid).uids()
    assert psutil.Process(postgres.pid).username() not in {"root", "postgres"} or os.geteuid() != 0


def test_the_environment_of_whoever_starts_it_changes_nothing(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PGDATA", "/nowhere"), ("PGPORT", "1"), ("LC_ALL", "xx_YY"), ("TZ", "Asia/Tokyo")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HOME", raising=False)
    with EmbeddedPostgres(state) as postgres:
        assert set(psutil.Process(postgres.pid).environ()) <= {"LC_ALL", "TZ", "PATH", "PGLOCALEDIR", "PGSYSCONFDIR"}


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root has to hand the server to somebody else.")
async def test_root_keeps_the_cluster_where_the_servers_account_can_reach_it(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    postgres = EmbeddedPostgres(closed / "state")
    try:
        postgres.start()
        await keep(postgres, "one")
        home = noted(postgres, "elsewhere")
        assert data_of(postgres) == home / "data"
        # No folder of anybody else's was opened for it.
        assert mode_of(closed) == 0o700
        postgres.stop()
        postgres.start()
        assert await kept(postgres) == ["one"]
    finally:
        postgres.erase()
    assert not home.exists()


def stranger_of(uid: int) -> "subprocess.Popen[bytes]":
    """A process of this user's that does nothing until its input is closed."""
    return subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, user=uid if os.geteuid() == 0 else None)


@contextmanager
def started_elsewhere(state: Path) -> "Iterator[tuple[subprocess.Popen[bytes], psutil.Process]]":
    """Another process that has started a server, and the server."""
    code = (
        "import sys; from pathlib import Path; from jointly.postgres import EmbeddedPostgres\n"
        "postgres = EmbeddedPostgres(Path(sys.argv[1])); postgres.start(); print(postgres.pid, flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(  # noqa: S603  ourselves
        [sys.executable, "-c", code, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as starter:
        assert starter.stdout is not None
        yield starter, psutil.Process(int(starter.stdout.readline()))


def _dsn(url: str) -> str:
    return url.replace("postgresql+asyncpg://", "postgresql://")
