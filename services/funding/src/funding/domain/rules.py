"""The dated rules of early funding, as they are read from `data/rules`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

#: The tariff's entry for a need that has none of its own.
_ELSE: Final = "OTH"


@dataclass(frozen=True, slots=True)
class Small:
    """What is awarded without a person."""

    most_per_award_pence: int
    most_per_case_and_year_pence: int
    share_of_budget_percent: int


@dataclass(frozen=True, slots=True)
class Lead:
    """What the lead of a cluster may grant."""

    most_per_award_pence: int


@dataclass(frozen=True, slots=True)
class Asking:
    """What may be asked for at all."""

    least_pence: int
    most_pence: int
    longest_days: int
    furthest_back_days: int
    furthest_ahead_days: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an award is paid: in one go up to a sum, else also on these (month, day)s while it runs."""

    at_once_up_to_pence: int
    instalments_on: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a referral's request is for, and how much it is."""

    purpose: str
    amount_pence: int


@dataclass(frozen=True, slots=True)
class Measure:
    """How days to money are told."""

    within_working_days: int
    fewest_cases: int


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of the rules, valid from a day until the next version's."""

    version: str
    since: date
    small: Small
    lead: Lead
    asking: Asking
    referral_days: int
    schedule: Schedule
    #: Percent, the highest first.
    marks: tuple[int, ...]
    forecast_window_days: int
    measure: Measure
    tariffs: Mapping[str, Tariff]

    def tariff(self, need: str) -> Tariff:
        """What a child with this first need is granted for when nobody says more."""
        return self.tariffs.get(need) or self.tariffs[_ELSE]


def read_rules(document: Mapping[str, Any]) -> Rules:
    """A rule file as a value. Raises `KeyError`, `TypeError` or `ValueError` when it is not one."""
    schedule = document["schedule"]
    days = tuple(sorted((int(text[:2]), int(text[3:])) for text in schedule["instalments_on"]))
    return Rules(
        version=document["version"],
        since=document["since"],
        small=Small(**document["small"]),
        lead=Lead(**document["lead"]),
        asking=Asking(**document["request"]),
        referral_days=document["referral"]["days"],
        schedule=Schedule(schedule["at_once_up_to_pence"], days),
        marks=tuple(sorted(document["budget"]["marks_percent"], reverse=True)),
        forecast_window_days=document["forecast"]["window_days"],
        measure=Measure(**document["measure"]),
        tariffs={need: Tariff(**entry) for need, entry in document["tariff"].items()},
    )


def rules_on(book: Iterable[Rules], day: date) -> Rules:
    """The version that holds on a day; before the first one the first."""
    versions = sorted(book, key=lambda rules: rules.since)
    return next((rules for rules in reversed(versions) if rules.since <= day), versions[0])
