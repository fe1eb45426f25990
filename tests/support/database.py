"""Real databases for tests: one migrated template per session, copied for each test."""

import asyncio
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg
from chassis.assembly import role_url
from chassis.migrations import NoSuchPackage, Schema
from jointly.database import SCHEMAS, database_rights, initialise, migrate
from jointly.postgres import AlreadyRunning, EmbeddedPostgres
from sqlalchemy.engine import make_url

T = TypeVar("T")

#: The roles' passwords in tests are derived from this.
SECRET: Final = "a secret of the tests"
#: Tests do not outlive a power cut. Faults that need a durable server start one with `EmbeddedPostgres`' own settings.
_HASTY: Final = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "1GB", "autovacuum": "off"}
_PREFIX: Final = "jointly-test-"
_ENOUGH_BYTES: Final = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Copy:
    """A database of one test's own, with every schema migrated and nothing in it."""

    name: str
    admin_url: str

    def url(self, role: str) -> str:
        """The SQLAlchemy URL of a service's runtime role, such as `referral_api` or `event_log`."""
        return role_url(self.admin_url, role, SECRET)

    def dsn(self, role: str | None = None) -> str:
        """The same for the driver itself; the administrator's when no role is named."""
        return _dsn(self.url(role) if role else self.admin_url)


class Server:
    """A server with a migrated template. Usable from tests with and without an event loop."""

    def __init__(self, admin_url: str, schemas: tuple[Schema, ...], *, name: str) -> None:
        self.admin_url = admin_url
        self.schemas = schemas
        self._prefix = f"test_{name}_{os.getpid()}"
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test databases", daemon=True)
        self._thread.start()
        self._connection: asyncpg.Connection[Any] = self._do(asyncpg.connect(_dsn(self._url("postgres"))))
        self._template = f"{self._prefix}_template"
        self._do(self._make_template())

    def copy(self) -> Copy:
        """A fresh copy of the template."""
        name = f"{self._prefix}_{next(self._numbers)}"
        self._do(self._copy(name))
        return Copy(name, self._url(name))

    def drop(self, copy: Copy) -> None:
        """Remove a copy, whoever is still connected to it."""
        self._do(self._connection.execute(f'DROP DATABASE IF EXISTS "{copy.name}" WITH (FORCE)'))

    def close(self) -> None:
        """Remove the template and let go."""
        self._do(self._connection.execute(f'DROP DATABASE IF EXISTS "{self._template}" WITH (FORCE)'))
        self._do(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _make_template(self) -> None:
        url = self._url(self._template)
        await initialise(url, self.schemas, SECRET)
        await migrate(url, self.schemas)

    async def _copy(self, name: str) -> None:
        await self._connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}" STRATEGY FILE_COPY')
        await self._connection.execute("; ".join(database_rights(name, self.schemas)))

    def _url(self, database: str) -> str:
        return make_url(self.admin_url).set(database=database).render_as_string(hide_password=False)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@contextmanager
def server(worker: str) -> Iterator[Server]:
    """The server of this test session: JOINTLY_TEST_DATABASE_URL (an administrator's), or an embedded one."""
    given = os.environ.get("JOINTLY_TEST_DATABASE_URL")
    if given:
        url = make_url(given).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
        running = Server(url, schemas(), name=worker)
        try:
            yield running
        finally:
            running.close()
        return
    with own_postgres(_quick_folder(), settings=_HASTY) as postgres:
        running = Server(postgres.admin_url(), schemas(), name=worker)
        try:
            yield running
        finally:
            running.close()


@contextmanager
def own_postgres(base: Path | None = None, *, settings: dict[str, str] | None = None) -> Iterator[EmbeddedPostgres]:
    """A started embedded server that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=base) as folder:
        _sweep(Path(folder))
        postgres = EmbeddedPostgres(Path(folder), settings=settings)
        try:
            postgres.start()
            yield postgres
        finally:
            postgres.erase()


def _quick_folder() -> Path | None:
    """Memory, where there is enough of it: a copy takes a tenth of the time."""
    memory = Path("/dev/shm")  # noqa: S108  a private folder is made in it
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ENOUGH_BYTES:
        return memory
    return None


def _sweep(mine: Path) -> None:
    """Remove what sessions that were killed an hour ago or more have left beside this folder."""
    for other in mine.parent.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):
            if mine.stat().st_mtime - other.stat().st_mtime < 3600:
                continue
            with suppress(AlreadyRunning):
                EmbeddedPostgres(other).erase()
                shutil.rmtree(other, ignore_errors=True)


def schemas() -> tuple[Schema, ...]:
    """Every schema whose package has migrations; JOINTLY_TEST_SCHEMAS (names, commas) narrows that."""
    wanted = os.environ.get("JOINTLY_TEST_SCHEMAS")
    names = wanted.split(",") if wanted else [schema.name for schema in SCHEMAS]
    return tuple(schema for schema in SCHEMAS if schema.name in names and _has_migrations(schema))


def _has_migrations(schema: Schema) -> bool:
    try:
        return schema.head is not None
    except NoSuchPackage:
        return False


def _dsn(url: str) -> str:
    return url.replace("postgresql+asyncpg://", "postgresql://")
