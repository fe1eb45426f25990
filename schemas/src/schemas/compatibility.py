"""What would break a reader: two states of the contracts compared, each difference that is more than an addition named.

Contracts grow by optional fields. Old readers must go on reading new events, and new readers old ones, since topics
are replayed: so looser is a break as much as tighter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Schema = Mapping[str, Any]

Kind = Literal[
    "event-removed",
    "topic-left",
    "subject-changed",
    "field-removed",
    "required-field-added",
    "field-added-to-closed",
    "became-required",
    "became-optional",
    "type-changed",
    "values-narrowed",
    "values-widened",
    "limit-tightened",
    "limit-loosened",
    "pattern-changed",
    "format-changed",
    "alternatives-changed",
    "registry-changed",
    "keyword-changed",
    "code-removed",
    "code-begins-later",
    "topic-removed",
    "speaker-changed",
    "partitions-changed",
    "compaction-changed",
    "kept-shorter",
]

#: A larger number lets less through; and a smaller one.
_FLOORS: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_CEILINGS: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
_ALTERNATIVES: Final = ("anyOf", "oneOf", "allOf")
#: Says something to people alone.
_REMARKS: Final = frozenset(
    {"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "deprecated", "x-type"}
)
_COMPARED: Final = frozenset(
    {*_FLOORS, *_CEILINGS, *_ALTERNATIVES, "type", "enum", "const", "multipleOf", "pattern", "format", "items"}
    | {"properties", "required", "x-codes", "x-topics", "x-subject"}
)


@dataclass(frozen=True, slots=True)
class Contracts:
    """All that is promised to readers."""

    #: The JSON Schema of each event by its type.
    events: Mapping[str, Schema]
    #: The code registries by name.
    codes: Mapping[str, Mapping[str, Any]]
    #: The topics by name, as `topics.json` has them.
    topics: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, order=True)
class Break:
    """One difference that a reader may fall over."""

    #: The event's type, or the name of the registry or topic.
    contract: str
    #: A JSON pointer into the data, `*` for each member of a list; or the code.
    where: str
    kind: Kind

    def __str__(self) -> str:
        """As a line of a report."""
        return f"{self.contract} {self.where or '/'}: {self.kind}"


def breaks(old: Contracts, new: Contracts) -> tuple[Break, ...]:
    """Every break between two states of all contracts, in order. A new event, registry or topic is none."""
    found: list[Break] = []
    for name, schema in old.events.items():
        if name in new.events:
            found += (Break(name, where, kind) for where, kind in schema_breaks(schema, new.events[name]))
        else:
            found.append(Break(name, "", "event-removed"))
    for name, topic in old.topics.items():
        found += (Break(name, "", kind) for kind in _compare_topics(topic, new.topics.get(name)))
    for name, registry in old.codes.items():
        later = {each["code"]: each["since"] for each in reversed(new.codes.get(name, {"codes": ()})["codes"])}
        for each in registry["codes"]:
            since = later.get(each["code"])
            if since is None:
                found.append(Break(name, each["code"], "code-removed"))
            elif since > each["since"]:
                found.append(Break(name, each["code"], "code-begins-later"))
    return tuple(sorted(set(found)))


def schema_breaks(old: Schema, new: Schema) -> tuple[tuple[str, Kind], ...]:
    """Every break between two JSON Schemas of one event, as (where, kind), in order."""
    return tuple(sorted(set(_compare(_plain(old, old, ()), _plain(new, new, ()), ""))))


def _compare_topics(old: Mapping[str, Any], new: Mapping[str, Any] | None) -> Iterator[Kind]:
    if new is None:
        yield "topic-removed"
        return
    if old["speaker"] != new["speaker"]:
        yield "speaker-changed"
    # A subject's later events would come on another partition than its earlier ones, and may overtake them.
    if old["partitions"] != new["partitions"]:
        yield "partitions-changed"
    if old["compacted"] != new["compacted"]:
        yield "compaction-changed"
    if new["kept_days"] < old["kept_days"]:
        yield "kept-shorter"


def _compare(old: Schema, new: Schema, where: str) -> Iterator[tuple[str, Kind]]:
    if old.get("type") != new.get("type"):
        yield where, "type-changed"
        return
    yield from _compare_contract(old, new, where)
    yield from _compare_values(old, new, where)
    yield from _compare_limits(old, new, where)
    yield from _compare_fields(old, new, where)
    if isinstance(old.get("items"), Mapping) and isinstance(new.get("items"), Mapping):
        yield from _compare(old["items"], new["items"], f"{where}/*")
    elif old.get("items") != new.get("items"):
        yield where, "type-changed"
    if any(old.get(word) != new.get(word) for word in _ALTERNATIVES):
        yield where, "alternatives-changed"
    if any(old.get(word) != new.get(word) for word in (old.keys() | new.keys()) - _COMPARED):
        yield where, "keyword-changed"


def _compare_contract(old: Schema, new: Schema, where: str) -> Iterator[tuple[str, Kind]]:
    if set(old.get("x-topics", ())) - set(new.get("x-topics", ())):
        yield where, "topic-left"
    if old.get("x-subject") != new.get("x-subject"):
        yield where, "subject-changed"
    if old.get("x-codes") not in {None, new.get("x-codes")}:
        yield where, "registry-changed"


def _compare_values(old: Schema, new: Schema, where: str) -> Iterator[tuple[str, Kind]]:
    before, after = _values(old), _values(new)
    if after is not None and (before is None or not before <= after):
        yield where, "values-narrowed"
    if before is not None and (after is None or not after <= before):
        yield where, "values-widened"


def _compare_limits(old: Schema, new: Schema, where: str) -> Iterator[tuple[str, Kind]]:
    for words, sign in ((_FLOORS, 1), (_CEILINGS, -1)):
        for word in words:
            before, after = old.get(word), new.get(word)
            if before != after:
                tighter = before is None or (after is not None and (after - before) * sign > 0)
                yield where, "limit-tightened" if tighter else "limit-loosened"
    before, after = old.get("multipleOf"), new.get("multipleOf")
    if before != after:
        tighter = before is None or (after is not None and after % before == 0)
        yield where, "limit-tightened" if tighter else "limit-loosened"
    if old.get("pattern") != new.get("pattern"):
        yield where, "pattern-changed"
    if old.get("format") != new.get("format"):
        yield where, "format-changed"


def _compare_fields(old: Schema, new: Schema, where: str) -> Iterator[tuple[str, Kind]]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in before.keys() - after.keys():
        yield f"{where}/{name}", "field-removed"
    for name in after.keys() - before.keys():
        if name in needed_after:
            yield f"{where}/{name}", "required-field-added"
        if old.get("additionalProperties") is False:
            yield f"{where}/{name}", "field-added-to-closed"
    for name in before.keys() & after.keys():
        if name in needed_after - needed_before:
            yield f"{where}/{name}", "became-required"
        if name in needed_before - needed_after:
            yield f"{where}/{name}", "became-optional"
        yield from _compare(before[name], after[name], f"{where}/{name}")


def _values(schema: Schema) -> set[str] | None:
    """The values that are allowed, when they are listed; by their text, since 1 and true are equal to Python."""
    if "const" in schema:
        return {repr(schema["const"])}
    return {repr(each) for each in schema["enum"]} if "enum" in schema else None


def _plain(schema: Schema, root: Schema, trail: tuple[str, ...]) -> Schema:
    """The schema without remarks and references, so that a part may be renamed or moved without a difference."""
    plain: dict[str, Any] = {}
    for word, value in schema.items():
        if word in _REMARKS:
            continue
        if word == "$ref":
            # A part that contains itself stays a reference the second time round.
            name = value.rpartition("/")[2]
            part = {"$ref": value} if name in trail else _plain(root["$defs"][name], root, (*trail, name))
            plain |= part
        elif word == "allOf" and len(value) == 1:
            plain |= _plain(value[0], root, trail)
        elif word in _ALTERNATIVES:
            plain[word] = [_plain(each, root, trail) for each in value]
        elif word == "properties":
            plain[word] = {name: _plain(each, root, trail) for name, each in value.items()}
        elif word in {"items", "additionalProperties"} and isinstance(value, Mapping):
            plain[word] = _plain(value, root, trail)
        else:
            plain[word] = value
    return plain
