"""Subscriptions, deliveries, rules and samples for the pages."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from schemas.event import event_types

from portal.clients.api import Part
from portal.domain.samples import sample
from portal.domain.words import plain
from portal.views.casework import event_words
from portal.views.wording import label

Json = dict[str, Any]

_WAYS = {"webhook": "Signed webhook", "http-feed": "HTTP feed", "sse": "Server-sent events", "kafka": "Kafka topic"}
_SECONDS_LATE = 60


def subscriptions(found: Part, healths: Sequence[Part]) -> list[Json]:
    """Each with its health; those in trouble first."""
    rows = [
        subscription(one, health)
        for one, health in zip(found.items, [*healths, *[Part(404)] * len(found.items)], strict=False)
    ]
    return sorted(rows, key=lambda row: (row["well"], row["who"]))


def subscription(one: Json, health: Part) -> Json:
    """A subscription with its health."""
    said = health.data
    failed = int(said.get("failures_in_a_row") or 0)
    lag = float(said.get("lag_seconds") or 0)
    delivery = one.get("delivery") or {}
    return {
        **one,
        "who": one.get("organisation_id") or f"{label(one.get('sector'), 'sectors')}: the county-wide system",
        "sector_words": label(one.get("sector"), "sectors"),
        "way": _WAYS.get(delivery.get("way", ""), plain(delivery.get("way") or "")),
        "where": delivery.get("url") or delivery.get("topic") or "",
        "state_words": plain(one.get("state") or ""),
        "why": plain(one["reason"]) if one.get("reason") else "",
        "purposes_words": ", ".join(label(each, "disclosure-purposes") for each in one.get("purposes") or ()),
        "bases_words": ", ".join(label(each, "basis-kinds") for each in one.get("bases") or ()),
        "filters": [
            (plain(name), ", ".join(map(str, values))) for name, values in (one.get("filter") or {}).items() if values
        ],
        "health": said if health.ok else {},
        "well": one.get("state") == "active" and failed == 0 and lag < _SECONDS_LATE,
        "failed": failed,
    }


def deliveries(found: Part) -> list[Json]:
    """The last attempts."""
    return [
        {
            **one,
            "what": event_words(one.get("type")),
            "state_words": plain(one.get("state") or ""),
            "reason_words": plain(one["reason"]) if one.get("reason") else "",
        }
        for one in found.items
    ]


def agreements(found: Part) -> list[Json]:
    """On what agencies' listening rests."""
    return [
        {
            **one,
            "sector_words": label(one.get("sector"), "sectors"),
            "purposes_words": ", ".join(label(each, "disclosure-purposes") for each in one.get("purposes") or ()),
        }
        for one in found.items
    ]


def rules(found: Part) -> list[Json]:
    """What leaves the house, to whom, and why."""
    return [
        {
            "what": event_words(one["type"]),
            "name": one["type"],
            "to": ", ".join(label(each, "sectors") for each in one.get("sectors") or ()) or plain(one.get("to") or ""),
            "fields": ", ".join(one.get("fields") or ()),
            "why": one.get("why"),
        }
        for one in found.items
    ]


@cache
def kinds() -> list[tuple[str, str]]:
    """(type, words) of every event."""
    return sorted((name, event_words(name)) for name in event_types())


def event(name: str) -> Json | None:
    """What an event says, with a sample made from its contract."""
    kind = event_types().get(name)
    if kind is None:
        return None
    # What a reader could not take has no topic of its own.
    topic = getattr(kind, "topic", None)
    schema = kind.model_json_schema()
    components = schema.get("$defs", {})
    return {
        "type": name,
        "title": event_words(name),
        "says": (kind.__doc__ or "").strip(),
        "topic": topic.name if topic else "its reader's own topic",
        "fields": [
            (field, part.get("description", ""), field in schema.get("required", ()))
            for field, part in schema.get("properties", {}).items()
        ],
        "sample": json.dumps(
            {
                "specversion": "1.0",
                "id": "019b0000-0000-7000-8000-000000000000",
                "source": f"/{topic.speaker if topic else '…'}",
                "type": name,
                "subject": "…",
                "time": "2026-11-23T09:30:00Z",
                "datacontenttype": "application/json",
                "data": sample(schema, components),
            },
            indent=2,
            ensure_ascii=False,
        ),
    }
