"""What an import did, counted and named, for the operator who ran it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from directory.domain.extract import Rejection
from directory.domain.schools import Outcome

#: So many changes and rejections are listed; the counts are always whole.
LISTED: Final = 40


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different now."""

    id: str
    outcome: Outcome
    #: The names of the fields that changed; their values are in the directory.
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """The sum of an import."""

    #: Rows that could be read as rows.
    rows: int = 0
    counts: Counter[Outcome] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)
    #: Statements that were older than what is known.
    older: int = 0
    #: Rows about something else than what was asked for, such as other kinds of links.
    passed_over: int = 0
    rejections: list[Rejection] = field(default_factory=list)

    def add(self, id: str, outcome: Outcome, fields: tuple[str, ...] = ()) -> None:
        """Count one outcome."""
        self.counts[outcome] += 1
        if outcome is not Outcome.UNCHANGED:
            self.changes.append(Change(id, outcome, fields if outcome is not Outcome.NEW else ()))

    def reject(self, rejections: Iterable[Rejection]) -> None:
        """Note what was not taken."""
        self.rejections += rejections

    @property
    def taken(self) -> int:
        """Statements that were understood."""
        return self.counts.total()

    @property
    def rows_rejected(self) -> int:
        """Whole rows that were not taken."""
        return sum(1 for line in {r.line for r in self.rejections if r.whole_row} if line)

    @property
    def nothing_read(self) -> bool:
        """Whether the file gave nothing at all."""
        return self.taken == 0

    def lines(self, *, dry_run: bool = False) -> Iterator[str]:
        """The report in plain words: counts, then what changed and what was rejected, as far as a screen goes."""
        counts = ", ".join(f"{self.counts[outcome]} {outcome}" for outcome in Outcome)
        would = "Nothing was changed; this is what would be. " if dry_run else ""
        yield f"{would}{self.rows} rows: {counts}, {self.rows_rejected} rejected."
        if self.older:
            yield f"{self.older} were older than what is known; they filled in what nobody had said."
        if self.passed_over:
            yield f"{self.passed_over} were about something else and were passed over."
        changed = [change for change in self.changes if change.outcome is not Outcome.NEW]
        yield from _some(f"  {c.outcome} {c.id}{': ' if c.fields else ''}{', '.join(c.fields)}" for c in changed)
        yield from _some(
            f"  line {r.line}: {r.reason}{f' ({r.field})' if r.field else ''}"
            f"{'' if r.whole_row else ', the rest of the row was taken'}"
            for r in self.rejections
        )


def _some(lines: Iterable[str]) -> Iterator[str]:
    every = list(lines)
    yield from every[:LISTED]
    if len(every) > LISTED:
        yield f"  … and {len(every) - LISTED} more"
