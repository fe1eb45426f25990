"""Each service may do its own work in its own schema, and nothing else anywhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import asyncpg
import pytest
from chassis.assembly import derive, role_url
from jointly.database import NoAdministrator, initialise, migrate
from jointly.postgres import EmbeddedPostgres
from sqlalchemy.engine import make_url
from support.database import SECRET, Copy, Server

#: Functions that run with their owner's rights, each for a reason: the runtime role may not make or drop tables.
LENT = {"ensure_outbox_days", "drop_outbox_days"}


@asynccontextmanager
async def connected(dsn: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def names(database_server: Server) -> list[str]:
    """The schemas, which are also the runtime roles."""
    return [schema.name for schema in database_server.schemas]


async def test_a_runtime_role_owns_nothing(database: Copy, names: list[str]) -> None:
    async with connected(database.dsn()) as connection:
        owned = await connection.fetch(
            "SELECT r.rolname, d.classid::regclass, d.objid FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid "
            "WHERE d.deptype = 'o' AND r.rolname = ANY($1)",
            names,
        )
        assert owned == []
        # The query finds owners at all.
        owners = await connection.fetch(
            "SELECT DISTINCT r.rolname FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid "
            "WHERE d.deptype = 'o' AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert {row["rolname"] for row in owners} == {f"{name}_owner" for name in names}


async def test_no_role_has_powers_beyond_its_rights(database: Copy, names: list[str]) -> None:
    async with connected(database.dsn()) as connection:
        roles = await connection.fetch(
            "SELECT * FROM pg_roles WHERE rolname = ANY($1) ORDER BY rolname",
            sorted(names + [f"{name}_owner" for name in names]),
        )
        assert len(roles) == 2 * len(names)
        for role in roles:
            powers = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")
            assert not any(role[power] for power in powers), role["rolname"]
            assert role["rolcanlogin"] == (not role["rolname"].endswith("_owner"))
        lent = await connection.fetch("SELECT member::regrole::text FROM pg_auth_members")
        assert not {row["member"] for row in lent} & set(names)


async def test_a_runtime_role_sees_its_own_schema_and_no_other(database: Copy, names: list[str]) -> None:
    async with connected(database.dsn()) as connection:
        rights = await connection.fetch(
            "SELECT r AS role, n.nspname AS schema, has_schema_privilege(r, n.oid, 'USAGE') AS uses, "
            "has_schema_privilege(r, n.oid, 'CREATE') AS makes "
            "FROM unnest($1::text[]) r CROSS JOIN pg_namespace n "
            "WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'",
            names,
        )
        assert {(row["role"], row["schema"]) for row in rights if row["uses"]} == {(name, name) for name in names}
        assert not [row for row in rights if row["makes"]]


async def test_a_runtime_role_reads_no_table_of_another_schema(database: Copy, names: list[str]) -> None:
    """The second lock: even with the schema open by mistake, its tables stay shut."""
    async with connected(database.dsn()) as connection:
        rights = await connection.fetch(
            "SELECT r AS role, n.nspname AS schema, c.relname AS name, p AS privilege "
            "FROM unnest($1::text[]) r CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p "
            "WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege(r, c.oid, p)",
            names,
        )
    theirs = {(row["role"], row["schema"]) for row in rights}
    assert theirs == {(name, name) for name in names}
    assert {row["privilege"] for row in rights} == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    versions = [row for row in rights if row["name"] == "alembic_version"]
    assert {row["privilege"] for row in versions} == {"SELECT"}


async def test_the_public_has_no_rights(database: Copy, names: list[str]) -> None:
    async with connected(database.dsn()) as connection:
        await connection.execute("SET ROLE event_log_owner")
        await connection.execute("CREATE FUNCTION event_log.anew() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
        await connection.execute("RESET ROLE")
        databases = await connection.fetch(
            "SELECT privilege_type FROM pg_database, aclexplode(datacl) WHERE datname = $1 AND grantee = 0",
            database.name,
        )
        assert databases == []
        assert await connection.fetchval("SELECT datacl IS NOT NULL FROM pg_database WHERE datname = $1", database.name)
        schemas = await connection.fetch(
            "SELECT nspname FROM pg_namespace, aclexplode(nspacl) WHERE grantee = 0 AND nspname = ANY($1)",
            [*names, "public"],
        )
        assert schemas == []
        functions = await connection.fetch(
            "SELECT p.oid::regprocedure::text FROM pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) "
            "WHERE grantee = 0 AND pronamespace::regnamespace::text = ANY($1)",
            names,
        )
        assert functions == []


async def test_functions_with_their_owners_rights_are_few_and_find_only_their_own_tables(
    database: Copy, names: list[str]
) -> None:
    async with connected(database.dsn()) as connection:
        lent = await connection.fetch(
            "SELECT proname, pronamespace::regnamespace::text AS schema, proconfig FROM pg_proc "
            "WHERE prosecdef AND pronamespace::regnamespace::text = ANY($1)",
            names,
        )
    assert {row["proname"] for row in lent} <= LENT
    for row in lent:
        assert row["proconfig"] == [f"search_path={row['schema']}, pg_temp"]


async def test_a_view_shows_its_reader_no_more_than_the_reader_may_see(database: Copy, names: list[str]) -> None:
    async with connected(database.dsn()) as connection:
        views = await connection.fetch(
            "SELECT oid::regclass::text AS name, relkind, reloptions FROM pg_class "
            "WHERE relkind IN ('v', 'm') AND relnamespace::regnamespace::text = ANY($1)",
            names,
        )
    for view in views:
        assert view["relkind"] == b"v", f"{view['name']} is materialised: row security does not reach it"
        assert "security_invoker=true" in (view["reloptions"] or []), view["name"]


async def test_where_rows_are_guarded_their_owner_is_too(database: Copy, names: list[str]) -> None:
    async with connected(database.dsn()) as connection:
        half_guarded = await connection.fetch(
            "SELECT oid::regclass::text FROM pg_class WHERE relnamespace::regnamespace::text = ANY($1) "
            "AND relrowsecurity <> relforcerowsecurity",
            names,
        )
    assert half_guarded == []


async def test_passwords_are_kept_as_scram_verifiers_alone(database: Copy, names: list[str]) -> None:
    async with connected(database.dsn()) as connection:
        kept = await connection.fetch("SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY($1)", names)
        owners = await connection.fetch("SELECT rolpassword FROM pg_authid WHERE rolname LIKE '%\\_owner'")
    for row in kept:
        assert row["rolpassword"].startswith("SCRAM-SHA-256$4096:")
        assert derive(SECRET, f"role:{row['rolname']}") not in row["rolpassword"]
    assert {row["rolpassword"] for row in owners} == {None}


async def test_each_role_has_its_own_password(database: Copy, names: list[str]) -> None:
    for name in names:
        async with connected(database.dsn(name)) as connection:
            assert await connection.fetchval("SELECT current_user") == name
    first, second = names[:2]
    stolen = make_url(database.dsn(first)).set(username=second).render_as_string(hide_password=False)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(stolen)


async def test_a_runtime_role_can_do_its_work_and_no_more(database: Copy) -> None:
    async with connected(database.dsn("event_log")) as connection:
        assert await connection.fetchval("SHOW search_path") == "event_log"
        await connection.execute("INSERT INTO topic VALUES ('t', 1, false, 7)")
        await connection.execute("UPDATE topic SET kept_days = 8")
        await connection.execute("DELETE FROM topic")
        for forbidden in (
            "CREATE TABLE mine (a int)",
            "CREATE TEMPORARY TABLE mine (a int)",
            "CREATE SCHEMA mine",
            "DROP TABLE topic",
            "TRUNCATE topic",
            "ALTER TABLE topic ADD COLUMN mine int",
            "UPDATE alembic_version SET version_num = '9999'",
            "SET ROLE event_log_owner",
            "CREATE ROLE mine",
            "SELECT rolpassword FROM pg_authid",
            "SELECT pg_read_file('postgresql.conf')",
            "COPY topic TO PROGRAM 'cat'",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)


async def test_days_of_the_outbox_are_made_for_a_runtime_role_which_does_not_own_them(database: Copy) -> None:
    day = date(2026, 11, 23)
    async with connected(database.dsn("notifier")) as connection:
        assert await connection.fetchval("SELECT ensure_outbox_days($1, $1)", day) == 1
        assert await connection.fetchval("SELECT ensure_outbox_days($1, $1)", day) == 0
        owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'outbox_20261123'"
        assert await connection.fetchval(owner) == "notifier_owner"
        await connection.execute("SELECT * FROM outbox_20261123")
        assert await connection.fetchval("SELECT drop_outbox_days($1)", date(2026, 11, 24)) == 1


async def test_sessions_have_limits_whatever_the_servers_defaults_are(database: Copy, names: list[str]) -> None:
    for name in names:
        async with connected(database.dsn(name)) as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == "on"
            assert await connection.fetchval("SHOW log_min_error_statement") == "panic"
            for limit in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
                assert await connection.fetchval("SELECT current_setting($1)", limit) != "0", (name, limit)


async def test_initialising_again_and_at_once_is_harmless(database: Copy, database_server: Server) -> None:
    async with connected(database.dsn("event_log")) as connection:
        await connection.execute("INSERT INTO topic VALUES ('t', 1, false, 7)")
    both = (initialise(database.admin_url, database_server.schemas, SECRET) for _ in range(2))
    await asyncio.gather(*both)
    async with connected(database.dsn("event_log")) as connection:
        assert await connection.fetchval("SELECT count(*) FROM topic") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM alembic_version")


async def test_a_role_that_somebody_made_powerful_is_powerless_again(
    database: Copy, database_server: Server, names: list[str]
) -> None:
    async with connected(database.dsn()) as connection:
        await connection.execute(f'ALTER ROLE "{names[0]}" BYPASSRLS CREATEDB')
        await initialise(database.admin_url, database_server.schemas, SECRET)
        role = await connection.fetchrow("SELECT rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = $1", names[0])
    assert role is not None
    assert not any(role)


async def test_an_administrator_need_not_be_a_superuser(
    postgres: EmbeddedPostgres, database_server: Server, names: list[str]
) -> None:
    """As with a managed server: a role that may make roles and databases, on a server that has none of ours."""
    other = postgres.admin_url("postgres")
    async with connected(_dsn(other)) as connection:
        await connection.execute("CREATE ROLE manager LOGIN CREATEROLE CREATEDB PASSWORD 'managed'")
    url = make_url(other).set(username="manager", password="managed", database="jointly")
    admin_url = url.render_as_string(hide_password=False)
    for _ in range(2):
        await initialise(admin_url, database_server.schemas, SECRET)
        reached = await migrate(admin_url, database_server.schemas)
    assert set(reached) == set(names)
    async with connected(_dsn(role_url(admin_url, "event_log", SECRET))) as connection:
        await connection.execute("INSERT INTO topic VALUES ('t', 1, false, 7)")


async def test_who_may_not_make_roles_is_told(database: Copy, database_server: Server) -> None:
    with pytest.raises(NoAdministrator, match="permission denied"):
        await initialise(database.url("event_log"), database_server.schemas, SECRET)


def _dsn(url: str) -> str:
    return url.replace("postgresql+asyncpg://", "postgresql://")
