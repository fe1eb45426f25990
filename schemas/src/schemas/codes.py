"""Code registries: what a code means and from which day until which. The facts are the JSON files in `data/`.

    registry("need-types").valid("DS", on=date(2026, 11, 23))

An entry holds from `since` up to, not including, `until`: what follows begins as its predecessor ends.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

#: Which registry says what a field of an event may hold, as `Contract.field`; `OPEN_FIELDS` are the others.
FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Need.type": "need-types",
        "Basis.kind": "basis-kinds",
        "Basis.special_category": "special-category-conditions",
        "Circumstances.year_group": "year-groups",
        "Circumstances.urgency": "urgency",
        "Circumstances.risk_of_exclusion": "risk-of-exclusion",
        "Participant.sector": "sectors",
        "Participant.role": "participant-roles",
        "ReferralSubmitted.sector": "sectors",
        "ReferralSubmitted.requested": "requested-help",
        "ReferralSubmitted.urgency": "urgency",
        "ReferralSubmitted.risk_of_exclusion": "risk-of-exclusion",
        "ReferralWithdrawn.reason": "withdrawal-reasons",
        "CaseLinked.matched_by": "match-rules",
        "CaseUnlinked.reason": "unlink-reasons",
        "CaseBasisWithdrawn.kind": "basis-kinds",
        "CaseDisclosed.sector": "sectors",
        "CaseDisclosed.purpose": "disclosure-purposes",
        "CaseDisclosed.basis": "basis-kinds",
        "CaseClosed.reason": "closing-reasons",
        "CaseAssigned.reasons": "routing-reasons",
        "CaseReturned.reason": "return-reasons",
        "CaseReassigned.reasons": "routing-reasons",
        "CaseUnrouted.reasons": "routing-reasons",
        "HandoverOffered.reason": "handover-reasons",
        "AssessmentOpened.needs": "need-types",
        "AssessmentOpened.disciplines": "advice-disciplines",
        "AssessmentCompleted.outcome": "assessment-outcomes",
        "AssessmentCompleted.provisions": "provision-kinds",
        "AssessmentCompleted.needs_without_provision": "need-types",
        "AdviceEvent.discipline": "advice-disciplines",
        "AdviceCancelled.reason": "advice-cancellations",
        "ViewsRecorded.of": "views-of",
        "ViewsRecorded.method": "views-methods",
        "ViewsRecorded.not_given": "views-absences",
        "PlanEvent.stage": "plan-stages",
        "PlanAgreed.provisions": "provision-kinds",
        "PlanReviewed.outcome": "review-outcomes",
        "PlanReviewed.next_stage": "plan-stages",
        "ClockEvent.kind": "clock-kinds",
        "ClockExcepted.exception": "clock-exceptions",
        "ClockCancelled.reason": "clock-cancellations",
        "FundingRequested.purpose": "funding-purposes",
        "FundingDeclined.reason": "funding-refusals",
        "FundingEnded.reason": "funding-endings",
        "FundingClawedBack.reason": "clawback-reasons",
        "ExclusionNotified.kind": "exclusion-kinds",
        "ExclusionNotified.reasons": "exclusion-reasons",
        "ExclusionNotified.year_group": "year-groups",
        "ExclusionReported.kind": "exclusion-kinds",
        "ExclusionReported.reasons": "exclusion-reasons",
        "ExclusionReported.year_group": "year-groups",
        "ExclusionCancelled.reason": "exclusion-cancellations",
        "DutyEvent.kind": "duty-kinds",
        "DutyCancelled.reason": "duty-cancellations",
        "RiskRaised.reasons": "risk-reasons",
        "RiskDismissed.reason": "risk-dismissals",
        "PlacementRequested.needs": "need-types",
        "PlacementRequested.year_group": "year-groups",
        "PlacementReleased.reason": "hold-endings",
        "PlacementDeclined.reason": "offer-refusals",
        "PlacementReviewed.outcome": "placement-reviews",
        "PlacementAtRisk.reasons": "placement-risks",
        "PlacementEnded.reason": "placement-endings",
        "Check.kind": "provider-checks",
        "Check.outcome": "check-outcomes",
        "Places.phase": "provider-phases",
        "Places.session": "place-sessions",
        "Provider.kind": "provider-kinds",
        "Provider.phases": "provider-phases",
        "Provider.needs": "need-types",
        "HandoverDeclined.reason": "handover-refusals",
        "TeamMember.role": "people-roles",
        "TeamMember.sector": "sectors",
        "Cluster.phase": "cluster-phases",
        "OrganisationChanged.sector": "sectors",
        "OrganisationChanged.kind": "organisation-kinds",
        "SchoolChanged.establishment_type": "establishment-types",
        "RoleChanged.sector": "sectors",
        "RoleChanged.role": "people-roles",
        "RecallIssued.reason": "recall-reasons",
        "SubscriptionStopped.reason": "subscription-endings",
        "NotificationEvent.channel": "notification-channels",
        "NotificationFailed.reason": "delivery-failures",
    }
)

#: Fields of codes that no registry lists: names, references and versions that a service coins.
OPEN_FIELDS: Final = frozenset(
    {
        "CaseOpened.reference",
        "CaseCircumstancesChanged.changed",
        "CaseAssigned.rules_version",
        "DeadLettered.reason",
        "FundingAwarded.rules_version",
        "NotificationSent.rule",
        "RiskRaised.rules_version",
        "SchoolChanged.local_authority",
    }
)


class NoSuchRegistry(Exception):
    """No registry has this name."""


class NoSuchCode(Exception):
    """The registry has never had this code, or not on that day."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one code means for as long as it holds."""

    code: str
    label: str
    since: date
    #: The first day on which it no longer holds; None while no end is known.
    until: date | None = None
    #: A code of the registry that `Registry.groups` names: the broad area of a need, the kind of a school.
    group: str | None = None
    note: str | None = None
    source: str | None = None

    def holds(self, on: date) -> bool:
        """Whether this is in force on that day."""
        return self.since <= on and (self.until is None or on < self.until)

    def written(self) -> dict[str, str | None]:
        """The form of the data files."""
        days = {"since": self.since.isoformat(), "until": self.until.isoformat() if self.until else None}
        more = {"group": self.group, "note": self.note, "source": self.source}
        known = {name: value for name, value in more.items() if value is not None}
        return {"code": self.code, "label": self.label, **days, **known}


