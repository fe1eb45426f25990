"""From a fact to roles (addresses), from roles to people (messages): nobody twice, and never silently nobody.

Whoever holds the role on the day of the fact is told of it, in whatever order the fact and the role are heard of.
So the same addresses are looked at again when somebody new becomes known, and every order ends alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Final

from notifier.domain.facts import Fact
from notifier.domain.rules import Audience, Channel, Of, Rule, Rules, Urgency
from notifier.domain.wishes import Wish


class Kind(StrEnum):
    """What sort of place people are looked for in."""

    CLUSTER = "cluster"
    ORGANISATION = "organisation"
    COUNCIL = "council"
    #: Wherever the provider's organisation is.
    PROVIDER = "provider"
    #: Every organisation of a sector.
    SECTOR = "sector"


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
SOCIAL_CARE: Final = Place(Kind.SECTOR, "social-care")
#: So many people may cover for each other in turn.
_MOST_COVERS: Final = 5


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
    #: The child's schools, and the social workers' organisations, that take part.
    schools: tuple[str, ...] = ()
    social_care: tuple[str, ...] = ()


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
    #: The role in which they are told.
    role: str
    #: Ways beside the inbox.
    channels: frozenset[Channel] = frozenset()
    #: Whom they stand in for while that person is away.
    covers: str | None = None
    #: The rung of the ladder on which they stand; 0: in the role itself.
    rung: int = 0

    @property
    def by_email(self) -> bool:
        """Whether a letter goes with it."""
        return Channel.EMAIL in self.channels


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

    #: Provider -> its organisation.
    providers: Mapping[str, str] = field(default_factory=dict)
    #: Person -> how they want to be told.
    wishes: Mapping[str, Wish] = field(default_factory=dict)

    @staticmethod
    def of(
        holders: Iterable[Holder],
        leads: Mapping[str, str],
        providers: Mapping[str, str] | None = None,
        wishes: Mapping[str, Wish] | None = None,
    ) -> "Context":
        """Put everybody where they can be found: at their cluster, organisation and sector, at the council."""
        at: dict[Place, list[Holder]] = {}
        for holder in holders:
            at.setdefault(Place(Kind.ORGANISATION, holder.organisation_id), []).append(holder)
            at.setdefault(Place(Kind.SECTOR, holder.sector), []).append(holder)
            if holder.cluster_id is not None:
                at.setdefault(Place(Kind.CLUSTER, holder.cluster_id), []).append(holder)
            if holder.sector == COUNCIL_SECTOR:
                at.setdefault(COUNCIL, []).append(holder)
        return Context(at, leads, providers or {}, wishes or {})

    def people(self, roles: Sequence[str], place: Place, day: date) -> dict[str, Holder]:
        """Person -> the first of their roles: those in these roles at a place on a day."""
        found = [h for h in self.holders.get(self._where(place), ()) if h.serves(roles, day)]
        lead = self.leads.get(place.id) if place.kind is Kind.CLUSTER else None
        if lead is not None and roles:
            # A role at the lead school's organisation without a cluster is held for all that it leads.
            found += [
                h
                for h in self.holders.get(Place(Kind.ORGANISATION, lead), ())
                if h.cluster_id is None and h.serves(roles, day)
            ]
        first: dict[str, Holder] = {}
        for holder in sorted(found, key=lambda h: (roles.index(h.role) if roles else 0, h.role)):
            first.setdefault(holder.person_id, holder)
        return first

    def away(self, person_id: str, day: date) -> bool:
        """Whether somebody is absent."""
        wish = self.wishes.get(person_id)
        return wish is not None and wish.away(day)

    def cover(self, person_id: str, day: date) -> str | None:
        """Who takes the messages of somebody who is away; None: nobody."""
        now = person_id
        for _ in range(_MOST_COVERS):
            cover = self.wishes[now].cover if now in self.wishes else None
            if cover is None or cover == person_id:
                return None
            if not self.away(cover, day):
                return cover
            now = cover
        return None

    def _where(self, place: Place) -> Place:
        if place.kind is not Kind.PROVIDER:
            return place
        return Place(Kind.ORGANISATION, self.providers.get(place.id, ""))


def addresses(fact: Fact, case: Case, rules: Rules) -> tuple[Address, ...]:
    """Every role that must hear of a fact, by the rules of its day."""
    urgency = fact.urgency or case.urgency
    return tuple(
        address_at(fact, rule, place, rules, urgency=urgency)
        for rule in rules.for_event(fact.type, fact.on, before=fact.before)
        if (not rule.only_if or urgency in rule.only_if) and rule.fits(fact.said)
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
        Of.REFERRING: _organisations(*case.referring),
        Of.ASKED: _organisations(fact.asked_of),
        Of.NAMED: _organisations(fact.organisation_id),
        Of.NAMED_EACH: _organisations(*fact.organisation_ids),
        Of.OBLIGED: _organisations(fact.holder),
        Of.PROVIDER: (Place(Kind.PROVIDER, fact.provider_id),) if fact.provider_id else (),
        Of.SCHOOL: _organisations(*case.schools),
        Of.SOCIAL_CARE: _organisations(*case.social_care) or (SOCIAL_CARE,),
        Of.COUNCIL: (COUNCIL,),
    }
    return everywhere[of]


def _organisations(*ids: str | None) -> tuple[Place, ...]:
    return tuple(Place(Kind.ORGANISATION, id) for id in sorted({id for id in ids if id}))


def places_to_look(
    found: Iterable[Address], leads: Mapping[str, str], providers: Mapping[str, str] | None = None
) -> frozenset[Place]:
    """Everywhere that people may have to be looked for, ladders included."""
    places = {COUNCIL}
    for address in found:
        places.add(address.place)
        if address.place.kind is Kind.PROVIDER and address.place.id in (providers or {}):
            places.add(Place(Kind.ORGANISATION, (providers or {})[address.place.id]))
        if any(step.of is Of.SOCIAL_CARE for step in address.rule.ladder):
            places.add(SOCIAL_CARE)
        if address.place.kind is Kind.CLUSTER and address.place.id in leads:
            places.add(Place(Kind.ORGANISATION, leads[address.place.id]))
    return frozenset(places)


def tell(address: Address, context: Context, *, after: int = 0) -> Told:
    """The people of an address: those in the role, or else the first rung of the ladder that has anybody present.

    Who is away keeps the line in their inbox, and nothing leaves for them; who covers is told in their place. `after`
    skips so many rungs: those who were told and did not look.
    """
    day = address.fact.on
    messages: dict[str, Message] = {}
    for rung, (roles, place) in enumerate(_rungs(address, context)):
        if rung < after:
            continue
        people = context.people(roles, place, day) if place is not None else {}
        present = False
        for person_id, holder in sorted(people.items()):
            away = context.away(person_id, day)
            stand_in = context.cover(person_id, day) if away else None
            present = present or not away or stand_in is not None
            _add(messages, _message(address, context, person_id, holder, rung, away=away))
            if stand_in is not None:
                _add(messages, _message(address, context, stand_in, holder, rung, covers=person_id))
        if present:
            told = tuple(messages[p] for p in sorted(messages) if p != address.fact.actor)
            return Told(address, rung, told)
    return Told(address, None, tuple(messages[p] for p in sorted(messages) if p != address.fact.actor))


def _rungs(address: Address, context: Context) -> Iterable[tuple[tuple[str, ...], Place | None]]:
    yield address.roles, address.place
    for step in address.rule.ladder:
        yield step.roles, _step(step, address.place, context.leads)


def _add(messages: dict[str, Message], message: Message) -> None:
    """Their own role goes before somebody else's."""
    if message.person_id not in messages or messages[message.person_id].covers is not None:
        messages[message.person_id] = message


