"""Values of one kind kept one row each, a field a column: read, locked in order and written by sets."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from chassis.transaction import Transaction

T = TypeVar("T")


class Rows(Generic[T]):
    """The rows of one table as values of one dataclass, whose fields are its columns; `id` is the key."""

    def __init__(self, tx: Transaction, kind: type[T], table: sa.Table) -> None:
        self._tx, self._kind, self._table = tx, kind, table
        self._columns = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        self._select = f'SELECT {", ".join(self._columns)} FROM "{table.name}"'

    async def find(self, ids: Iterable[str], *, lock: bool = False) -> dict[str, T]:
        """Those that are known among these, by id; locked in order when they will be changed."""
        return {value.id: value for value in await self.of("id", set(ids), lock=lock)}  # type: ignore[attr-defined]

    async def of(self, column: str, values: Collection[str], *, lock: bool = False) -> list[T]:
        """Those with one of these values in a column of text, in the order of their ids."""
        if not values:
            return []
        name = self._table.c[column].name
        sql = f"{self._select} WHERE {name} = ANY($1::text[]) ORDER BY id" + (" FOR UPDATE" if lock else "")
        return [self.read(row) for row in await self._tx.rows(sql, sorted(set(values)))]

    async def grouped(self, column: str, values: Collection[str], *, lock: bool = False) -> dict[str, list[T]]:
        """The same, by that value."""
        found: defaultdict[str, list[T]] = defaultdict(list)
        for value in await self.of(column, values, lock=lock):
            found[getattr(value, column)].append(value)
        return dict(found)

    async def where(self, condition: str, *arguments: object) -> list[T]:
        """Those for which a condition of ours holds; it may end in an order and a limit."""
        sql = f"{self._select} WHERE {condition}"
        return [self.read(row) for row in await self._tx.rows(sql, *arguments)]

    async def save(self, values: Iterable[T]) -> None:
        """Keep them as they now are."""
        rows = [{name: getattr(value, name) for name in self._columns} for value in values]
        rest = [name for name in self._columns if name != "id"]
        await self._tx.insert(self._table, rows, conflict=("id",), update=rest)

    async def forget(self, column: str, values: Collection[str]) -> None:
        """Delete those with one of these values in a column."""
        name = self._table.c[column].name
        sql = f'DELETE FROM "{self._table.name}" WHERE {name} = ANY($1::text[])'
        await self._tx.rows(sql, sorted(set(values)))

    def read(self, row: Any) -> T:
        """A row as a value."""
        values = ((name, row[name]) for name in self._columns)
        return self._kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values})
