"""The JSON Schema of every event, made from its class: what a reader in any language can check against."""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

import schemas
from schemas.codes import FIELDS
from schemas.event import Contract, Event, event_types
from schemas.topics import TOPICS, Topic

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REMARK: Final = "#:"


class _AsWritten(GenerateJsonSchema):
    """The form on the wire, where an optional field that is not there is left out and never null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        written = super().default_schema(schema)
        if written.get("default", ...) is None:
            del written["default"]
        return written

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  a field's name is its title
        return False


def every_event() -> dict[str, type[Event]]:
    """All events of this package by wire type, also those that nobody has imported yet."""
    for module in pkgutil.iter_modules(schemas.__path__):
        importlib.import_module(f"schemas.{module.name}")
    return {name: kind for name, kind in event_types().items() if kind.__module__.startswith("schemas.")}


def topics_of(kind: type[Event]) -> tuple[Topic, ...]:
    """Where an event may be said: its one topic, or every reader's dead letters."""
    if hasattr(kind, "topic"):
        return (kind.topic,)
    return tuple(topic for topic in TOPICS.values() if topic.name.endswith("-dead-letters"))


def leaves(kind: type[Event]) -> bool:
    """Whether an event may ever be told outside, projected: one said on an internal topic never is."""
    return not any(topic.internal for topic in topics_of(kind))


def json_schema(kind: type[Event]) -> dict[str, Any]:
    """The published schema of one event's data, complete in itself."""
    made = kind.model_json_schema(schema_generator=_AsWritten)
    inner = {name: _explained(name, each) for name, each in made.pop("$defs", {}).items()}
    made = _explained(kind.__name__, made)
    return {
        "$schema": DIALECT,
        "$id": kind.dataschema(),
        "title": made.pop("title"),
        "description": made.pop("description", ""),
        "x-type": kind.type,
        "x-topics": [topic.name for topic in topics_of(kind)],
        "x-subject": kind.subject_field,
        **({"x-subject-prefix": kind.subject_prefix} if kind.subject_prefix else {}),
        **made,
        **({"$defs": inner} if inner else {}),
    }


def shared_schemas(ref: str) -> dict[str, Any]:
    """The schema of every event and every part by class name; `ref` says where they stand: `#/x/{model}`."""
    kinds = list(every_event().values())
    made: dict[str, Any] = {}
    for kind in kinds:
        whole = kind.model_json_schema(schema_generator=_AsWritten, ref_template=ref)
        made |= whole.pop("$defs", {}) | {kind.__name__: whole}
    return {name: _explained(name, made[name]) for name in sorted(made)}


def _explained(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Add to each field what its class's source says of it, and the registry of its codes."""
    owner = _contracts()[name]
    properties = schema.get("properties", {})
    for field in properties:
        for base in owner.__mro__:
            if not issubclass(base, Contract):
                continue
            remark = _remarks(base).get(field)
            if remark is not None:
                properties[field] = _with(properties[field], "description", remark)
            codes = FIELDS.get(f"{base.__name__}.{field}")
            if codes is not None:
                properties[field] = _with(properties[field], "x-codes", codes)
    return schema


def _with(schema: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    # Beside a `$ref`, older readers of JSON Schema see nothing else.
    return {**({"allOf": [schema]} if "$ref" in schema else schema), name: value}


@cache
def _contracts() -> Mapping[str, type[Contract]]:
    found: dict[str, type[Contract]] = {}
    unseen: list[type[Contract]] = [Contract]
    while unseen:
        each = unseen.pop()
        unseen.extend(each.__subclasses__())
        if each.__module__.startswith("schemas.") and found.setdefault(each.__name__, each) is not each:
            raise TypeError(f"two contracts are called {each.__name__}")
    return found


@cache
def _remarks(owner: type[Contract]) -> Mapping[str, str]:
    """The `#:` remarks above a class's own fields, in its source."""
    lines = textwrap.dedent(inspect.getsource(owner)).splitlines()
    definition = ast.parse("\n".join(lines)).body[0]
    remarks: dict[str, str] = {}
    for node in definition.body if isinstance(definition, ast.ClassDef) else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            first = node.lineno - 1
            while lines[first - 1].lstrip().startswith(_REMARK):
                first -= 1
            remark = " ".join(line.lstrip().removeprefix(_REMARK).strip() for line in lines[first : node.lineno - 1])
            if remark:
                remarks[node.target.id] = remark
    return remarks
