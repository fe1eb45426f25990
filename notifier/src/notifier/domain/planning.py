"""From a fact to roles (addresses), from roles to people (messages): nobody twice, and never silently nobody.

Whoever holds the role on the day of the fact is told of it, in whatever order the fact and the role are heard of.
So the same addresses are looked at again when somebody new becomes known, and every order ends alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from notifier.domain.facts import Fact
from notifier.domain.rules import Audience, Channel, Of, Rule, Rules, Urgency


class Kind(StrEnum):
    """What sort of place people are looked for in."""

    CLUSTER = "cluster"
    ORGANISATION = "organisation"
    COUNCIL = "council"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A cluster, an organisation, or the council (which has no id here)."""

    kind: Kind
    id: str = ""

    @property
    def key(self) -> str:
        """As text: `cluster:gloucester-primary`, `council`."""
        return f"{self.kind}:{self.id}" if self.id else str(self.kind)

    @staticmethod
    def from_key(key: str) -> "Place":
        """The place that has this key."""
        kind, _, id = key.partition(":")
        return Place(Kind(kind), id)


COUNCIL: Final = Place(Kind.COUNCIL)
COUNCIL_SECTOR: Final = "council"


@dataclass(frozen=True, slots=True)
class Case:
    """What is known here of a case, before the fact."""

    case_id: str
    reference: str
    urgency: str
    #: Its holder; None while the intake desk holds it.
    cluster_id: str | None = None
    #: The organisations whose referrals are in it.
    referring: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holder:
    """A person in a role, from when until when."""

    person_id: str
    role: str
    organisation_id: str
    sector: str
    cluster_id: str | None
    since: date
    until: date | None = None
    #: Whether they want letters as well.
    wants_email: bool = True

    def on(self, day: date) -> bool:
        """Whether they are in the role on a day."""
        return self.since <= day and (self.until is None or day <= self.until)

    def serves(self, roles: Sequence[str], day: date) -> bool:
        """Whether they are in one of these roles (none named: in any) on a day."""
        return (not roles or self.role in roles) and self.on(day)


@dataclass(frozen=True, slots=True)
class Address:
    """Whom a fact is for, before anybody is found: a rule and one place. Kept, one row for each."""

    fact: Fact
    rule: Rule
    place: Place
    urgency: Urgency
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One person is told of one fact."""

    event_id: str
    person_id: str
    rule: Rule
    place: Place
    urgency: Urgency
    by_email: bool


@dataclass(frozen=True, slots=True)
class Told:
    """Who was found at an address."""

    address: Address
    #: 0: people in the role. n: the ladder's nth step. None: nobody, anywhere.
    rung: int | None
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What the directory and cluster-router have said, as far as a plan needs it, ordered by place."""

    holders: Mapping[Place, Sequence[Holder]]
    #: Cluster -> the organisation of its lead school.
    leads: Mapping[str, str]

    @staticmethod
    def of(holders: Iterable[Holder], leads: Mapping[str, str]) -> "Context":
        """Put everybody where they can be found: at their cluster, at their organisation, at the council."""
        at: dict[Place, list[Holder]] = {}
        for holder in holders:
            at.setdefault(Place(Kind.ORGANISATION, holder.organisation_id), []).append(holder)
            if holder.cluster_id is not None:
                at.setdefault(Place(Kind.CLUSTER, holder.cluster_id), []).append(holder)
            if holder.sector == COUNCIL_SECTOR:
                at.setdefault(COUNCIL, []).append(holder)
        return Context(at, leads)

    def people(self, roles: Sequence[str], place: Place, day: date) -> dict[str, bool]:
        """Person -> whether they want letters: those in these roles at a place on a day."""
        found = {h.person_id: h.wants_email for h in self.holders.get(place, ()) if h.serves(roles, day)}
        lead = self.leads.get(place.id) if place.kind is Kind.CLUSTER else None
        if lead is not None and roles:
            # A role at the lead school's organisation without a cluster is held for all that it leads.
            found |= {
                h.person_id: h.wants_email
                for h in self.holders.get(Place(Kind.ORGANISATION, lead), ())
                if h.cluster_id is None and h.serves(roles, day)
            }
        return found


def addresses(fact: Fact, case: Case, rules: Rules) -> tuple[Address, ...]:
    """Every role that must hear of a fact, by the rules of its day."""
    urgency = fact.urgency or case.urgency
    return tuple(
        address_at(fact, rule, place, rules, urgency=urgency)
        for rule in rules.for_event(fact.type, fact.on)
        if not rule.only_if or urgency in rule.only_if
        for place in _places(rule.to.of, fact, case)
    )


