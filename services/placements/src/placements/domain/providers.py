"""Providers of alternative provision, their checks, and whether they may be offered a child on a day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Source(StrEnum):
    """Who keeps the provider's description."""

    REGISTER = "register"
    OPEN_REFERRAL = "open-referral"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as it is known here."""

    id: str
    name: str
    organisation_id: str | None
    kind: str
    phases: tuple[str, ...]
    #: Which needs it is for; none: any.
    needs: tuple[str, ...]
    #: Metres on the British National Grid.
    easting: int | None
    northing: int | None
    active: bool
    source: str
    #: Its id where its description came from.
    external_id: str | None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """A check of a provider, as it ended on a day."""

    id: str
    provider_id: str
    kind: str
    outcome: str
    checked_on: date
    #: The last day on which it counts.
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class CheckRules:
    """Which checks a provider must have passed, and how long each counts."""

    since: date
    #: Without these nobody is placed.
    required: tuple[str, ...]
    #: The outcomes that pass.
    passes: tuple[str, ...]
    #: Months for which a check counts when it does not say until when, by kind.
    months: Mapping[str, int]


def check_id(provider_id: str, kind: str, checked_on: date) -> str:
    """What a check is known by: one of a kind a day."""
    return f"{provider_id}/{kind}/{checked_on.isoformat()}"


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or its last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for length in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, length))
        except ValueError:
            continue
    raise AssertionError


def latest(checks: Iterable[Check], kind: str, on: date) -> Check | None:
    """The newest check of a kind that was made by a day."""
    made = [check for check in checks if check.kind == kind and check.checked_on <= on]
    return max(made, key=lambda check: check.checked_on, default=None)


def failings(checks: Iterable[Check], rules: CheckRules, on: date) -> tuple[str, ...]:
    """Why a provider may be offered no child on a day: `safeguarding-missing`, `-not-met`, `-lapsed`; or none."""
    known, found = tuple(checks), []
    for kind in rules.required:
        check = latest(known, kind, on)
        if check is None:
            found.append(f"{kind}-missing")
        elif check.outcome not in rules.passes:
            found.append(f"{kind}-not-met")
        elif check.valid_until is not None and check.valid_until < on:
            found.append(f"{kind}-lapsed")
    return tuple(found)