@dataclass(frozen=True, slots=True)
class Registry:
    """A list of codes. A code can come more than once, with another meaning from another day."""

    name: str
    title: str
    source: str
    entries: tuple[Entry, ...]
    groups: str | None = None
    _of_code: Mapping[str, tuple[Entry, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index by code; the entries of one code are in order of their days."""
        of_code: dict[str, tuple[Entry, ...]] = {}
        for entry in self.entries:
            of_code[entry.code] = (*of_code.get(entry.code, ()), entry)
        object.__setattr__(self, "_of_code", MappingProxyType(of_code))

    def valid(self, code: str, *, on: date) -> bool:
        """Whether this code may be written on that day."""
        return any(entry.holds(on) for entry in self._of_code.get(code, ()))

    def codes(self, *, on: date) -> tuple[str, ...]:
        """The codes that may be written on that day, in the registry's own order."""
        return tuple(entry.code for entry in self.entries if entry.holds(on))

    def entry(self, code: str, *, on: date | None = None) -> Entry:
        """What the code means on that day; without a day, what it meant last. Raises NoSuchCode."""
        for entry in reversed(self._of_code.get(code, ())):
            if on is None or entry.holds(on):
                return entry
        raise NoSuchCode(self.name)

    def label(self, code: str, *, on: date | None = None) -> str:
        """The code in words, also when it has ended: old cases are still read. Raises NoSuchCode."""
        return self.entry(code, on=on).label

    def group(self, code: str, *, on: date | None = None) -> str | None:
        """The code's group, where the registry has groups. Raises NoSuchCode."""
        return self.entry(code, on=on).group

    def in_group(self, group: str, *, on: date) -> tuple[str, ...]:
        """The codes of one group that may be written on that day."""
        return tuple(entry.code for entry in self.entries if entry.group == group and entry.holds(on))


def registry(name: str) -> Registry:
    """The registry of that name, such as `need-types`. Raises NoSuchRegistry."""
    found = registries().get(name)
    if found is None:
        raise NoSuchRegistry(name)
    return found


@cache
def registries() -> Mapping[str, Registry]:
    """Every registry by name, in alphabetical order; read from the package once."""
    folder = files("schemas") / "data"
    found = (
        read_registry(path.name.removesuffix(".json"), json.loads(path.read_text(encoding="utf-8")))
        for path in folder.iterdir()
        if path.name.endswith(".json")
    )
    return MappingProxyType({each.name: each for each in sorted(found, key=lambda each: each.name)})


def read_registry(name: str, document: Mapping[str, Any]) -> Registry:
    """A registry from the form of the data files."""
    return Registry(
        name=name,
        title=document["title"],
        source=document["source"],
        groups=document.get("groups"),
        entries=tuple(
            Entry(
                **{
                    **each,
                    "since": date.fromisoformat(each["since"]),
                    "until": date.fromisoformat(each["until"]) if each["until"] else None,
                }
            )
            for each in document["codes"]
        ),
    )
