"""How a schema gets its tables: numbered migrations inside each package, run by Alembic as the schema's owner.

A package keeps `migrations/env.py` (three lines that call `run`), `migrations/versions/0001_….py` and so on, and
`migrations/HEAD`, which names the last one, so that two branches which both add a migration conflict at once.
"""

import asyncio
import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from string import Template
from typing import Annotated, Any, Final, Protocol

import sqlalchemy as sa
import typer
from alembic import command, context
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.config import Config
from alembic.operations.ops import MigrationScript, UpgradeOps
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from chassis.settings import Settings
from chassis.tables import DDL, chassis_tables

#: How long a migration waits for a table that others use. While it waits, everybody behind it waits too.
LOCK_TIMEOUT: Final = "5s"
VERSION_TABLE: Final = "alembic_version"

_FORM: Final = Template('''"""$message

The old code runs while this runs, and after it. So, before you commit:
- Expand now, contract in a later release: no renaming, no dropping of what old code reads, no NOT NULL without a
  default on a table that has rows, no change of type that rewrites the table.
- A statement that waits five seconds for its lock gives up and all is tried again later. What it has locked stays
  locked until the end: keep this short, and move rows in batches by a command, not here.
- An index on a table that has rows: `create_index_concurrently`, alone in its migration.
- A constraint on a table that has rows: NOT VALID here, VALIDATE in the next one.
- Tables with rows about people: ENABLE and FORCE ROW LEVEL SECURITY, and a policy.
There is no way down: what is wrong is put right by the next one.
"""

import sqlalchemy as sa
from alembic import op

revision = "$number"
down_revision = $previous


def upgrade() -> None:
    $body
''')


class NoSuchPackage(Exception):
    """There is no such package, or it has no migrations."""


class HeadNotRecorded(Exception):
    """`migrations/HEAD` does not name the last migration."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A PostgreSQL schema and the package whose migrations make it. The runtime role has the schema's name."""

    name: str
    package: str

    def __post_init__(self) -> None:
        """Names go into statements as they are."""
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,50}", self.name):
            raise ValueError(f"{self.name!r} cannot name a schema and its roles.")

    @property
    def owner(self) -> str:
        """The role that owns everything in the schema. Nobody can sign in as it."""
        return f"{self.name}_owner"

    @property
    def migrations(self) -> Path:
        """The folder of its migrations. Raises `NoSuchPackage`."""
        try:
            spec = importlib.util.find_spec(self.package)
        except ModuleNotFoundError:
            spec = None
        for place in (spec.submodule_search_locations or ()) if spec else ():
            folder = Path(place) / "migrations"
            if (folder / "env.py").exists():
                return folder
        raise NoSuchPackage(f"{self.package} has no migrations.")

    @property
    def head(self) -> str | None:
        """The number of the last migration; None when there is none yet."""
        return _scripts(self).get_current_head()

    @property
    def recorded_head(self) -> str | None:
        """What `migrations/HEAD` says."""
        record = self.migrations / "HEAD"
        return record.read_text().strip() if record.exists() else None


def run(metadata: sa.MetaData, schema: str) -> None:
    """The whole of a package's `env.py`: run what Alembic was asked for, in this schema alone."""
    connection: sa.Connection = context.config.attributes["connection"]
    partitions = _partitions(connection, schema)

    def is_ours(name: str | None, kind: str, _parents: Mapping[Any, str | None]) -> bool:
        if kind == "schema":
            return name == schema
        return kind != "table" or name not in partitions

    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        version_table_schema=schema,
        include_schemas=True,
        include_name=is_ours,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def upgrade(connection: sa.Connection, schema: Schema) -> None:
    """Run every migration that this database has not had, each in a transaction of its own.

    Killed at any moment, it goes on where it stopped. Two at once is the caller's to prevent (see `jointly.database`).
    """
    _become_owner(connection, schema, search_path=schema.name)
    command.upgrade(_config(connection, schema), "head")


def current(connection: sa.Connection, schema: Schema) -> str | None:
    """The number of the last migration this database has had."""
    return MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE, "version_table_schema": schema.name}
    ).get_current_revision()


def differences(connection: sa.Connection, schema: Schema) -> UpgradeOps:
    """What would have to change for the database to be as the package's tables say."""
    # With the schema on the search path, PostgreSQL names its tables without it, and nothing would match.
    _become_owner(connection, schema, search_path="pg_catalog")
    found: list[MigrationScript] = []

    def compare(_revision: Any, migration: MigrationContext) -> list[Any]:
        found.append(produce_migrations(migration, migration.opts["target_metadata"]))
        return []

    config, scripts = _config(connection, schema), _scripts(schema)
    with EnvironmentContext(config, scripts, fn=compare):
        scripts.run_env()
    connection.rollback()
    changes = found[0].upgrade_ops
    assert changes is not None  # noqa: S101  for mypy: produce_migrations always gives one
    return changes


