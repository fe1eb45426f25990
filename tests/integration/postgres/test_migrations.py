"""Migrations bring every schema to where its package says, and survive whatever happens to them on the way."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from chassis import migrations
from chassis.migrations import HeadNotRecorded, NoSuchPackage, Schema
from jointly.database import SCHEMAS, current, differences, initialise, migrate
from support.database import SECRET, Copy

#: Where a migration of the throwaway package waits until the test lets go of the lock of that number.
#: With what the database has had by then.
PLACES = {1: None, 2: None, 3: None, 4: "0001", 5: "0001", 6: "0002"}

ENV = """
import sqlalchemy as sa
from chassis.migrations import run
metadata = sa.MetaData(schema="throwaway")
sa.Table("thing", metadata, sa.Column("id", sa.Text, primary_key=True), sa.Column("name", sa.Text),
         sa.Column("size", sa.Integer, nullable=False, server_default="0"), sa.Index("thing_name", "name"))
run(metadata, "throwaway")
"""
FIRST = """
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    op.execute("SELECT pg_advisory_xact_lock(1)")
    op.execute("CREATE TABLE thing (id text PRIMARY KEY, name text)")
    op.execute("SELECT pg_advisory_xact_lock(2)")
    op.execute("INSERT INTO thing SELECT n, 'name' || n FROM generate_series(1, 100) n")
    op.execute("SELECT pg_advisory_xact_lock(3)")
"""
SECOND = """
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.execute("SELECT pg_advisory_xact_lock(4)")
    op.execute("ALTER TABLE thing ADD COLUMN size integer NOT NULL DEFAULT 0")
    op.execute("SELECT pg_advisory_xact_lock(5)")
"""
THIRD = """
from alembic import op
from chassis.migrations import create_index_concurrently
revision, down_revision = "0003", "0002"
def upgrade():
    create_index_concurrently(op, "thing_name", "thing", ["name"], schema="throwaway")
    op.execute("SELECT pg_advisory_xact_lock(6)")
