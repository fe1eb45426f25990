"""Providers, places, offers and matches for the pages."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.clients.api import Part
from portal.domain.words import plain
from portal.views import acts
from portal.views.wording import label

Json = dict[str, Any]


def providers(found: Part) -> list[Json]:
    """Providers, those with a free place first."""
    rows = [provider(one) for one in found.items if one.get("active", True)]
    return sorted(rows, key=lambda row: (not row["ready"], -row["open"], row["name"]))


def provider(one: Json) -> Json:
    """A provider with its places."""
    places = [
        {
            **place,
            "kind": ", ".join(
                filter(
                    None,
                    (
                        label(place["phase"], "provider-phases"),
                        label(place["session"], "place-sessions"),
                        label(place.get("need"), "need-types"),
                    ),
                )
            ),
        }
        for place in one.get("places") or ()
    ]
    whole = {name: sum(place[name] for place in places) for name in ("places", "taken", "held", "open")}
    failings = [plain(each) for each in one.get("failings") or ()]
    width = max(whole["places"], 1)
    return {
        "id": one["id"],
        "name": one["name"],
        "kind": label(one.get("kind"), "provider-kinds"),
        "phases": ", ".join(label(each, "provider-phases") for each in one.get("phases") or ()),
        "needs": ", ".join(label(each, "need-types") for each in one.get("needs") or ()) or "Any",
        "places_by_kind": places,
        **whole,
        "taken_share": round(1000 * whole["taken"] / width),
        "held_share": round(1000 * whole["held"] / width),
        "failings": failings,
        "ready": not failings and whole["open"] > 0,
        "checks": [
            {
                "kind": label(check["kind"], "provider-checks"),
                "outcome": label(check["outcome"], "check-outcomes"),
                "checked_on": check["checked_on"],
                "valid_until": check.get("valid_until"),
            }
            for check in one.get("checks") or ()
        ],
    }


def totals(found: Part) -> Json:
    """All places together."""
    every = [place for one in found.items for place in one.get("places") or ()]
    return {name: sum(place[name] for place in every) for name in ("places", "taken", "held", "open")}


def wanted(found: Part, names: Mapping[str, str], rows: Sequence[Json]) -> list[Json]:
    """Children who wait for a place."""
    return [
        {
            **row,
            "case_id": one.get("case_id"),
            "child": names.get(one.get("case_id") or "") or one.get("reference") or "A child",
            "reference": one.get("reference"),
            "needs": ", ".join(label(each, "need-types") for each in one.get("needs") or ()),
        }
        for one, row in zip(found.items, rows, strict=True)
    ]


def offers(found: Part, names: Mapping[str, str]) -> list[Json]:
    """What a provider is asked: what is needed, never who."""
    return [
        {
            "provider": names.get(one["provider_id"], one["provider_id"]),
            "answer_by": one["answer_by"],
            "needs": ", ".join(label(each, "need-types") for each in one.get("needs") or ()),
            "year": label(one.get("year_group"), "year-groups"),
            "phase": label(one.get("phase"), "provider-phases"),
            "sessions": one.get("sessions_a_week"),
            "wanted_from": one.get("wanted_from"),
            "actions": acts.offered(one.get("actions") or [], f"/v1/placements/{one['placement_id']}", "/places"),
        }
        for one in found.items
    ]


def matches(found: Part) -> list[Json]:
    """Providers for a child, those that may take it first."""
    return [
        {
            "provider_id": one["provider_id"],
            "name": one["name"],
            "eligible": one["eligible"],
            "rank": one.get("rank"),
            "km": f"{one['metres'] / 1000:.1f} km" if one.get("metres") is not None else "",
            "open": one["open"],
            "reasons": [reason["text"] for reason in one.get("reasons") or ()],
        }
        for one in found.items
    ]


def measured(found: Part) -> str:
    """From where distances are counted."""
    return plain(found.data.get("measured_from") or "home").lower()


def placed(found: Part) -> list[Json]:
    """Who is there, as far as the viewer may know."""
    return [
        {
            "case_id": one.get("case_id"),
            "reference": one.get("reference") or "A child",
            "state": plain(one.get("state") or ""),
            "started_on": one.get("started_on"),
        }
        for one in found.items
        if one.get("state") in {"accepted", "started"}
    ]
