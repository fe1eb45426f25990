"""How a sum is spread: over the financial years it touches, and over the days on which it is paid."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from schemas.days import financial_year, financial_year_days

from funding.domain.rules import Schedule


@dataclass(frozen=True, slots=True)
class Part:
    """What of a request falls into one financial year; granted once there is an award."""

    financial_year: str
    amount_pence: int
    since: date
    until: date
    award_id: str | None = None


@dataclass(frozen=True, slots=True)
class Instalment:
    """A part of an award, due on a day."""

    number: int
    due_on: date
    amount_pence: int
    #: Null until it is paid.
    payment_id: str | None = None
    paid_on: date | None = None
    #: The award ended before it was paid.
    cancelled: bool = False

    @property
    def open(self) -> bool:
        """Whether it is still to be paid."""
        return self.payment_id is None and not self.cancelled


def by_year(amount_pence: int, since: date, until: date) -> tuple[Part, ...]:
    """A sum over the financial years from `since` to `until`, both included, by the days in each. No penny is lost."""
    spans: list[tuple[str, date, date]] = []
    day = since
    while day <= until:
        year = financial_year(day)
        last = min(until, financial_year_days(year)[1])
        spans.append((year, day, last))
        day = last + timedelta(days=1)
    shares = spread(amount_pence, [(last - first).days + 1 for _, first, last in spans])
    parts = [Part(year, pence, first, last) for (year, first, last), pence in zip(spans, shares, strict=True)]
    return tuple(part for part in parts if part.amount_pence)


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """An amount in whole pence by weights: cumulative rounding, so that the shares always add up to it."""
    whole, so_far, given = sum(weights), 0, 0
    shares = []
    for weight in weights:
        so_far += weight
        until_here = amount * so_far // whole
        shares.append(until_here - given)
        given = until_here
    return shares


def instalments(amount_pence: int, since: date, until: date, rule: Schedule, *, today: date) -> tuple[Instalment, ...]:
    """When an award is paid. Nothing is due before today, nor after the award's own span."""
    first = max(since, today)
    days = [first]
    if amount_pence > rule.at_once_up_to_pence:
        turns = (
            date(year, month, day) for year in range(first.year, until.year + 1) for month, day in rule.instalments_on
        )
        days += [day for day in turns if first < day <= until]
    ends = [*days[1:], max(until, first) + timedelta(days=1)]
    weights = [max((end - day).days, 1) for day, end in zip(days, ends, strict=True)]
    shares = spread(amount_pence, weights)
    planned = [Instalment(0, day, pence) for day, pence in zip(days, shares, strict=True) if pence]
    return tuple(replace(one, number=number) for number, one in enumerate(planned, 1))
