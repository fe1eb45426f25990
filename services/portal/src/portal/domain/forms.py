"""Forms from what the API says it takes: a JSON schema becomes fields, what was typed becomes a body again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

Json = dict[str, Any]

#: Empty rows that a list of things begins with.
ROWS: Final = 4
MOST_ROWS: Final = 60
#: A text that may be longer than this is written in an area.
_LONG: Final = 300
#: More choices than this are a list to pick from.
_RADIOS: Final = 7
_PENCE: Final = 100


@dataclass(frozen=True, slots=True)
class Field:
    """One question of a form. Its name is the path of the value in the body: `child.postcode`, `findings.0.need`."""

    name: str
    #: radios, select, checkboxes, text, long, number, money, date, moment, yesno, list, group.
    kind: str
    required: bool
    codes: tuple[str, ...] = ()
    most: int | None = None
    fields: tuple["Field", ...] = ()
    says: str = ""
    only: Any = None

    @property
    def pointer(self) -> str:
        """Where the API says that something is wrong with it."""
        return "/" + self.name.replace(".", "/")

    @property
    def last(self) -> str:
        """The last word of its name."""
        return self.name.rpartition(".")[2]

    @property
    def id(self) -> str:
        """The id of its input."""
        return "field-" + self.name.replace(".", "-")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that was typed and cannot be sent."""

    field: str
    text: str


@dataclass
class _Reading:
    """Errors as they are found."""

    values: Mapping[str, Sequence[str]]
    wrong: list[Wrong] = field(default_factory=list)

    def one(self, name: str) -> str:
        found = self.values.get(name) or ("",)
        return found[0].strip()


def fields_of(schema: Json, components: Mapping[str, Json], at: str = "", *, have: Any = None) -> tuple[Field, ...]:
    """The questions that a body's schema asks, in its order; `have` is there now: lists have room for it and more."""
    whole = resolve(schema, components)
    required = set(whole.get("required", ()))
    return tuple(
        found
        for name, part in whole.get("properties", {}).items()
        if (found := _field(f"{at}{name}", part, components, required=name in required, have=_of(have, name)))
        is not None
    )


def resolve(schema: Json, components: Mapping[str, Json]) -> Json:
    """The schema behind references; of several kinds the first that is not null."""
    for _ in range(20):
        if "$ref" in schema:
            schema = {**components.get(schema["$ref"].rpartition("/")[2], {}), **_beside(schema)}
        elif "anyOf" in schema or "oneOf" in schema:
            kinds = [kind for kind in schema.get("anyOf") or schema["oneOf"] if kind.get("type") != "null"]
            schema = {**(kinds[0] if kinds else {}), **_beside(schema)}
        elif len(schema.get("allOf", ())) == 1:
            schema = {**schema["allOf"][0], **_beside(schema)}
        else:
            break
    return schema


def _beside(schema: Json) -> Json:
    return {
        name: value
        for name, value in schema.items()
        if name in {"description", "enum", "maxLength", "default"} or name == "title"
    }


def _field(  # noqa: PLR0911  one kind each
    name: str, schema: Json, components: Mapping[str, Json], *, required: bool, have: Any = None
) -> Field | None:
    whole = resolve(schema, components)
    codes = tuple(str(code) for code in whole.get("enum", ()) if code is not None)
    says = str(whole.get("description", ""))
    most = whole.get("maxLength")
    made: Json = {"name": name, "required": required, "says": says}
    if "const" in whole:
        return Field(**made, kind="only", only=whole["const"])
    if codes:
        return Field(**made, kind="radios" if len(codes) <= _RADIOS else "select", codes=codes)
    match whole.get("type"):
        case "array":
            return _list(made, whole, components, have)
        case "object":
            inner = fields_of(whole, components, f"{name}.", have=have)
            return Field(**made, kind="group", fields=inner) if inner else None
        case "boolean":
            return Field(**made, kind="yesno")
        case "integer" | "number" as kind:
            return Field(**made, kind="money" if name.endswith("_pence") else kind)
        case _:
            kind = {"date": "date", "date-time": "moment"}.get(str(whole.get("format")))
            return Field(**made, kind=kind or ("long" if most and most > _LONG else "text"), most=most)


def _list(made: Json, whole: Json, components: Mapping[str, Json], have: Any) -> Field | None:
    items = resolve(whole.get("items", {}), components)
    codes = tuple(str(code) for code in items.get("enum", ()))
    if codes:
        return Field(**made, kind="checkboxes", codes=codes)
    if items.get("type") == "object":
        name = made["name"]
        # A list within a list is short: nobody reads a form of sixteen rows.
        room = ROWS if "." not in name else ROWS // 2
        held = have if isinstance(have, list) else []
        count = min(max(room, len(held) + 1), int(whole.get("maxItems", MOST_ROWS)), MOST_ROWS)
        rows = tuple(
            Field(
                f"{name}.{n}",
                "group",
                required=False,
                fields=fields_of(items, components, f"{name}.{n}.", have=held[n] if n < len(held) else None),
            )
            for n in range(count)
        )
        return Field(**made, kind="list", fields=rows)
    return Field(**made, kind="lines")


def _of(have: Any, name: str) -> Any:
    return have.get(name) if isinstance(have, dict) else None


def fixed(fields: Sequence[Field], given: Mapping[str, Any]) -> tuple[Field, ...]:
    """The same form with some answers known: they are not asked."""
    return tuple(replace(one, kind="only", only=given[one.name]) if one.name in given else one for one in fields)


