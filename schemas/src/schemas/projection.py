"""What leaves the house: an event without the fields that its hearer has no right to.

It keeps its id, type, subject, time and correlation; its source is the stream it is told on, which counts it anew, so
that a hearer sees a gap where something was lost and not where something was none of its business.
"""

from typing import Any, Final

from schemas.contracts import json_schema
from schemas.event import Event

#: Where the JSON Schema of an event's projected data is published; `{type}` is the event's type.
PROJECTED_DATASCHEMA: Final = "https://schemas.jointly.example/feeds/{type}.json"


def projected_dataschema(type: str) -> str:
    """The absolute address of the schema of an event's data as it leaves the house."""
    return PROJECTED_DATASCHEMA.format(type=type)


def projected_schema(kind: type[Event]) -> dict[str, Any]:
    """The schema of an event's data as it leaves the house: the same fields, only the subject required."""
    whole = json_schema(kind)
    parts = {name: _loosened(part) for name, part in whole.get("$defs", {}).items()}
    return {
        **whole,
        "$id": projected_dataschema(kind.type),
        "description": f"{whole['description']} As told outside: fields that the hearer may not have are left out.",
        "required": [kind.subject_field],
        **({"$defs": parts} if parts else {}),
    }


def _loosened(part: dict[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in part.items() if word != "required"}
