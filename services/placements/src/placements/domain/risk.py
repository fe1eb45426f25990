"""Whether a child may be permanently excluded soon, by rules that can be read, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from schemas.days import school_year

from placements.domain.exclusions import Counted, Tariff, is_permanent


class RiskState(StrEnum):
    """What people made of a risk."""

    RAISED = "raised"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Risk:
    """A risk that was raised."""

    id: str
    case_id: str
    cluster_id: str | None
    #: Of the registry `risk-reasons`.
    reasons: tuple[str, ...]
    rules_version: str
    raised_on: date
    state: str = RiskState.RAISED
    decided_by: str | None = None
    reason: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class RiskRules:
    """From where on the figures worry; dated."""

    version: str
    since: date
    sessions_in_term: int
    sessions_in_year: int
    #: School days in the year from which the limit of 45 is close.
    near_limit_days: int
    #: So many suspensions within so many weeks.
    again_count: int
    again_weeks: int
    #: So many suspensions in a row, each longer than the one before.
    growing: int
    serious: tuple[str, ...]
    imminent: bool
    #: A placement that broke down within so many weeks.
    broke_down_weeks: int
    permanent: bool


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for a risk beside the exclusions."""

    imminent: bool = False
    broke_down_on: date | None = None


def reasons(counted: Sequence[Counted], signs: Signs, rules: RiskRules, tariff: Tariff, on: date) -> tuple[str, ...]:
    """Why there is a risk on a day, of the exclusions of its school year; none: there is none."""
    year = school_year(on)
    these = [one for one in counted if year[0] <= one.exclusion.first_on <= year[1]]
    suspensions = [one for one in these if one.sessions]
    found = {
        "permanent-exclusion": rules.permanent and any(is_permanent(o.exclusion.kind, tariff) for o in these),
        "near-45-days": any(one.total.in_year >= 2 * rules.near_limit_days for one in these),
        "many-sessions-in-term": any(one.total.in_term >= rules.sessions_in_term for one in suspensions),
        "many-sessions-in-year": any(one.total.in_year >= rules.sessions_in_year for one in suspensions),
        "suspended-again": _again(suspensions, rules),
        "growing-length": _growing(suspensions, rules),
        "serious-reason": any(set(one.exclusion.reasons) & set(rules.serious) for one in these),
        "imminent-by-referrer": rules.imminent and signs.imminent,
        "placement-broke-down": signs.broke_down_on is not None
        and on - signs.broke_down_on <= timedelta(weeks=rules.broke_down_weeks),
    }
    return tuple(code for code, holds in found.items() if holds)


def _again(ones: Sequence[Counted], rules: RiskRules) -> bool:
    days = [one.exclusion.first_on for one in ones]
    ends = days[rules.again_count - 1 :]
    return any(end - days[n] <= timedelta(weeks=rules.again_weeks) for n, end in enumerate(ends))


def _growing(ones: Sequence[Counted], rules: RiskRules) -> bool:
    lengths = [one.sessions for one in ones]
    runs = (lengths[n : n + rules.growing] for n in range(len(lengths) - rules.growing + 1))
    return any(all(shorter < longer for shorter, longer in pairwise(run)) for run in runs)


def is_new(found: Sequence[str], earlier: Sequence[Risk], on: date) -> bool:
    """Whether it says anything that no risk of this school year has said: only then is it said again."""
    year = school_year(on)[0]
    said = {code for risk in earlier if risk.raised_on >= year for code in risk.reasons}
    return not set(found) <= said