def address_at(fact: Fact, rule: Rule, place: Place, rules: Rules, *, urgency: str | None) -> Address:
    """A rule at a place. At the council, a rule for a cluster's people means the intake desk."""
    at_the_desk = place == COUNCIL and rule.to.of is not Of.COUNCIL
    return Address(
        fact=fact,
        rule=rule,
        place=place,
        urgency=rule.urgency_of(urgency),
        roles=rules.desk.roles if at_the_desk else rule.to.roles,
    )


def _places(of: Of, fact: Fact, case: Case) -> tuple[Place, ...]:
    def cluster(id: str | None) -> tuple[Place, ...]:
        return (Place(Kind.CLUSTER, id),) if id else ()

    left = fact.from_cluster_id or case.cluster_id
    everywhere: Mapping[Of, tuple[Place, ...]] = {
        Of.CLUSTER: cluster(fact.cluster_id),
        Of.RECEIVER: cluster(fact.to_cluster_id),
        Of.SENDER: cluster(left) if left != fact.cluster_id else (),
        Of.HOLDER: cluster(case.cluster_id) or (COUNCIL,),
        Of.REFERRING: tuple(Place(Kind.ORGANISATION, id) for id in sorted(set(case.referring))),
        Of.ASKED: (Place(Kind.ORGANISATION, fact.asked_of),) if fact.asked_of else (),
        Of.COUNCIL: (COUNCIL,),
    }
    return everywhere[of]


def places_to_look(found: Iterable[Address], leads: Mapping[str, str]) -> frozenset[Place]:
    """Everywhere that people may have to be looked for, ladders included."""
    places = {COUNCIL}
    for address in found:
        places.add(address.place)
        if address.place.kind is Kind.CLUSTER and address.place.id in leads:
            places.add(Place(Kind.ORGANISATION, leads[address.place.id]))
    return frozenset(places)


def tell(address: Address, context: Context) -> Told:
    """The people of an address: those in the role, or else the first rung of the ladder that has anybody."""
    people = context.people(address.roles, address.place, address.fact.on)
    rung = 0
    while not people and rung < len(address.rule.ladder):
        step = address.rule.ladder[rung]
        place = _step(step, address.place, context.leads)
        people = context.people(step.roles, place, address.fact.on) if place is not None else {}
        rung += 1
    if not people:
        return Told(address, None)
    return Told(
        address,
        rung,
        tuple(
            Message(
                event_id=address.fact.event_id,
                person_id=person_id,
                rule=address.rule,
                place=address.place,
                urgency=address.urgency,
                by_email=Channel.EMAIL in address.rule.channels and wants_email,
            )
            for person_id, wants_email in sorted(people.items())
            if person_id != address.fact.actor
        ),
    )


def _step(step: Audience, place: Place, leads: Mapping[str, str]) -> Place | None:
    """Where a rung is, seen from the place where nobody was found."""
    if step.of is Of.COUNCIL:
        return COUNCIL
    if place.kind is not Kind.CLUSTER:
        return None
    if step.of is Of.CLUSTER:
        return place
    lead = leads.get(place.id)
    return Place(Kind.ORGANISATION, lead) if lead is not None else None


def one_each(told: Iterable[Told], rules: Rules) -> tuple[Message, ...]:
    """At most one message for each fact and person: the most urgent, then the rule that stands first."""
    best: dict[tuple[str, str], tuple[tuple[bool, int, str], Message]] = {}
    for message in (message for found in told for message in found.messages):
        rank = (message.urgency is not Urgency.AT_ONCE, rules.order(message.rule.id), message.place.key)
        key = (message.event_id, message.person_id)
        if key not in best or rank < best[key][0]:
            best[key] = (rank, message)
    return tuple(best[key][1] for key in sorted(best))


def plan(fact: Fact, case: Case, context: Context, rules: Rules) -> tuple[tuple[Message, ...], tuple[Told, ...]]:
    """Who is told of a fact, and what was found at each of its addresses."""
    told = tuple(tell(address, context) for address in addresses(fact, case, rules))
    return one_each(told, rules), told


def late(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The same messages for people who become known later: in the inbox; by letter only what cannot wait."""
    return tuple(
        replace(message, by_email=message.by_email and message.urgency is Urgency.AT_ONCE) for message in messages
    )
