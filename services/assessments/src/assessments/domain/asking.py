"""Whose advice the needs of a child call for, and which organisation is asked: dated tables, read from data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One rule: any of these needs (empty: whatever the needs), at these ages, call for these disciplines."""

    disciplines: tuple[str, ...]
    needs: frozenset[str] = frozenset()
    least_age: int | None = None
    most_age: int | None = None

    def fits(self, needs: Collection[str], age: int) -> bool:
        """Whether it speaks of a child of this age with these needs."""
        return (
            (not self.needs or not self.needs.isdisjoint(needs))
            and (self.least_age is None or age >= self.least_age)
            and (self.most_age is None or age <= self.most_age)
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked: the child's own school, or an organisation of a sector, the first kind that there is."""

    sector: str | None
    kinds: tuple[str, ...]
    of_school: bool = False


@dataclass(frozen=True, slots=True)
class Asking:
    """The tables that hold from a day on."""

    since: date
    #: What an assessment works with where nobody has named a need.
    unknown_need: str
    always: tuple[str, ...]
    statutory: tuple[str, ...]
    reuse_weeks: int
    calls: tuple[Call, ...]
    asked: Mapping[str, Asked]

    def disciplines(self, needs: Collection[str], age: int) -> tuple[str, ...]:
        """Whose advice is asked for, each once, in the order of the table."""
        called = (d for call in self.calls if call.fits(needs, age) for d in call.disciplines)
        return tuple(dict.fromkeys((*self.always, *called)))


@dataclass(frozen=True, slots=True)
class Organisation:
    """Somebody who could be asked."""

    id: str
    sector: str
    kind: str
    active: bool = True


def whom_to_ask(
    asked: Asked | None, organisations: Sequence[Organisation], *, school: str | None, taking_part: Collection[str]
) -> str | None:
    """The organisation that is asked; None: nobody fits, so that a person is asked by a link."""
    if asked is None:
        return None
    if asked.of_school:
        return school
    for kind in asked.kinds:
        fitting = sorted(o.id for o in organisations if o.active and o.kind == kind and o.sector == asked.sector)
        known = [id for id in fitting if id in taking_part]
        if known or fitting:
            return (known or fitting)[0]
    return None


def read_asking(document: Mapping[str, Any]) -> tuple[Asking, ...]:
    """The tables from the form of the data file."""
    return tuple(
        Asking(
            since=table["since"],
            unknown_need=table["unknown_need"],
            always=tuple(table["always"]),
            statutory=tuple(table["statutory"]),
            reuse_weeks=table["reuse_weeks"],
            calls=tuple(
                Call(
                    tuple(rule["disciplines"]),
                    frozenset(rule.get("needs", ())),
                    rule.get("least_age"),
                    rule.get("most_age"),
                )
                for rule in table["rules"]
            ),
            asked={
                discipline: Asked(one.get("sector"), tuple(one.get("kinds", ())), one.get("of") == "school")
                for discipline, one in table["asked"].items()
            },
        )
        for table in document["tables"]
    )