def _message(
    address: Address,
    context: Context,
    person_id: str,
    holder: Holder,
    rung: int,
    *,
    away: bool = False,
    covers: str | None = None,
) -> Message:
    wish = context.wishes.get(person_id, Wish()).in_role(holder.role)
    wants_email = wish.email and (holder.wants_email or covers is not None)
    wanted = {Channel(c) for c in wish.channels} | ({Channel.EMAIL} if wants_email else set())
    return Message(
        event_id=address.fact.event_id,
        person_id=person_id,
        rule=address.rule,
        place=address.place,
        urgency=address.urgency,
        role=holder.role,
        channels=frozenset() if away else address.rule.channels & frozenset(wanted),
        covers=covers,
        rung=rung,
    )


def _step(step: Audience, place: Place, leads: Mapping[str, str]) -> Place | None:
    """Where a rung is, seen from the place where nobody was found."""
    if step.of is Of.COUNCIL:
        return COUNCIL
    if step.of is Of.SOCIAL_CARE:
        return SOCIAL_CARE
    if place.kind is not Kind.CLUSTER:
        return None
    if step.of is Of.CLUSTER:
        return place
    lead = leads.get(place.id)
    return Place(Kind.ORGANISATION, lead) if lead is not None else None


def one_each(told: Iterable[Told], rules: Rules) -> tuple[Message, ...]:
    """At most one message for each fact and person: the most urgent, then the rule that stands first."""
    best: dict[tuple[str, str], tuple[tuple[bool, bool, int, str], Message]] = {}
    for message in (message for found in told for message in found.messages):
        rank = (
            message.covers is not None,
            message.urgency is not Urgency.AT_ONCE,
            rules.order(message.rule.id),
            message.place.key,
        )
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
    return tuple(m if m.urgency is Urgency.AT_ONCE else replace(m, channels=frozenset()) for m in messages)
