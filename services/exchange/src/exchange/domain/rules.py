"""Sharing rules: which event may leave, to which sectors, for what, on which basis, with which fields, and why."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from exchange.domain.projection import Shape, shape_of


class To(StrEnum):
    """Who a rule is about."""

    #: The sectors that it names, in cases in which they take part.
    PARTICIPANTS = "participants"
    #: Everybody who was ever told something of the case, or relied on the basis that ended.
    RECIPIENTS = "recipients"
    #: The one subscription that the event is about.
    SUBSCRIBER = "subscriber"
    #: The sectors that it names: the event is about no case.
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule for one type of event."""

    id: str
    version: str
    type: str
    to: To
    sectors: tuple[str, ...]
    purposes: tuple[str, ...]
    #: Bases of the case that allow this, the one that is relied on first.
    bases: tuple[str, ...]
    shape: Shape
    why: str


class NotARuleFile(ValueError):
    """The file says something that no rule can say."""


@dataclass(frozen=True)
class Rules:
    """A version of all rules."""

    version: str
    since: date
    by_type: Mapping[str, tuple[Rule, ...]]

    def of(self, type: str, sector: str | None = None) -> tuple[Rule, ...]:
        """The rules of an event's type, for one sector or all; in the order in which they are tried."""
        return tuple(r for r in self.by_type.get(type, ()) if sector is None or not r.sectors or sector in r.sectors)


_KEYS: Final = {"id", "type", "to", "sectors", "purposes", "bases", "fields", "why"}


def read_rules(document: Mapping[str, Any], fields_of: Mapping[str, "FieldTree"]) -> Rules:
    """The rules of a file. `fields_of` names every field of every event that may leave. Raises `NotARuleFile`."""
    version, sets = document["version"], document.get("sets", {})
    by_type: defaultdict[str, list[Rule]] = defaultdict(list)
    seen: set[str] = set()
    for entry in document["rule"]:
        if unknown := entry.keys() - _KEYS:
            raise NotARuleFile(f"{entry.get('id')} says {', '.join(sorted(unknown))}, which no rule can.")
        if entry["id"] in seen:
            raise NotARuleFile(f"Two rules are called {entry['id']}.")
        seen.add(entry["id"])
        types = [entry["type"]] if isinstance(entry["type"], str) else entry["type"]
        used: set[str] = set()
        for type in types:
            if type not in fields_of:
                raise NotARuleFile(f"{entry['id']} is about {type}, which never leaves or does not exist.")
            known = [path for path in entry["fields"] if _has(fields_of[type], path)]
            used.update(known)
            by_type[type].append(_rule(entry, version, type, known, sets))
        if strange := set(entry["fields"]) - used:
            raise NotARuleFile(f"{entry['id']} names {', '.join(sorted(strange))}, which none of its events has.")
    return Rules(version, document["since"], {type: tuple(rules) for type, rules in by_type.items()})


def rules_on(book: Iterable[Rules], day: date) -> Rules:
    """The newest version that applies on a day; before the first one, the first."""
    ordered = sorted(book, key=lambda rules: rules.since)
    return next((rules for rules in reversed(ordered) if rules.since <= day), ordered[0])


#: Names of an event's fields, each with those of its part.
FieldTree = Mapping[str, "FieldTree"]


def _rule(entry: Mapping[str, Any], version: str, type: str, fields: Sequence[str], sets: Mapping[str, Any]) -> Rule:
    to = To(entry.get("to", To.PARTICIPANTS))
    rule = Rule(
        id=entry["id"],
        version=version,
        type=type,
        to=to,
        sectors=_words(entry.get("sectors", ()), sets),
        purposes=_words(entry.get("purposes", ()), sets),
        bases=_words(entry.get("bases", ()), sets),
        shape=shape_of(fields),
        why=entry["why"],
    )
    sectors, bases = to in {To.PARTICIPANTS, To.EVERYBODY}, to is To.PARTICIPANTS
    if bool(rule.sectors) is not sectors or bool(rule.purposes) is not sectors or bool(rule.bases) is not bases:
        raise NotARuleFile(f"{rule.id} needs sectors, purposes and bases as its kind has them.")
    return rule


def _words(value: str | Sequence[str], sets: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A list, or the name of one of the file's sets."""
    return tuple(sets[value]) if isinstance(value, str) else tuple(value)


def _has(tree: FieldTree, path: str) -> bool:
    for name in path.split("."):
        if name not in tree:
            return False
        tree = tree[name]
    return True
