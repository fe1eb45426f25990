"""A file of budgets as an operator brings it: what its rows say, and what of each is wrong."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.days import financial_year_days

from funding.domain.money import pence_of, pounds

COLUMNS: Final = ("cluster_id", "financial_year", "amount")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_YEAR: Final = re.compile(r"20[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rejection:
    """What is wrong with a row: the file's line, the field, a stable code."""

    line: int
    field: str
    code: str


@dataclass(frozen=True, slots=True)
class Row:
    """What a cluster has in a year, from one line of the file."""

    line: int
    cluster_id: str
    financial_year: str
    amount_pence: int

    @property
    def key(self) -> tuple[str, str]:
        """The cluster and the year."""
        return self.cluster_id, self.financial_year


@dataclass(slots=True)
class Summary:
    """What an import did, or would do."""

    rows: int = 0
    #: Cluster, year, pence before (None: there was none) and after.
    changed: list[tuple[str, str, int | None, int]] = field(default_factory=list)
    unchanged: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    #: Clusters that nobody has told of yet; their budgets are kept all the same.
    unknown_clusters: list[str] = field(default_factory=list)

    def lines(self, *, dry_run: bool = False) -> list[str]:
        """The summary for a terminal."""
        new = sum(before is None for _, _, before, _ in self.changed)
        counted = f"{new} new, {len(self.changed) - new} changed, {self.unchanged} unchanged"
        end = " Nothing was kept: this was a dry run." if dry_run else ""
        told = [f"{self.rows} rows: {counted}, {len(self.rejections)} rejected.{end}"]
        for cluster, year, before, after in self.changed:
            was = "new" if before is None else f"was {pounds(before)}"
            told.append(f"  {cluster} {year}: {pounds(after)} ({was})")
        told += [f"  line {one.line}: {one.code} ({one.field})" for one in sorted(self.rejections, key=_line)]
        told += [f"  {cluster}: no such cluster is known yet" for cluster in self.unknown_clusters]
        return told


def _line(rejection: Rejection) -> int:
    return rejection.line


def read_rows(rows: Sequence[tuple[int, Mapping[str, str]]]) -> tuple[list[Row], list[Rejection]]:
    """The rows that make sense, and what is wrong with the others; a cluster's year is stated once.

    A row without cells had another number of fields than the header: an unquoted comma in an amount, mostly.
    """
    found: dict[tuple[str, str], Row] = {}
    wrong: list[Rejection] = []
    for line, cells in rows:
        cluster, year, amount = (cells.get(name, "").strip() for name in COLUMNS)
        pence = pence_of(amount)
        if not cells:
            wrong.append(Rejection(line, "line", "not-as-many-fields-as-columns"))
        elif not _ID.fullmatch(cluster):
            wrong.append(Rejection(line, "cluster_id", "not-an-id"))
        elif not _is_year(year):
            wrong.append(Rejection(line, "financial_year", "not-a-financial-year"))
        elif pence is None:
            wrong.append(Rejection(line, "amount", "not-an-amount"))
        elif (cluster, year) in found:
            wrong.append(Rejection(line, "financial_year", "stated-twice"))
        else:
            found[cluster, year] = Row(line, cluster, year, pence)
    return list(found.values()), wrong


def _is_year(text: str) -> bool:
    """Whether it names a financial year: `2026-27`, whose second half follows from its first."""
    return bool(_YEAR.fullmatch(text)) and f"{financial_year_days(text)[1].year % 100:02}" == text[5:]