def write_revision(schema: Schema, message: str, changes: UpgradeOps | None) -> Path:
    """Write the next migration, with these changes as a first draft, and record it as the head."""
    last = schema.head
    if schema.recorded_head != last:
        raise HeadNotRecorded(f"{schema.migrations / 'HEAD'} says {schema.recorded_head}; the head is {last}.")
    number = f"{int(last or '0') + 1:04d}"
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    body = render_python_code(changes) if changes is not None and not changes.is_empty() else "pass"
    path = schema.migrations / "versions" / f"{number}_{slug}.py"
    previous = f'"{last}"' if last else "None"
    path.write_text(_FORM.substitute(message=message, number=number, previous=previous, body=body))
    (schema.migrations / "HEAD").write_text(f"{number}\n")
    return path


class Operations(Protocol):
    """Alembic's `op`, as far as the helpers below need it."""

    def get_bind(self) -> sa.Connection:
        """The connection of the migration."""

    def get_context(self) -> MigrationContext:
        """What runs the migration."""


def create_chassis_tables(op: Operations, schema: str) -> None:
    """The tables that every service has, and what is lent to its runtime role. Called by each service's 0001.

    From the first release on this stays as it is: what changes later is a helper of its own, for a next migration.
    """
    connection = op.get_bind()
    metadata = sa.MetaData(schema=schema)
    chassis_tables(metadata)
    metadata.create_all(connection, checkfirst=False)
    for statement in DDL:
        connection.exec_driver_sql(statement.format(schema=schema))


def create_index_concurrently(
    op: Operations, name: str, table: str, columns: Sequence[str], *, schema: str, unique: bool = False
) -> None:
    """An index on a table in use, without stopping its writers. Nothing else may be in the same migration.

    It cannot run in a transaction, so a killed run may leave the index behind, invalid: then it is made anew.
    """
    kind = "UNIQUE INDEX" if unique else "INDEX"
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        # It waits for every transaction that is under way, and nobody waits for it.
        connection.exec_driver_sql("SET lock_timeout = 0")
        connection.exec_driver_sql(f'DROP INDEX CONCURRENTLY IF EXISTS "{schema}"."{name}"')
        connection.exec_driver_sql(
            f'CREATE {kind} CONCURRENTLY "{name}" ON "{schema}"."{table}" ({", ".join(columns)})'
        )
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")


def _config(connection: sa.Connection, schema: Schema) -> Config:
    config = Config(stdout=StringIO(), output_buffer=StringIO())
    config.set_main_option("script_location", str(schema.migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _scripts(schema: Schema) -> ScriptDirectory:
    return ScriptDirectory(str(schema.migrations))


def _become_owner(connection: sa.Connection, schema: Schema, *, search_path: str) -> None:
    for statement in (
        f'SET ROLE "{schema.owner}"',
        f'SET search_path = "{search_path}"',
        f"SET lock_timeout = '{LOCK_TIMEOUT}'",
        "SET statement_timeout = 0",
    ):
        connection.exec_driver_sql(statement)
    connection.commit()


def _partitions(connection: sa.Connection, schema: str) -> frozenset[str]:
    """Partitions come and go by day; the models know their parent only."""
    rows = connection.execute(
        sa.text(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relispartition AND n.nspname = :schema"
        ),
        {"schema": schema},
    ).scalars()
    partitions = frozenset(rows)
    # Alembic begins its own transactions, and would leave one that it found open to us.
    connection.rollback()
    return partitions


app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def main() -> None:
    """Write migrations. They are run by `jointly database migrate`."""


@app.command()
def revision(
    service: Annotated[str, typer.Argument(help="Such as referral-api.")],
    message: Annotated[str, typer.Argument(help="What it does, in a few words.")],
) -> None:
    """Write a service's next migration: drafted from its tables if JOINTLY_DATABASE_URL is set, else empty."""
    name = service.replace("-", "_")
    schema = Schema(name, name if importlib.util.find_spec(name) else f"chassis.{name}")
    url = Settings().database_url
    changes = asyncio.run(_differences(url.get_secret_value(), schema)) if url else None
    typer.echo(write_revision(schema, message, changes))


async def _differences(url: str, schema: Schema) -> UpgradeOps:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        return await connection.run_sync(differences, schema)


if __name__ == "__main__":
    app()
