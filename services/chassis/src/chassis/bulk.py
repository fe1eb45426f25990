"""Many rows in one statement: `INSERT … SELECT FROM unnest(…)`, built from a table definition once and kept."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def _cast(column: sa.Column[Any]) -> tuple[str, str]:
    """The array type that carries a column's values, and the expression that turns one back into the column's."""
    name = f'i."{column.name}"'
    if isinstance(column.type, JSONB):
        return "text[]", f"{name}::jsonb"
    if isinstance(column.type, sa.ARRAY):
        # PostgreSQL has no ragged arrays of arrays: each row's array travels as its text form.
        inner = column.type.item_type.compile(_DIALECT)
        return "text[]", f"ARRAY(SELECT jsonb_array_elements_text({name}::jsonb))::{inner}[]"
    return f"{column.type.compile(_DIALECT)}[]", name


@lru_cache(maxsize=256)
def insert_sql(
    table: sa.Table,
    columns: tuple[str, ...],
    conflict: tuple[str, ...] | None,
    update: tuple[str, ...],
    returning: tuple[str, ...],
) -> str:
    """The statement that inserts rows of these columns, one array parameter each."""
    casts = [_cast(table.c[column]) for column in columns]
    quoted = ", ".join(f'"{column}"' for column in columns)
    arrays = ", ".join(f"${n}::{array}" for n, (array, _) in enumerate(casts, 1))
    values = ", ".join(value for _, value in casts)
    sql = f'INSERT INTO "{table.name}" ({quoted}) SELECT {values} FROM unnest({arrays}) AS i({quoted})'
    if conflict is not None:
        target = ", ".join(f'"{column}"' for column in conflict)
        changes = ", ".join(f'"{column}" = excluded."{column}"' for column in update)
        sql += f" ON CONFLICT ({target}) DO " + (f"UPDATE SET {changes}" if update else "NOTHING")
    if returning:
        sql += " RETURNING " + ", ".join(f'"{column}"' for column in returning)
    return sql


def insert_arguments(table: sa.Table, columns: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """The values of `rows`, column by column, as the statement takes them."""
    arguments: list[list[Any]] = []
    for column in columns:
        values = [row[column] for row in rows]
        if isinstance(table.c[column].type, (JSONB, sa.ARRAY)):
            values = [None if v is None else orjson.dumps(v).decode() for v in values]
        arguments.append(values)
    return arguments
