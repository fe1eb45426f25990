"""What FHIR stands for here, from a day on: code systems, codes, what holds where nothing is said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

Codes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Messages:
    """Which messages are taken: of which event, and what their reasons mean."""

    event: str
    new: Sequence[str]
    update: Sequence[str]
    delete: Sequence[str]
    #: The MessageDefinition that they follow.
    definition: str


@dataclass(frozen=True, slots=True)
class ConsentRule:
    """Which Consent is the family's yes or no."""

    active: Sequence[str]
    refused: Sequence[str]
    implied: Sequence[str]
    denied: Sequence[str]
    kind: str
    special_category: str


@dataclass(frozen=True, slots=True)
class FhirRules:
    """One version of `data/fhir.toml`, by its names."""

    since: date
    #: What a number is -> the systems under which senders give it.
    systems: Mapping[str, Sequence[str]]
    messages: Messages
    #: Type of resource -> the fewest and the most of it that a message carries.
    carried: Mapping[str, Sequence[Any]]
    #: `system`, and the codes of it that are `taken`.
    categories: Mapping[str, Any]
    #: Status of a ServiceRequest -> why it is withdrawn.
    withdrawals: Codes
    urgency: Codes
    sex: Codes
    #: Code system -> code -> type of need.
    needs: Mapping[str, Codes]
    #: What is coded -> our own code system of it.
    own: Codes
    social_worker: Mapping[str, Sequence[str]]
    restricted: Mapping[str, Sequence[str]]
    consent: ConsentRule
    defaults: Mapping[str, Any]
    extensions: Mapping[str, Any]
    unread: frozenset[str]
    #: Status of a Task, the first that fits.
    states: Sequence[Mapping[str, Any]]
    #: Events by which another service says that it is at work.
    work: Sequence[str]
    #: What is shown -> our code -> FHIR's.
    shown: Mapping[str, Codes]
    #: HTTP status -> the issue's code, and BaRS's.
    issues: Mapping[str, Sequence[str]]
    #: Our code of a flaw -> the issue's.
    flaws: Codes = field(default_factory=dict)

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "FhirRules":
        """From a version as the data file has it."""
        rest = dict(entry)
        return cls(
            messages=Messages(**rest.pop("messages")),
            consent=ConsentRule(**rest.pop("consent")),
            unread=frozenset(rest.pop("unread")["types"]),
            work=tuple(rest.pop("work")["types"]),
            **rest,
        )

    def need(self, system: str, code: str) -> str | None:
        """The type of need that a code stands for; a code of ours is taken as it is."""
        return code if system == self.own["needs"] else self.needs.get(system, {}).get(code)
