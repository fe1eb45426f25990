"""What every test may ask for: a database of its own, a server of its own, the real reference data."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Unit tests need none of this, and should not wait for it to be imported.
if TYPE_CHECKING:
    from jointly.postgres import EmbeddedPostgres
    from support.database import Copy, Server

pytest_plugins = ("support.kafka",)

_REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def database_server() -> "Iterator[Server]":
    """One PostgreSQL per session and worker, with every service's schema in its template."""
    from support.database import server

    with server(os.environ.get("PYTEST_XDIST_WORKER", "main")) as running:
        yield running


@pytest.fixture
def databases(database_server: "Server") -> "Iterator[Callable[[], Copy]]":
    """Makes databases of this test's own, for tests that need more than one."""
    with ExitStack() as stack:

        def make() -> "Copy":
            copy = database_server.copy()
            stack.callback(database_server.drop, copy)
            return copy

        yield make


@pytest.fixture
def database(databases: "Callable[[], Copy]") -> "Copy":
    """A database of this test's own: every schema migrated, no row in it."""
    return databases()


@pytest.fixture
def admin_url(database: "Copy") -> str:
    """The administrator's URL of this test's database."""
    return database.admin_url


@pytest.fixture
def event_log_url(database: "Copy") -> str:
    """The event log's URL in this test's database."""
    return database.url("event_log")


@pytest.fixture
def postgres() -> "Iterator[EmbeddedPostgres]":
    """A durable server of this test's own, to be killed and started again."""
    from support.database import own_postgres

    with own_postgres() as running:
        yield running


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder of real reference data. Without it a test is skipped, but where everything counts it fails."""
    named = os.environ.get("JOINTLY_REFERENCE_DATA")
    folder = Path(named) if named else _REPOSITORY.parent / "shared" / "data"
    if folder.is_dir():
        return folder
    reason = "The real reference data is not here: set JOINTLY_REFERENCE_DATA to its folder."
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)
