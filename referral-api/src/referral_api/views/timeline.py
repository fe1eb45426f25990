"""A fact of a case's timeline in plain words."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from schemas.codes import NoSuchCode, NoSuchRegistry, registry

from referral_api.domain.sentences import fallback, sentence
from referral_api.views.outgoing import instant

#: Kinds of a template that stand for the name of something, by its id.
_NAMED = frozenset({"cluster", "organisation"})


def told(
    row: Mapping[str, Any],
    data: Mapping[str, Any],
    templates: Mapping[str, str],
    names: Mapping[tuple[str, str], str],
) -> dict[str, Any]:
    """`TimelineEntryOut` of a row and what the event said."""

    def say(kind: str, value: str) -> str:
        if kind in _NAMED:
            return names.get((kind, value), value)
        if kind == "date":
            return _date(value)
        with suppress(NoSuchRegistry, NoSuchCode):
            return registry(kind).label(value)
        return value

    template = templates.get(row["type"])
    return {
        "id": row["event_id"],
        "at": instant(row["at"]),
        "source": row["source"],
        "sequence": row["sequence"],
        "type": row["type"],
        "text": fallback(row["type"]) if template is None else sentence(template, data, say),
    }


def ids_in(data: Mapping[str, Any]) -> Iterator[str]:
    """Whatever may be the id of a cluster or an organisation."""
    for name, value in data.items():
        if isinstance(value, str) and name.endswith(("_id", "_by", "_of")):
            yield value


def _date(text: str) -> str:
    try:
        day = (
            date.fromisoformat(text) if len(text) == len("2026-11-23") else datetime.fromisoformat(text).astimezone(UTC)
        )
    except ValueError:
        return text
    return f"{day.day} {day:%B %Y}"
