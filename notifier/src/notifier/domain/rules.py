"""The rules that lead from an event to a role, as values; and how they are read from data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from schemas.event import Event


class Urgency(StrEnum):
    """How soon a person must hear of it."""

    AT_ONCE = "at-once"
    ORDINARY = "ordinary"


class Channel(StrEnum):
    """A way to a person."""

    IN_APP = "in-app"
    EMAIL = "email"
    SMS = "sms"
    #: By post.
    LETTER = "letter"
    #: A browser's notice.
    PUSH = "push"
    #: A team's own room in Teams or Slack.
    CHAT = "chat"


class Of(StrEnum):
    """Where the people of a role are looked for, as seen from an event."""

    #: The cluster that the event names.
    CLUSTER = "cluster"
    #: The cluster that holds the case; the intake desk while none does.
    HOLDER = "holder"
    #: The cluster that the case leaves.
    SENDER = "sender"
    #: The cluster that the case is offered to.
    RECEIVER = "receiver"
    #: Every organisation that referred the child.
    REFERRING = "referring-organisations"
    #: The organisation that is asked for something.
    ASKED = "asked-organisation"
    #: The organisation that the event names.
    NAMED = "named-organisation"
    #: Each of the organisations that the event names.
    NAMED_EACH = "named-organisations"
    #: The organisation that a duty is on.
    OBLIGED = "obliged-organisation"
    #: The provider that the event names.
    PROVIDER = "provider"
    #: The child's school, as a participant of the case.
    SCHOOL = "school"
    #: The social worker's organisation, as a participant; children's social care as a whole while none takes part.
    SOCIAL_CARE = "social-care"
    #: The organisation that leads the cluster; only on a ladder.
    LEAD = "lead-organisation"
    #: The council.
    COUNCIL = "council"


#: Rungs of a ladder start from the place where nobody was found, so they cannot look at the event again.
_ON_A_LADDER: Final = frozenset({Of.CLUSTER, Of.LEAD, Of.COUNCIL, Of.SOCIAL_CARE})
#: What an event must say before a rule may look there.
_NEEDS_FIELD: Final[Mapping[Of, str]] = {
    Of.CLUSTER: "cluster_id",
    Of.RECEIVER: "to_cluster_id",
    Of.ASKED: "asked_of",
    Of.NAMED: "organisation_id",
    Of.NAMED_EACH: "organisation_ids",
    Of.OBLIGED: "holder",
    Of.PROVIDER: "provider_id",
}


class UnreadableRules(ValueError):
    """The rules file says something that means nothing."""


@dataclass(frozen=True, slots=True)
class Audience:
    """People by role and place."""

    #: Any of these roles; none named: whoever has a role there.
    roles: tuple[str, ...]
    of: Of


@dataclass(frozen=True, slots=True)
class Rule:
    """Tell these people of events of this type."""

    id: str
    event: str
    since: date
    #: The last day on which it holds; None: until further notice.
    until: date | None
    to: Audience
    #: Who hears of it when nobody is in the role, in this order.
    ladder: tuple[Audience, ...]
    urgency: Urgency
    #: Urgencies of the case that make it at-once.
    at_once_if: frozenset[str]
    #: Urgencies of the case for which alone the rule holds; empty: any.
    only_if: frozenset[str]
    template: str
    channels: frozenset[Channel]
    #: What the event must say (field -> one of these), and what it must not.
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, compare=False)
    unless: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, compare=False)
    #: The field that names what the message is about, such as clock_id: whatever ends that clears the message.
    about: str | None = None
    #: Not at the event, but so many school days before the day that it names.
    before: int | None = None
    #: Whether it may wake people: quiet hours do not hold it back.
    wakes: bool = False

    def fits(self, said: Mapping[str, Any]) -> bool:
        """Whether an event that says this meets the rule's conditions."""
        return all(said.get(name) in values for name, values in self.when.items()) and not any(
            said.get(name) in values for name, values in self.unless.items()
        )

    def holds_on(self, day: date) -> bool:
        """Whether the rule is in force."""
        return self.since <= day and (self.until is None or day <= self.until)

    def urgency_of(self, case_urgency: str | None) -> Urgency:
        """How soon people must hear of it, given how urgent the case is."""
        return Urgency.AT_ONCE if case_urgency in self.at_once_if else self.urgency


@dataclass(frozen=True, slots=True)
class Clearing:
    """This event takes away the reason of earlier messages."""

    event: str
    since: date
    until: date | None
    #: The field that must say the same as the message's `about`; None: all of the case.
    same: str | None
    #: Which messages.
    rules: tuple[str, ...]
    #: Why, as a template's name.
    because: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Every rule there is or was, in order: where two reach the same person, the earlier one speaks."""

    rules: tuple[Rule, ...]
    #: Who holds what no cluster holds.
    desk: Audience
    #: How many days back somebody is told of what happened while they held the role but were not known here.
    catch_up_days: int
    clearings: tuple[Clearing, ...] = ()

    def for_event(self, event: str, day: date, *, before: int | None = None) -> tuple[Rule, ...]:
        """The rules for an event type in force on a day; `before`: those of this step ahead of its date."""
        return tuple(r for r in self.rules if r.event == event and r.before == before and r.holds_on(day))

    def steps(self, event: str, day: date) -> tuple[int, ...]:
        """How many school days ahead of its date an event type's rules speak, the earliest first."""
        return tuple(
            sorted(
                {r.before for r in self.rules if r.event == event and r.before is not None and r.holds_on(day)},
                reverse=True,
            )
        )

    def clearing(self, event: str, day: date) -> tuple[Clearing, ...]:
        """What an event of this type clears."""
        return tuple(c for c in self.clearings if c.event == event and c.since <= day <= (c.until or date.max))

    def by_id(self, rule_id: str, day: date) -> Rule | None:
        """A rule as it was in force on a day; None when it is not known any more."""
        return next((r for r in self.rules if r.id == rule_id and r.holds_on(day)), None)

    def order(self, rule_id: str) -> int:
        """Where a rule stands; unknown ones stand last."""
        return next((n for n, rule in enumerate(self.rules) if rule.id == rule_id), len(self.rules))

    @property
    def of_holders(self) -> frozenset[str]:
        """The rules that speak to whoever holds the case."""
        return frozenset(rule.id for rule in self.rules if rule.to.of is Of.HOLDER)

    @property
    def events(self) -> frozenset[str]:
        """The event types that somebody is told of."""
        return frozenset(rule.event for rule in self.rules)

    @property
    def roles(self) -> frozenset[str]:
        """Every role that a rule or a ladder names."""
        audiences = [self.desk, *(a for rule in self.rules for a in (rule.to, *rule.ladder))]
        return frozenset(role for audience in audiences for role in audience.roles)