def filled(fields: Sequence[Field], have: Any) -> dict[str, list[str]]:
    """What is there now, as if it had been typed."""
    values: dict[str, list[str]] = {}
    for one in fields:
        value = (
            have[int(one.last)]
            if one.last.isdigit() and isinstance(have, list) and int(one.last) < len(have)
            else (_of(have, one.last))
        )
        if value is None:
            continue
        match one.kind:
            case "group" | "list":
                values |= filled(one.fields, value)
            case "date":
                year, month, day = str(value)[:10].split("-")
                parts = {"day": int(day), "month": int(month), "year": int(year)}
                values |= {f"{one.name}.{part}": [str(number)] for part, number in parts.items()}
            case "yesno":
                values[one.name] = ["yes" if value else "no"]
            case "money":
                values[one.name] = [f"{value / _PENCE:.2f}"]
            case "checkboxes":
                values[one.name] = [str(each) for each in value]
            case "lines":
                values[one.name] = ["\n".join(str(each) for each in value)]
            case _:
                values[one.name] = [str(value)]
    return values


def body_of(fields: Sequence[Field], values: Mapping[str, Sequence[str]]) -> tuple[Json, list[Wrong]]:
    """The body that was typed, and what is wrong with it. What was left empty is left out."""
    reading = _Reading(values)
    return _object(fields, reading, needed=True), reading.wrong


def _object(fields: Sequence[Field], reading: _Reading, *, needed: bool) -> Json:
    body: Json = {}
    for one in fields:
        value = _value(one, reading, needed=needed and one.required)
        if value is not None:
            body[one.last] = value
    return body


def _value(one: Field, reading: _Reading, *, needed: bool) -> Any:  # noqa: PLR0911  one kind each
    match one.kind:
        case "only":
            return one.only
        case "group":
            filled = _filled(one, reading)
            return _object(one.fields, reading, needed=filled or needed) if filled or needed else None
        case "list":
            rows = [_object(row.fields, reading, needed=True) for row in one.fields if _filled(row, reading)]
            return _or_missing(one, reading, rows or None, needed=needed)
        case "checkboxes":
            chosen = [code for code in reading.values.get(one.name, ()) if code]
            return _or_missing(one, reading, chosen or None, needed=needed)
        case "lines":
            typed = "\n".join(reading.values.get(one.name, ()))
            lines = [line.strip() for line in typed.splitlines() if line.strip()]
            return _or_missing(one, reading, lines or None, needed=needed)
        case "date":
            return _day(one, reading, needed=needed)
        case _:
            typed = reading.one(one.name)
            return _or_missing(one, reading, _typed(one, reading, typed) if typed else None, needed=needed)


def _typed(one: Field, reading: _Reading, typed: str) -> Any:
    match one.kind:
        case "yesno":
            return typed == "yes"
        case "integer" | "number" | "money":
            return _number(one, reading, typed)
        case "moment":
            return typed if typed.endswith("Z") or "+" in typed else f"{typed}:00Z"[:20]
        case _:
            return typed.replace("\r\n", "\n")


def _number(one: Field, reading: _Reading, typed: str) -> int | float | None:
    plain = typed.replace(",", "").removeprefix("£").strip()
    try:
        if one.kind == "money":
            return round(float(plain) * _PENCE)
        return int(plain) if one.kind == "integer" else float(plain)
    except (ValueError, OverflowError):
        reading.wrong.append(Wrong(one.name, "must be a number"))
        return None


def _day(one: Field, reading: _Reading, *, needed: bool) -> str | None:
    parts = [reading.one(f"{one.name}.{part}") for part in ("day", "month", "year")]
    if not any(parts):
        given = reading.one(one.name)
        found: str | None = _or_missing(one, reading, given or None, needed=needed)
        return found
    try:
        day, month, year = (int(part) for part in parts)
        return date(year, month, day).isoformat()
    except ValueError:
        reading.wrong.append(Wrong(one.name, "must be a real date, such as 27 3 2027"))
        return None


def _or_missing(one: Field, reading: _Reading, value: Any, *, needed: bool) -> Any:
    known = {wrong.field for wrong in reading.wrong}
    if value is None and needed and one.name not in known:
        reading.wrong.append(Wrong(one.name, "must be answered"))
    return value


def _filled(one: Field, reading: _Reading) -> bool:
    if one.fields:
        return any(_filled(inner, reading) for inner in one.fields if inner.kind != "only")
    names = [one.name, *(f"{one.name}.{part}" for part in ("day", "month", "year"))]
    return any(value.strip() for name in names for value in reading.values.get(name, ()))


def operation(document: Json, method: str, href: str) -> Json | None:
    """What the API says about a method of an address: the path with fewest placeholders that fits."""
    wanted = href.split("?", maxsplit=1)[0].strip("/").split("/")
    fitting = [
        (path.count("{"), operations[method.lower()])
        for path, operations in document.get("paths", {}).items()
        if method.lower() in operations and _fits(path.strip("/").split("/"), wanted)
    ]
    found: Json | None = min(fitting, key=lambda one: one[0])[1] if fitting else None
    return found


def _fits(pattern: list[str], wanted: list[str]) -> bool:
    return len(pattern) == len(wanted) and all(
        part == word or (part.startswith("{") and part.endswith("}"))
        for part, word in zip(pattern, wanted, strict=True)
    )


def body_schema(found: Json) -> Json | None:
    """The schema of an operation's body."""
    content = (found.get("requestBody") or {}).get("content") or {}
    for media in ("application/json", "application/merge-patch+json"):
        if media in content:
            schema: Json = content[media].get("schema", {})
            return schema
    return None
