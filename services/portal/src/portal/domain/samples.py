"""A sample of what a JSON schema describes: plainly made up, and the same each time."""

from collections.abc import Mapping
from typing import Any, Final

from portal.domain.forms import resolve

_DEEP: Final = 8
_FORMATS: Final = {"date": "2026-11-23", "date-time": "2026-11-23T09:30:00Z", "uri": "https://example.org/"}


def sample(  # noqa: C901, PLR0911  one kind of value each
    schema: Mapping[str, Any], components: Mapping[str, Any], depth: int = 0
) -> Any:
    """A value of the schema."""
    whole = resolve(dict(schema), components)
    for name in ("const", "default"):
        if whole.get(name) is not None:
            return whole[name]
    if whole.get("examples"):
        return whole["examples"][0]
    if whole.get("enum"):
        return whole["enum"][0]
    match whole.get("type"):
        case "object":
            inside = whole.get("properties", {}) if depth < _DEEP else {}
            return {name: sample(part, components, depth + 1) for name, part in inside.items()}
        case "array":
            return [sample(whole.get("items", {}), components, depth + 1)] if depth < _DEEP else []
        case "integer":
            return int(whole.get("minimum", 1))
        case "number":
            return float(whole.get("minimum", 1))
        case "boolean":
            return True
        case "string":
            return _FORMATS.get(str(whole.get("format")), "…")
        case _:
            return None
