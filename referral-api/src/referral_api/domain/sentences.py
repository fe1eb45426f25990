"""An event in plain words: a template of the timeline, filled with what the event says."""

import string
from collections.abc import Callable, Mapping
from typing import Any

#: (kind, value) -> words. The kind is what stands after the colon in a template: a registry, or whose name to look up.
Say = Callable[[str, str], str]

_FORMATTER = string.Formatter()


def sentence(template: str, data: Mapping[str, Any], say: Say) -> str:
    """`{field}` is the field as it is, `{field:kind}` what `say` makes of it; a list is told with commas and "and"."""
    parts: list[str] = []
    for literal, field, kind, _ in _FORMATTER.parse(template):
        parts.append(literal)
        if field is not None:
            parts.append(_told(data.get(field), kind or "", say))
    return " ".join("".join(parts).split())


def fallback(event_type: str) -> str:
    """Words for an event that nobody has written a template for: `jointly.plan.agreed.v1` is "Plan agreed."."""
    words = event_type.split(".")[1:-1]
    return " ".join(words).replace("-", " ").capitalize() + "."


def _told(value: Any, kind: str, say: Say) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        told = [_told(each, kind, say) for each in value]
        return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}" if told else ""
    if isinstance(value, Mapping):
        return _told(value.get("type"), kind, say)
    return say(kind, str(value)) if kind else str(value)