def read_rules(data: Mapping[str, Any], contracts: Mapping[str, type[Event]]) -> Rules:
    """Rules from the parsed rules file, checked against every event there is. Raises `UnreadableRules`."""
    ladders = {name: tuple(_audience(step) for step in steps) for name, steps in data["ladders"].items()}
    for name, ladder in ladders.items():
        if any(step.of not in _ON_A_LADDER for step in ladder):
            raise UnreadableRules(f"Ladder {name} looks at the event; a rung may be {sorted(_ON_A_LADDER)}.")
    rules = tuple(_rule(entry, ladders, contracts) for entry in data["rules"])
    _refuse_overlaps(rules)
    return Rules(
        rules=rules,
        desk=_audience(data["desk"]),
        catch_up_days=int(data["catch_up_days"]),
        clearings=tuple(_clearing(entry, rules, contracts) for entry in data.get("clears", ())),
    )


def _clearing(entry: Mapping[str, Any], rules: Sequence[Rule], contracts: Mapping[str, type[Event]]) -> Clearing:
    until, known = entry.get("until"), {rule.id for rule in rules}
    named = tuple(sorted(known)) if entry["rules"] == "all" else tuple(entry["rules"])
    contract, same = contracts.get(entry["event"]), entry.get("same")
    if contract is None or (same is not None and same not in contract.model_fields) or not known >= set(named):
        raise UnreadableRules(f"What {entry['event']} clears means nothing.")
    return Clearing(
        event=entry["event"],
        since=date.fromisoformat(entry["since"]),
        until=date.fromisoformat(until) if until is not None else None,
        same=same,
        rules=tuple(id for id in named if not (entry["rules"] == "all" and _of(rules, id) == entry["event"])),
        because=entry["because"],
    )


def _of(rules: Sequence[Rule], id: str) -> str:
    return next(rule.event for rule in rules if rule.id == id)


def _audience(entry: Mapping[str, Any]) -> Audience:
    return Audience(roles=tuple(entry["roles"]), of=Of(entry["of"]))


def _rule(
    entry: Mapping[str, Any],
    ladders: Mapping[str, tuple[Audience, ...]],
    contracts: Mapping[str, type[Event]],
) -> Rule:
    name = entry.get("id", "?")
    try:
        until = entry.get("until")
        rule = Rule(
            id=entry["id"],
            event=entry["event"],
            since=date.fromisoformat(entry["since"]),
            until=date.fromisoformat(until) if until is not None else None,
            to=_audience(entry["to"]),
            ladder=ladders[entry["ladder"]],
            urgency=Urgency(entry["urgency"]),
            at_once_if=frozenset(entry.get("at_once_if", ())),
            only_if=frozenset(entry.get("only_if", ())),
            template=entry["template"],
            channels=frozenset(Channel(channel) for channel in entry["channels"]),
            when={name: tuple(values) for name, values in entry.get("when", {}).items()},
            unless={name: tuple(values) for name, values in entry.get("unless", {}).items()},
            about=entry.get("about"),
            before=entry.get("before"),
            wakes=bool(entry.get("wakes", False)),
        )
    except (KeyError, ValueError) as error:
        raise UnreadableRules(f"Rule {name}: {error}") from error
    contract = contracts.get(rule.event)
    if contract is None:
        raise UnreadableRules(f"Rule {name}: nobody says {rule.event}.")
    needed = _NEEDS_FIELD.get(rule.to.of)
    if rule.to.of is Of.LEAD or (needed is not None and needed not in contract.model_fields):
        raise UnreadableRules(f"Rule {name}: {rule.event} does not say who the {rule.to.of} is.")
    fields = {*rule.when, *rule.unless, *((rule.about,) if rule.about else ())}
    if not fields <= set(contract.model_fields):
        raise UnreadableRules(f"Rule {name}: {rule.event} does not say {sorted(fields - set(contract.model_fields))}.")
    if rule.before is not None and "due_on" not in contract.model_fields:
        raise UnreadableRules(f"Rule {name}: {rule.event} names no day to count back from.")
    if Channel.IN_APP not in rule.channels:
        raise UnreadableRules(f"Rule {name}: in-app is the record of what somebody was told; name it.")
    return rule


def _refuse_overlaps(rules: Sequence[Rule]) -> None:
    for n, rule in enumerate(rules):
        for other in rules[n + 1 :]:
            if (
                rule.id == other.id
                and rule.since <= (other.until or date.max)
                and other.since <= (rule.until or date.max)
            ):
                raise UnreadableRules(f"Rule {rule.id} holds twice on the same day.")
