"""One database for all services: schemas, roles and their rights, and the migrations that fill them.

Each schema has two roles. The owner owns everything in it, and nobody can sign in as it: an administrator becomes it to
migrate. The runtime role, of the schema's name, owns nothing and may read and write rows of its schema, no other.
"""

import asyncio
import base64
import hashlib
import hmac
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final, TypeVar

import typer
from alembic.operations.ops import UpgradeOps
from chassis import migrations
from chassis.assembly import derive
from chassis.migrations import VERSION_TABLE, Schema
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from jointly.postgres import AlreadyRunning, EmbeddedPostgres
from jointly.settings import Settings
from jointly.state import StateFolder

T = TypeVar("T")

#: Every schema of the house.
SCHEMAS: Final = (
    Schema("directory", "directory"),
    Schema("referral_api", "referral_api"),
    Schema("cluster_router", "cluster_router"),
    Schema("notifier", "notifier"),
    Schema("assessments", "assessments"),
    Schema("funding", "funding"),
    Schema("placements", "placements"),
    Schema("exchange", "exchange"),
    Schema("portal", "portal"),
    Schema("event_log", "chassis.event_log"),
    Schema("business_time", "chassis.business_time"),
)

#: What a runtime role's sessions begin with, whatever the server's own defaults are.
_SESSION: Final = {
    "synchronous_commit": "on",
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
}
#: The members of a group hold a row's lock, idle, while a service works on a batch.
_LONGER: Final = {"event_log": {"statement_timeout": "60s", "idle_in_transaction_session_timeout": "5min"}}
#: Statements, values and details of errors name people. Only a superuser may keep them out of the server's log.
_SILENT: Final = {
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_SCRAM_ROUNDS: Final = 4096

#: Two at once, a lock that is busy, a deadlock: the same again may succeed.
_PASSING: Final = frozenset({"XX000", "23505", "42710", "40P01", "55P03", "40001"})
_ATTEMPTS: Final = 12


class NoAdministrator(Exception):
    """The given role may not make what is missing."""


async def initialise(admin_url: str, schemas: Sequence[Schema], secret: str) -> None:
    """Make the database, the schemas and the roles that are missing, and put their rights right. Again is harmless.

    Raises `NoAdministrator` when the administrator's role is not allowed to.
    """
    try:
        await _ensure_database(_url(admin_url))
        await _with_patience(partial(_initialise, admin_url, schemas, secret))
    except DBAPIError as error:
        if _code(error) == "42501":
            raise NoAdministrator(str(error.orig).splitlines()[0]) from error
        raise


async def migrate(admin_url: str, schemas: Sequence[Schema]) -> dict[str, str | None]:
    """Bring each schema to its package's last migration; the numbers reached, by schema.

    One at a time per schema, whoever else tries. A busy table is waited for in short turns, so that the services that
    use it are never held up for longer than one turn.
    """
    reached = {}
    for schema in schemas:
        async with _administrator(admin_url) as connection, _alone(connection, f"migrate {schema.name}"):
            await _with_patience(partial(_migrate, connection, schema))
            reached[schema.name] = await connection.run_sync(migrations.current, schema)
    return reached


async def current(admin_url: str, schemas: Sequence[Schema]) -> dict[str, str | None]:
    """The last migration that each schema has had."""
    async with _administrator(admin_url) as connection:
        return {schema.name: await connection.run_sync(migrations.current, schema) for schema in schemas}


async def differences(admin_url: str, schema: Schema) -> UpgradeOps:
    """What would have to change for a schema to be as its package's tables say."""
    async with _administrator(admin_url) as connection:
        return await connection.run_sync(migrations.differences, schema)


def database_rights(database: str, schemas: Sequence[Schema]) -> list[str]:
    """Who may connect: the runtime roles. A copy of a database does not inherit this."""
    roles = ", ".join(f'"{schema.name}"' for schema in schemas)
    return [
        f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC',
        f'GRANT CONNECT ON DATABASE "{database}" TO {roles}',
    ]


async def _initialise(admin_url: str, schemas: Sequence[Schema], secret: str) -> None:
    async with _administrator(admin_url) as connection, _alone(connection, "initialise"):
        database = (await connection.exec_driver_sql("SELECT current_database()")).scalar_one()
        superuser = (await connection.exec_driver_sql("SHOW is_superuser")).scalar_one() == "on"
        existing = await connection.exec_driver_sql("SELECT rolname FROM pg_roles")
        roles = frozenset(existing.scalars())
        statements = ["REVOKE ALL ON SCHEMA public FROM PUBLIC"]
        if superuser:
            # Large objects belong to no schema, and to whoever makes them.
            makers = "lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea)"
            statements.append(f"REVOKE EXECUTE ON FUNCTION {makers} FROM PUBLIC")
        for schema in schemas:
            statements += _roles(schema, roles, secret, superuser=superuser)
            statements += _schema(schema)
        statements += database_rights(database, schemas)
        await connection.commit()
        # One transaction: another start sees all of it or nothing.
        for statement in statements:
            await connection.exec_driver_sql(statement)
        await connection.commit()


def _roles(schema: Schema, existing: frozenset[str], secret: str, *, superuser: bool) -> list[str]:
    powerless = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
    owner, runtime = f'"{schema.owner}"', f'"{schema.name}"'
    made = []
    for name, kind in ((schema.owner, "NOLOGIN"), (schema.name, "LOGIN")):
        if name not in existing:
            made.append(f'CREATE ROLE "{name}" {kind} {powerless}')
        elif superuser:
            made.append(f'ALTER ROLE "{name}" {kind} {powerless}')
    if not superuser:
        made.append(f"GRANT {owner} TO CURRENT_USER")
    session = {"search_path": runtime} | _SESSION | _LONGER.get(schema.name, {}) | (_SILENT if superuser else {})
    return [
        *made,
        # The verifier, not the password: a server may log statements such as this one.
        f"ALTER ROLE {runtime} PASSWORD '{_verifier(schema.name, secret)}'",
        *(f"ALTER ROLE {runtime} SET {name} = {_value(value)}" for name, value in session.items()),
    ]


def _schema(schema: Schema) -> list[str]:
    owner, runtime, name = f'"{schema.owner}"', f'"{schema.name}"', f'"{schema.name}"'
    theirs = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {name}"
    return [
        f"CREATE SCHEMA IF NOT EXISTS {name} AUTHORIZATION {owner}",
        f"REVOKE ALL ON SCHEMA {name} FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA {name} TO {runtime}",
        f"{theirs} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {runtime}",
        f"{theirs} GRANT USAGE, SELECT ON SEQUENCES TO {runtime}",
        # A new function is everybody's unless this is said for the role as a whole.
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    ]


def _value(value: str) -> str:
    return value if value.startswith('"') else f"'{value}'"


def _verifier(role: str, secret: str) -> str:
    """What PostgreSQL keeps of a password (RFC 5803). The salt is derived too, so that again gives the same."""
    salt = derive(secret, f"salt:{role}").encode()[:16]
    salted = hashlib.pbkdf2_hmac("sha256", derive(secret, f"role:{role}").encode(), salt, _SCRAM_ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${_SCRAM_ROUNDS}:{salt64}${stored64}:{server64}"


async def _migrate(connection: AsyncConnection, schema: Schema) -> None:
    try:
        await connection.run_sync(migrations.upgrade, schema)
        # A service may see how far its schema is; only migrations move it.
        await connection.exec_driver_sql(
            f'REVOKE INSERT, UPDATE, DELETE ON "{schema.name}".{VERSION_TABLE} FROM "{schema.name}"'
        )
        await connection.commit()
    finally:
        await connection.rollback()
        for statement in ("RESET ROLE", "RESET search_path", "RESET lock_timeout", "RESET statement_timeout"):
            await connection.exec_driver_sql(statement)
        await connection.commit()


async def _ensure_database(url: URL) -> None:
    try:
        async with _connected(url):
            return
    except DBAPIError as error:
        if _code(error) != "3D000":
            raise
    async with _connected(url.set(database="postgres"), autocommit=True) as connection:
        version = await connection.exec_driver_sql("SHOW server_version_num")
        # Text is ordered by its bytes, as Python does it. Before 17 the server brings no UTF-8 locale of its own.
        modern = int(version.scalar_one()) >= 170000  # noqa: PLR2004
        order = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'" if modern else "LC_COLLATE 'C'"
        try:
            await connection.exec_driver_sql(
                f"CREATE DATABASE \"{url.database}\" TEMPLATE template0 ENCODING 'UTF8' {order}"
            )
        except DBAPIError as error:
            if _code(error) not in {"42P04", "23505"}:
                raise


async def _with_patience(work: Callable[[], Awaitable[T]]) -> T:
    """Do it again while what stands in the way passes."""
    for attempt in range(1, _ATTEMPTS):
        try:
            return await work()
        except DBAPIError as error:
            if _code(error) not in _PASSING:
                raise
        await asyncio.sleep(min(0.1 * 2**attempt, 5.0))
    return await work()


@asynccontextmanager
async def _alone(connection: AsyncConnection, what: str) -> AsyncIterator[None]:
    """Hold a lock of this session. Asked for again and again rather than waited for: a session that waits for a lock is
    in a transaction, which CREATE INDEX CONCURRENTLY in the session that has it would wait for in turn.
    """
    key = zlib.crc32(f"jointly {what}".encode())
    while True:
        got = await connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({key})")
        mine = got.scalar_one()
        await connection.commit()
        if mine:
            break
        await asyncio.sleep(0.25)
    try:
        yield
    finally:
        await connection.rollback()
        await connection.exec_driver_sql(f"SELECT pg_advisory_unlock({key})")
        await connection.commit()


@asynccontextmanager
async def _administrator(admin_url: str) -> AsyncIterator[AsyncConnection]:
    async with _connected(_url(admin_url)) as connection:
        yield connection


@asynccontextmanager
async def _connected(url: URL, *, autocommit: bool = False) -> AsyncIterator[AsyncConnection]:
    engine: AsyncEngine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            if autocommit:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection
    finally:
        await engine.dispose()


def _url(text: str) -> URL:
    """SQLAlchemy's form of whatever form of URL an operator has. The driver calls libpq's `sslmode` `ssl`."""
    url = make_url(text).set(drivername="postgresql+asyncpg")
    if "sslmode" in url.query:
        mode = url.query["sslmode"]
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return url


def _code(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def main() -> None:
    """The database that JOINTLY_DATABASE_URL names, or the embedded one of the state folder."""


@app.command("init")
def init_command() -> None:
    """Make what is missing: database, schemas, roles and their rights."""
    settings = Settings()
    kept = settings.roles_secret
    secret = kept.get_secret_value() if kept else StateFolder(settings.state_folder).secret("roles")
    with _reached(settings) as url:
        asyncio.run(initialise(url, SCHEMAS, secret))
    typer.echo("Schemas and roles are as they should be.")


@app.command("migrate")
def migrate_command() -> None:
    """Bring every schema to its last migration."""
    with _reached(Settings()) as url:
        _tell(asyncio.run(migrate(url, SCHEMAS)))


@app.command("current")
def current_command() -> None:
    """Say how far every schema is."""
    with _reached(Settings()) as url:
        _tell(asyncio.run(current(url, SCHEMAS)))


@app.command("revision")
def revision_command(
    service: Annotated[str, typer.Argument(help="Such as referral-api.")],
    message: Annotated[str, typer.Argument(help="What it does, in a few words.")],
) -> None:
    """Write a service's next migration, drafted by comparing its tables with a database made for the purpose."""
    name = service.replace("-", "_")
    schema = next((known for known in SCHEMAS if known.name == name), None)
    if schema is None:
        raise typer.BadParameter(f"There is no service {service}.")
    with TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as postgres:
        changes = asyncio.run(_draft(postgres.admin_url(), schema))
        postgres.erase()
    typer.echo(migrations.write_revision(schema, message, changes))


async def _draft(url: str, schema: Schema) -> UpgradeOps:
    await initialise(url, [schema], "of no use to anybody")
    await migrate(url, [schema])
    return await differences(url, schema)


@contextmanager
def _reached(settings: Settings) -> Iterator[str]:
    """An administrator's URL. An embedded server that nobody runs is run for as long as it takes."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    postgres = EmbeddedPostgres(settings.state_folder)
    try:
        postgres.start()
    except AlreadyRunning:
        yield postgres.admin_url()
        return
    with postgres:
        yield postgres.admin_url()


def _tell(numbers: dict[str, str | None]) -> None:
    for name, number in numbers.items():
        typer.echo(f"{name:16} {number or 'nothing yet'}")
