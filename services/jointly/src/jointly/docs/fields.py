"""The fields of an event as people read them: one row each, those of its parts below it, every rule in words."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from schemas.event import Code, Id, Name, Pointer, Urn

Schema = Mapping[str, Any]

#: What the patterns of the contracts mean.
_PATTERNS: Final = {
    get_args(kind)[1].pattern: words
    for kind, words in (
        (Id, "id"),
        (Code, "code"),
        (Pointer, "JSON pointer"),
        (Name, "name of a type or topic"),
        (Urn, "six digits"),
    )
}
_PATTERNS["^[1-9][0-9]{0,9}$"] = "whole number, as text"
_FORMATS: Final = {"date": "date", "date-time": "date and time, UTC", "uri": "address", "uri-reference": "path"}
#: What a field says of itself by its name, where nobody has said more. The first that fits.
_NAMES: Final = (
    (re.compile(r"(.+)_id$"), "The id of the {}."),
    (re.compile(r"(.+)_pence$"), "{}, in pence."),
    (re.compile(r"(financial_year)$"), "The {}: 2026-27 begins in April 2026."),
    (re.compile(r"(.+)_on$"), "The day: {}."),
    (re.compile(r"(.+)_(?:at|until)$"), "The moment: {}."),
    (re.compile(r"(.+)_urn$"), "The number of the {} in the register of schools."),
)
_PARTS_DEEP: Final = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One field. `path` leads from the data to it; `[]` is each member of a list."""

    path: str
    type: str
    required: bool
    meaning: str
    #: The code list that its values are from.
    codes: str | None


def rows(components: Mapping[str, Schema], schema: Schema) -> list[Row]:
    """Every field of a schema and of its parts, in their order."""
    return list(_rows(components, schema, "", 0))


def _rows(components: Mapping[str, Schema], schema: Schema, within: str, depth: int) -> Iterator[Row]:
    needed = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        path = f"{within}{name}"
        part = part_of(components, field)
        meaning = field.get("description") or (part or {}).get("description") or _by_name(name)
        yield Row(path, in_words(components, field), name in needed, meaning, _codes(field))
        if part is not None and depth < _PARTS_DEEP:
            member = "[]" if field.get("type") == "array" else ""
            yield from _rows(components, part, f"{path}{member}.", depth + 1)


def part_of(components: Mapping[str, Schema], field: Schema) -> Schema | None:
    """The part that a field, or each member of its list, is."""
    inner = _inner(field.get("items", field))
    target = inner.get("$ref")
    if target is None:
        return inner if "properties" in inner else None
    return components[str(target).rpartition("/")[2]]


def in_words(components: Mapping[str, Schema], field: Schema) -> str:
    """What may stand in a field."""
    field = _inner(field)
    match field:
        case {"$ref": str(target)}:
            return _title(components[target.rpartition("/")[2]])
        case {"const": only}:
            return f"always {only}"
        case {"enum": [*values]}:
            return "one of " + ", ".join(map(str, values))
        case {"type": "array"}:
            return f"list{_count(field)}: {in_words(components, field.get('items', {}))}"
    words = {"string": _text, "integer": _whole, "number": _number}.get(str(field.get("type")))
    return words(field) if words else "true or false" if field.get("type") == "boolean" else "object"


def _inner(field: Schema) -> Schema:
    """Beside a description, a reference stands in an `allOf` of one."""
    one = field.get("allOf", ())
    return one[0] if len(one) == 1 else field


def _codes(field: Schema) -> str | None:
    found: str | None = field.get("x-codes") or field.get("items", {}).get("x-codes")
    return found


def _text(field: Schema) -> str:
    if "format" in field:
        return _FORMATS.get(field["format"], str(field["format"]))
    if "pattern" in field:
        return _PATTERNS.get(field["pattern"], f"text like {field['pattern']}")
    longest = field.get("maxLength")
    return f"text, up to {longest} characters" if longest else "text"


def _count(field: Schema) -> str:
    least, most = field.get("minItems"), field.get("maxItems")
    return (f", at least {least}" if least else "") + (f", at most {most}" if most else "")


def _whole(field: Schema) -> str:
    return f"whole number{_span(field)}"


def _number(field: Schema) -> str:
    return f"number{_span(field)}"


def _span(field: Schema) -> str:
    least, most, step = (field.get(word) for word in ("minimum", "maximum", "multipleOf"))
    said = f" from {least:,}" if least is not None else ""
    said += f" to {most:,}" if most is not None else ""
    return said + (f", in steps of {step:,}" if step else "")


def _title(part: Schema) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(part.get("title", "part"))).lower()


def _by_name(name: str) -> str:
    for pattern, words in _NAMES:
        found = pattern.fullmatch(name)
        if found:
            said = words.format(found[1].replace("_", " "))
            return said[0].upper() + said[1:]
    return ""
