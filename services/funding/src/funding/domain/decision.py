"""What becomes of a request: granted by rule, granted by a person, or why it waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from funding.domain.rules import Rules
from funding.domain.spans import Part


class Waits(StrEnum):
    """Why a request has not been granted yet. The first three are a person's to decide."""

    ABOVE_LIMIT = "above-limit"
    CASE_LIMIT = "case-limit"
    RULE_SHARE_SPENT = "rule-share-spent"
    BUDGET_SPENT = "budget-spent"
    NO_BUDGET = "no-budget"


@dataclass(frozen=True, slots=True)
class Purse:
    """A cluster's money of one year, as far as a decision needs it."""

    amount: int
    free: int
    #: Of it, what the rule has granted so far, less what came back.
    used_by_rule: int


def by_rule(
    amount: int, parts: Sequence[Part], purses: Mapping[str, Purse], case_used: Mapping[str, int], rules: Rules
) -> Waits | None:
    """Why the rule does not grant a request; None when it does. Both maps are by financial year.

    What falls into a later year that has no budget yet is granted when that year has one; the first year must have it.
    """
    small = rules.small
    if amount > small.most_per_award_pence:
        return Waits.ABOVE_LIMIT
    missing = by_person(parts, purses)
    for part in parts:
        purse = purses.get(part.financial_year)
        if case_used.get(part.financial_year, 0) + part.amount_pence > small.most_per_case_and_year_pence:
            return Waits.CASE_LIMIT
        if purse is None or missing is not None:
            continue
        if (purse.used_by_rule + part.amount_pence) * 100 > small.share_of_budget_percent * purse.amount:
            return Waits.RULE_SHARE_SPENT
    return missing


def by_person(parts: Sequence[Part], purses: Mapping[str, Purse]) -> Waits | None:
    """Why not even a person can grant a request now; None when the budgets bear it."""
    if not parts or parts[0].financial_year not in purses:
        return Waits.NO_BUDGET
    for part in parts:
        purse = purses.get(part.financial_year)
        if purse is not None and purse.free < part.amount_pence:
            return Waits.BUDGET_SPENT
    return None
