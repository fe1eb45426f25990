"""Whether one stream hears one event, on which rule, for what and on which basis; or why it does not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from exchange.domain.rules import Rule, To

#: Whatever type, whatever place: the index entry of a stream that does not narrow.
ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Filter:
    """What a subscriber wants, of what they may have. An empty list: anything."""

    types: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    schools: tuple[str, ...] = ()

    def found_by(self) -> tuple[str, ...]:
        """What the stream is found by: its narrowest list, or anything."""
        for name, values in (("school", self.schools), ("cluster", self.clusters), ("need", self.needs)):
            if values:
                return tuple(f"{name}:{value}" for value in values)
        return (ANY,)


@dataclass(frozen=True, slots=True)
class Stream:
    """One way out: a sector's feed, or a subscription."""

    id: str
    #: Under which its events are counted.
    source: str
    sector: str
    #: Whose it is; None: the sector's feed.
    organisation_id: str | None
    #: The whole sector's cases, not only those that the organisation itself takes part in.
    county_wide: bool
    purposes: frozenset[str]
    bases: frozenset[str]
    filter: Filter = field(default_factory=Filter)
    #: How it is delivered: kafka, webhook, http-feed or sse; and the topic of the first.
    way: str = "http-feed"
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a case, at one moment."""

    #: The organisations that take part, each with its sector.
    organisations: Mapping[str, str] = field(default_factory=dict)
    #: Bases that were recorded and still stand.
    bases: frozenset[str] = frozenset()
    school: str | None = None
    #: Where it is, and where this event says that it comes from or goes.
    clusters: frozenset[str] = frozenset()
    phase: str | None = None
    needs: frozenset[str] = frozenset()
    erased: bool = False

    @property
    def sectors(self) -> frozenset[str]:
        """The sectors that take part."""
        return frozenset(self.organisations.values())

    def found_by(self) -> frozenset[str]:
        """What streams that want the case are found by."""
        return frozenset(
            {ANY}
            | ({f"school:{self.school}"} if self.school else set())
            | {f"cluster:{cluster}" for cluster in self.clusters}
            | {f"need:{need}" for need in self.needs}
        )


@dataclass(frozen=True, slots=True)
class Hears:
    """It may and does: by this rule, for this purpose, on this basis of the case."""

    rule: Rule
    purpose: str
    #: None where the event is about no case.
    basis: str | None


@dataclass(frozen=True, slots=True)
class Silence:
    """It does not, and why: a stable code and a sentence."""

    code: str
    why: str


def decide(rules: Sequence[Rule], stream: Stream, standing: Standing, type: str) -> Hears | Silence:
    """The first rule that fits, or the nearest that there was to one."""
    rules = [rule for rule in rules if stream.sector in rule.sectors]
    if not rules:
        return Silence("no-rule", f"No sharing rule lets {stream.sector} hear {type}.")
    silence = Silence("no-rule", "")
    for rule in rules:
        answer = _by(rule, stream, standing)
        if isinstance(answer, Hears):
            return _wanted(answer, stream, standing, type)
        silence = answer
    return silence


def _by(rule: Rule, stream: Stream, standing: Standing) -> Hears | Silence:
    purpose = next((each for each in rule.purposes if each in stream.purposes), None)
    if purpose is None:
        return Silence("no-purpose", f"The rule {rule.id} is for {_list(rule.purposes)}; that is not agreed.")
    if rule.to is To.EVERYBODY:
        return Hears(rule, purpose, None)
    if standing.erased:
        return Silence("erased", "The case was erased: nothing more is told of it.")
    if not _takes_part(stream, standing):
        who = stream.sector if stream.county_wide else stream.organisation_id
        return Silence("takes-no-part", f"{who} does not take part in the case.")
    return _on_a_basis(rule, purpose, stream, standing)


def _takes_part(stream: Stream, standing: Standing) -> bool:
    if stream.county_wide:
        return stream.sector in standing.sectors
    return stream.organisation_id in standing.organisations


def _on_a_basis(rule: Rule, purpose: str, stream: Stream, standing: Standing) -> Hears | Silence:
    found = [basis for basis in rule.bases if basis in standing.bases]
    basis = next((basis for basis in found if basis in stream.bases), None)
    if basis is not None:
        return Hears(rule, purpose, basis)
    if found:
        return Silence("other-basis", f"The case rests on {_list(found)}; that is not agreed.")
    return Silence("no-basis", f"None of {_list(rule.bases)} stands in the case: not recorded, or withdrawn.")


def _wanted(hears: Hears, stream: Stream, standing: Standing, type: str) -> Hears | Silence:
    wants = stream.filter
    about_a_case = hears.rule.to is To.PARTICIPANTS
    if wants.types and type not in wants.types:
        return Silence("not-wanted", "The subscription's filter leaves this type out.")
    for name, chosen, have in (
        ("schools", wants.schools, {standing.school}),
        ("clusters", wants.clusters, standing.clusters),
        ("phases", wants.phases, {standing.phase}),
        ("needs", wants.needs, standing.needs),
    ):
        if about_a_case and chosen and have.isdisjoint(chosen):
            return Silence("not-wanted", f"The subscription's filter of {name} leaves this case out.")
    return hears


def still_may(stream: Stream, standing: Standing, basis: str | None) -> bool:
    """Whether what was to be told on this basis may still be."""
    if basis is None:
        return True
    return _takes_part(stream, standing) and basis in standing.bases and not standing.erased


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)