"""
WAITS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted"


def numbered() -> list[Schema]:
    found = []
    for schema in SCHEMAS:
        try:
            found.append(schema if schema.head else None)
        except NoSuchPackage:
            continue
    return [schema for schema in found if schema]


each_schema = pytest.mark.parametrize("schema", numbered(), ids=lambda schema: schema.name)


@each_schema
def test_the_head_is_recorded(schema: Schema) -> None:
    assert schema.recorded_head == schema.head


@each_schema
def test_migrations_are_numbered_without_a_gap(schema: Schema) -> None:
    files = sorted(path.name for path in (schema.migrations / "versions").glob("*.py"))
    assert [name.split("_")[0] for name in files] == [f"{n:04d}" for n in range(1, len(files) + 1)]
    assert schema.head == f"{len(files):04d}"


@each_schema
async def test_the_migrated_database_is_as_the_tables_say(schema: Schema, database: Copy) -> None:
    assert await current(database.admin_url, [schema]) == {schema.name: schema.head}
    missing = await differences(database.admin_url, schema)
    assert missing.as_diffs() == []


@pytest.fixture
def throwaway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Schema:
    """A package of three migrations that can be held up between any two statements."""
    versions = tmp_path / "throwaway" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "throwaway" / "__init__.py").touch()
    (versions.parent / "env.py").write_text(ENV)
    (versions.parent / "HEAD").write_text("0003\n")
    for name, text in (("0001_first", FIRST), ("0002_second", SECOND), ("0003_third", THIRD)):
        (versions / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return Schema("throwaway", "throwaway")


@pytest.fixture
async def prepared(throwaway: Schema, database: Copy) -> Copy:
    """A database with the throwaway schema, and nothing in it yet."""
    await initialise(database.admin_url, [throwaway], SECRET)
    return database


async def test_the_throwaway_package_itself_is_sound(throwaway: Schema, prepared: Copy) -> None:
    assert await current(prepared.admin_url, [throwaway]) == {"throwaway": None}
    assert await migrate(prepared.admin_url, [throwaway]) == {"throwaway": "0003"}
    assert (await differences(prepared.admin_url, throwaway)).as_diffs() == []
    await everything_is_there(prepared)


@pytest.mark.parametrize("place", PLACES)
async def test_killed_at_any_statement_it_leaves_old_or_new_and_goes_on(
    place: int, throwaway: Schema, prepared: Copy
) -> None:
    async with connected(prepared) as holder:
        await holder.execute("SELECT pg_advisory_lock($1)", place)
        with migrating_elsewhere(prepared) as process:
            await until(lambda: holder.fetchval(WAITS, place))
            process.kill()
            process.wait()
        assert await current(prepared.admin_url, [throwaway]) == {"throwaway": PLACES[place]}
        columns = await holder.fetchval(
            "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'throwaway' AND table_name = 'thing'"
        )
        assert columns == {None: 0, "0001": 2, "0002": 3}[PLACES[place]]
        await holder.execute("SELECT pg_advisory_unlock($1)", place)
    assert await migrate(prepared.admin_url, [throwaway]) == {"throwaway": "0003"}
    await everything_is_there(prepared)


async def test_an_index_whose_making_was_killed_is_made_anew(throwaway: Schema, prepared: Copy) -> None:
    third = throwaway.migrations / "versions" / "0003_third.py"
    put_aside = third.rename(third.with_suffix(".later"))
    assert await migrate(prepared.admin_url, [throwaway]) == {"throwaway": "0002"}
    put_aside.rename(third)
    making = "FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND pid <> pg_backend_pid()"
    async with connected(prepared) as holder, connected(prepared) as writer:
        # Somebody is in the middle of writing: the index waits for them, half made.
        await writer.execute("BEGIN; UPDATE throwaway.thing SET name = 'new' WHERE id = '1'")
        with migrating_elsewhere(prepared) as process:
            await until(lambda: holder.fetchval(f"SELECT count(*) {making} AND wait_event_type = 'Lock'"))
            process.kill()
        await holder.execute(f"SELECT pg_terminate_backend(pid, 10000) {making}")
        assert await holder.fetchval(
            "SELECT NOT indisvalid FROM pg_index WHERE indexrelid = 'throwaway.thing_name'::regclass"
        )
        await writer.execute("COMMIT")
    assert await migrate(prepared.admin_url, [throwaway]) == {"throwaway": "0003"}
    await everything_is_there(prepared)


async def test_two_at_once_take_turns(throwaway: Schema, prepared: Copy) -> None:
    reached = await asyncio.gather(*(migrate(prepared.admin_url, [throwaway]) for _ in range(2)))
    assert reached == [{"throwaway": "0003"}] * 2


async def test_a_busy_table_is_waited_for_in_short_turns(
    throwaway: Schema, prepared: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT", "20ms")
    turns = "SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'advisory' AND objid = 4 AND NOT granted"
    async with connected(prepared) as holder:
        await holder.execute("SELECT pg_advisory_lock(4)")
        running = asyncio.create_task(migrate(prepared.admin_url, [throwaway]))
        seen: set[str] = set()

        async def again() -> bool:
            seen.update(row["virtualtransaction"] for row in await holder.fetch(turns))
            return len(seen) > 1

        await until(again)
        await holder.execute("SELECT pg_advisory_unlock(4)")
        assert await running == {"throwaway": "0003"}
    await everything_is_there(prepared)


async def test_what_the_tables_say_and_no_migration_does_is_noticed(throwaway: Schema, prepared: Copy) -> None:
    await migrate(prepared.admin_url, [throwaway])
    async with connected(prepared) as connection:
        await connection.execute("ALTER TABLE throwaway.thing DROP COLUMN size")
    missing = await differences(prepared.admin_url, throwaway)
    assert [change[0] for change in missing.as_diffs()] == ["add_column"]


async def test_the_next_migration_is_drafted_numbered_and_recorded(throwaway: Schema, prepared: Copy) -> None:
    env = throwaway.migrations / "env.py"
    env.write_text(
        env.read_text().replace('sa.Index("thing_name"', 'sa.Column("colour", sa.Text), sa.Index("thing_name"')
    )
    await migrate(prepared.admin_url, [throwaway])
    drafted = await differences(prepared.admin_url, throwaway)
    path = migrations.write_revision(throwaway, 'Things have a "colour", too', drafted)
    assert path.name == "0004_things_have_a_colour_too.py"
    assert (throwaway.head, throwaway.recorded_head) == ("0004", "0004")
    assert "lock" in path.read_text()
    assert await migrate(prepared.admin_url, [throwaway]) == {"throwaway": "0004"}
    assert (await differences(prepared.admin_url, throwaway)).as_diffs() == []


def test_no_migration_is_written_upon_a_head_that_is_not_recorded(throwaway: Schema) -> None:
    (throwaway.migrations / "HEAD").write_text("0002\n")
    with pytest.raises(HeadNotRecorded, match="says 0002; the head is 0003"):
        migrations.write_revision(throwaway, "More", None)


def test_a_package_without_migrations_is_named() -> None:
    with pytest.raises(NoSuchPackage, match="schemas has no migrations"):
        _ = Schema("schemas", "schemas").head
    with pytest.raises(ValueError, match="cannot name a schema"):
        Schema('x"; DROP', "schemas")


async def everything_is_there(database: Copy) -> None:
    async with connected(database) as connection:
        assert await connection.fetchval("SELECT count(*) FROM throwaway.thing WHERE size = 0") == 100
        assert await connection.fetchval(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'throwaway.thing_name'::regclass"
        )
        assert await connection.fetchval("SELECT version_num FROM throwaway.alembic_version") == "0003"


@asynccontextmanager
async def connected(database: Copy) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(database.dsn())
    try:
        yield connection
    finally:
        await connection.close()


@contextmanager
def migrating_elsewhere(database: Copy) -> "Iterator[subprocess.Popen[bytes]]":
    """Another process that migrates the throwaway schema."""
    code = (
        "import asyncio, sys; from chassis.migrations import Schema; from jointly.database import migrate\n"
        "asyncio.run(migrate(sys.argv[1], [Schema('throwaway', 'throwaway')]))"
    )
    with subprocess.Popen(  # noqa: S603  ourselves
        [sys.executable, "-c", code, database.admin_url],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        yield process


async def until(true: Callable[[], Awaitable[Any]]) -> None:
    """Ask the server again until it is so."""
    async with asyncio.timeout(60):
        while not await true():
            await asyncio.sleep(0)
