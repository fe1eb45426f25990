"""An event in plain words: a template of the timeline, filled with what the event says."""

import re
import string
from collections.abc import Callable, Mapping
from typing import Any, Final

#: (kind, value) -> words. The kind is what stands after the colon in a template: a registry, or whose name to look up.
Say = Callable[[str, str], str]

_FORMATTER: Final = string.Formatter()
_OPTIONAL: Final = re.compile(r"\[([^\]]*)\]")


def sentence(template: str, data: Mapping[str, Any], say: Say) -> str:
    """`{field}` is the field as it is, `{field:kind}` what `say` makes of it; a list is told with commas and "and".

    `{field:?yes|no}` chooses by whether the field is so; `[a part]` is left out when a field in it is not there.
    """
    whole = _OPTIONAL.sub(lambda part: part[1] if _all_there(part[1], data) else "", template)
    parts: list[str] = []
    for literal, field, kind, _ in _FORMATTER.parse(whole):
        parts.append(literal)
        if field is not None:
            parts.append(_told(data.get(field), kind or "", say))
    return " ".join("".join(parts).split())


def fields_of(template: str) -> frozenset[str]:
    """The fields that a template speaks of."""
    return frozenset(field for _, field, _, _ in _FORMATTER.parse(_OPTIONAL.sub(r"\1", template)) if field)


def fallback(event_type: str) -> str:
    """Words for an event that nobody has written a template for: `jointly.plan.agreed.v1` is "Plan agreed."."""
    words = event_type.split(".")[1:-1]
    return " ".join(words).replace("-", " ").capitalize() + "."


def _all_there(part: str, data: Mapping[str, Any]) -> bool:
    """Nothing of nothing counts as not there: no days late, no needs left."""
    return all(data.get(field) not in (None, 0, []) for field in fields_of(part))


def _told(value: Any, kind: str, say: Say) -> str:
    if kind.startswith("?"):
        yes, _, no = kind[1:].partition("|")
        return yes if value else no
    if value is None:
        return ""
    if isinstance(value, list):
        told = [_told(each, kind, say) for each in value]
        return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}" if told else ""
    if isinstance(value, Mapping):
        return _told(value.get("type"), kind, say)
    return say(kind, str(value)) if kind else str(value)
