"""A fact of a case's timeline in plain words."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from schemas.codes import NoSuchCode, NoSuchRegistry, registry

from referral_api.domain.sentences import fallback, sentence
from referral_api.views.outgoing import instant

#: Kinds of a template that stand for the name of something, by its id.
_NAMED: Final = frozenset({"cluster", "organisation", "provider", "school"})


@dataclass(frozen=True, slots=True)
class Words:
    """What a reader's timeline is told with."""

    sentences: Mapping[str, str]
    #: Type -> the sentence without what others may not see.
    for_others: Mapping[str, str]
    by: Mapping[str, str]
    services: Mapping[str, str]
    late_after: timedelta


def told(
    row: Mapping[str, Any],
    data: Mapping[str, Any],
    templates: Mapping[str, str],
    names: Mapping[tuple[str, str], str],
    words: Words | None = None,
) -> dict[str, Any]:
    """`TimelineEntryOut` of a row and what the event said; without `words`, only the sentence is made of words."""

    def say(kind: str, value: str) -> str:
        return _said(kind, value, names)

    template = templates.get(row["type"])
    source = str(row["source"])
    service = source.strip("/").partition("/")[0]
    by = words.by.get(row["type"]) if words else None
    return {
        "id": row["event_id"],
        "at": instant(row["at"]),
        "source": source,
        "service": service,
        "sequence": row["sequence"],
        "type": row["type"],
        "kind": ".".join(str(row["type"]).split(".")[1:-1]),
        "text": fallback(row["type"]) if template is None else sentence(template, data, say),
        "by": sentence(by, data, say) if by else (words.services if words else {}).get(service, service),
        "late": _is_late(row, data, words),
        "heard_at": instant(row.get("heard_at")),
        "people": data.get("people"),
        "rule": data.get("rule") if service == "notifier" else None,
    }


def shown(
    row: Mapping[str, Any],
    data: Mapping[str, Any],
    words: Words,
    names: Mapping[tuple[str, str], str],
    *,
    works: bool,
    own_requests: Collection[str],
) -> dict[str, Any]:
    """The same as far as somebody may see it: `own_requests` are the requests for money of their organisation."""
    full = works or data.get("request_id") in own_requests
    return told(row, data, words.sentences if full else {**words.sentences, **words.for_others}, names, words)


def ids_in(data: Mapping[str, Any]) -> Iterator[str]:
    """Whatever may be the id of a cluster, an organisation, a provider or a school."""
    for name, value in data.items():
        if isinstance(value, str) and name.endswith(("_id", "_by", "_of", "_urn", "holder")):
            yield value
        elif isinstance(value, list) and name.endswith("_ids"):
            yield from map(str, value)


def _is_late(row: Mapping[str, Any], data: Mapping[str, Any], words: Words | None) -> bool:
    if data.get("days_late") and not str(row["type"]).startswith("jointly.advice."):
        return True
    delay = row.get("delay_seconds")
    return words is not None and delay is not None and delay > words.late_after.total_seconds()


def _said(kind: str, value: str, names: Mapping[tuple[str, str], str]) -> str:
    if kind in _NAMED:
        return names.get((kind, value), value)
    if kind == "date":
        return _date(value)
    if kind == "pounds":
        return f"£{int(value) / 100:,.2f}".removesuffix(".00")
    if kind in _COUNTED:
        one, many = _COUNTED[kind]
        return f"{value} {one if value == '1' else many}"
    with suppress(NoSuchRegistry, NoSuchCode):
        return registry(kind).label(value)
    return value


_COUNTED: Final = {
    "people": ("person was", "people were"),
    "messages": ("message", "messages"),
    "days": ("day", "days"),
}


def _date(text: str) -> str:
    try:
        day = (
            date.fromisoformat(text) if len(text) == len("2026-11-23") else datetime.fromisoformat(text).astimezone(UTC)
        )
    except ValueError:
        return text
    return f"{day.day} {day:%B %Y}"
