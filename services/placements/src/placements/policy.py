"""The dated rules and words that ship with the service, and who may see and do what."""

import tomllib
from collections.abc import Collection, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeVar

from chassis.auth import Caller
from chassis.errors import Invalid
from schemas.codes import registry

from placements.domain.cases import Case
from placements.domain.days import Terms
from placements.domain.duties import DutyRules
from placements.domain.exclusions import Tariff
from placements.domain.matching import MatchRules
from placements.domain.openref import OpenReferralRules
from placements.domain.placements import PlacementRules
from placements.domain.providers import CheckRules, Provider
from placements.domain.register import PhaseRules, RegisterRules
from placements.domain.risk import RiskRules

T = TypeVar("T")

_DATA = files("placements") / "data"


class NoSuchCode(Invalid):
    """A code that its registry does not have on the day."""

    code = "no-such-code"


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_DATA / name).read_text(encoding="utf-8"))


def _frozen(value: Any) -> Any:
    """Lists as tuples, all the way down."""
    if isinstance(value, list):
        return tuple(_frozen(each) for each in value)
    return {key: _frozen(each) for key, each in value.items()} if isinstance(value, dict) else value


def _all(kind: type[T], entries: list[dict[str, Any]]) -> tuple[T, ...]:
    return tuple(kind(**{key: _frozen(value) for key, value in entry.items()}) for entry in entries)


def _on(entries: tuple[T, ...], day: date) -> T:
    """The newest that has begun; the first one for days before all of them."""
    begun = [entry for entry in entries if entry.since <= day]  # type: ignore[attr-defined]
    return max(begun, key=lambda entry: entry.since, default=entries[0])  # type: ignore[attr-defined]


_DUTIES: Final = _read("duties.toml")
_DUTY_RULES: Final = _all(DutyRules, _DUTIES["rules"])
_TARIFFS: Final = _all(Tariff, _DUTIES["tariffs"])
_TERMS: Final = tuple(
    (entry["since"], Terms({n: term for term, months in entry.items() if term != "since" for n in months}))
    for entry in _DUTIES["terms"]
)
_PLACEMENTS: Final = _all(PlacementRules, _read("placements.toml")["rules"])
_MATCHING: Final = _all(MatchRules, _read("matching.toml")["rules"])
_CHECKS: Final = _all(CheckRules, _read("checks.toml")["rules"])
_PHASES: Final = _all(PhaseRules, _read("phases.toml")["rules"])
_PROVIDERS: Final = _read("providers.toml")
_REGISTER: Final = _all(RegisterRules, _PROVIDERS["register"])
_OPEN_REFERRAL: Final = _all(OpenReferralRules, _PROVIDERS["open_referral"])
_RISK: Final = _all(
    RiskRules,
    [
        _read(path.name)
        for path in sorted(_DATA.iterdir(), key=lambda path: path.name)
        if path.name.startswith("risk-") and path.name.endswith(".toml")
    ],
)
_WORDS: Final[Mapping[str, str]] = _read("words.toml")["reasons"]
#: Who answers for the council's duties until the directory has told of one, and its kind of organisation.
COUNCIL: Final[str] = _DUTIES["council"]["organisation"]
COUNCIL_KIND: Final[str] = _DUTIES["council"]["kind"]


@cache
def duty_rules(day: date) -> DutyRules:
    """The law's numbers of a day."""
    return _on(_DUTY_RULES, day)


@cache
def tariff(day: date) -> Tariff:
    """How kinds of exclusion count on a day."""
    return _on(_TARIFFS, day)


@cache
def terms(day: date) -> Terms:
    """Which months make which term on a day."""
    begun = [terms for since, terms in _TERMS if since <= day]
    return begun[-1] if begun else _TERMS[0][1]


@cache
def placement_rules(day: date) -> PlacementRules:
    """How long things may take on a day."""
    return _on(_PLACEMENTS, day)


@cache
def match_rules(day: date) -> MatchRules:
    """What counts how much on a day."""
    return _on(_MATCHING, day)


@cache
def check_rules(day: date) -> CheckRules:
    """Which checks are needed on a day."""
    return _on(_CHECKS, day)


@cache
def phase_rules(day: date) -> PhaseRules:
    """Whom a place is for on a day."""
    return _on(_PHASES, day)


@cache
def register_rules(day: date) -> RegisterRules:
    """Which schools are providers on a day."""
    return _on(_REGISTER, day)


@cache
def open_referral_rules(day: date) -> OpenReferralRules:
    """How services are read on a day."""
    return _on(_OPEN_REFERRAL, day)


@cache
def risk_rules(day: date) -> RiskRules:
    """From where on the figures worry on a day."""
    return _on(_RISK, day)


def in_words(code: str) -> str:
    """A reason of matching in plain words."""
    return _WORDS.get(code, code)


def coded(name: str, code: str, on: date, pointer: str) -> str:
    """The code, if its registry has it on the day. Raises `NoSuchCode`."""
    known = registry(name)
    if not known.valid(code, on=on):
        raise NoSuchCode(f"Use one of: {', '.join(known.codes(on=on))}.", pointer=pointer)
    return code


#: Roles at the council that see every case and every provider.
DESK: Final = ("intake", "operator")
TEAM: Final = ("cluster-lead", "caseworker")
#: What an organisation must be to a case to see its exclusions, and the words about it.
CLOSE: Final = frozenset({"holder", "receiver", "intake", "school"})
#: What it must be to see that a place is looked for.
TAKES_PART: Final = CLOSE | {"referrer", "adviser", "funder"}


def at_the_desk(caller: Caller) -> bool:
    """Whether the caller works at the council's desk."""
    return caller.sector == "council" and caller.has(*DESK)


def sees_all(caller: Caller) -> bool:
    """Whether the caller may see every case: the desk, and those who answer for the data."""
    return at_the_desk(caller) or (caller.sector == "council" and caller.has("data-protection-officer"))


def works_on(caller: Caller, case: Case | None) -> bool:
    """Whether the caller works for the cluster that holds the case."""
    return case is not None and case.cluster_id in caller.clusters and caller.has(*TEAM)


def sees_request(caller: Caller, case: Case | None, roles: Collection[str]) -> bool:
    """Whether the caller may see a request for a place. `roles` is what their organisation is to the case."""
    return sees_all(caller) or works_on(caller, case) or not TAKES_PART.isdisjoint(roles)


def sees_exclusions(caller: Caller, case: Case | None, roles: Collection[str]) -> bool:
    """Whether the caller may see the case's exclusions and the words written about it."""
    return sees_all(caller) or works_on(caller, case) or not CLOSE.isdisjoint(roles)


def places_children(caller: Caller, case: Case | None) -> bool:
    """Whether the caller may keep and offer places for the case: its cluster, or the desk."""
    return at_the_desk(caller) or works_on(caller, case)


def is_provider(caller: Caller, provider: Provider | None) -> bool:
    """Whether the caller speaks for a provider."""
    return (
        provider is not None
        and provider.organisation_id == caller.organisation
        and caller.has("provider-staff", "agency-system")
    )


def keeps_provider(caller: Caller, provider: Provider | None) -> bool:
    """Whether the caller may say how a provider is: its own people, or the desk."""
    return at_the_desk(caller) or is_provider(caller, provider)
