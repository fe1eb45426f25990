"""Clusters with what they carry, their schools on a map, and what a draft rule would move."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from portal.clients.api import Part
from portal.domain import maps
from portal.domain.words import plain, plural
from portal.views.wording import label

Json = dict[str, Any]

_FULL: Final = 100


def cluster_rows(clusters: Part, own: frozenset[str]) -> list[Json]:
    """Every cluster with its load, the viewer's own first."""
    rows = [cluster_row(one, own) for one in clusters.items]
    return sorted(rows, key=lambda row: (not row["own"], row["phase"], row["name"]))


def cluster_row(one: Json, own: frozenset[str]) -> Json:
    """One cluster with its load."""
    load, capacity = int(one.get("load") or 0), one.get("capacity")
    share = round(_FULL * load / capacity) if capacity else None
    return {
        "id": one["id"],
        "name": one["name"],
        "phase": label(one.get("phase"), "cluster-phases"),
        "area": one.get("area"),
        "own": one["id"] in own,
        "load": load,
        "capacity": capacity,
        "hard": one.get("hard"),
        "share": share,
        "width": min(share, _FULL) if share is not None else 0,
        "full": share is not None and share >= _FULL,
    }


def case_rows(rows: Sequence[Json], names: Mapping[str, str], late: Mapping[str, int]) -> list[Json]:
    """Cases of a cluster; `late`: case -> limits that have passed."""
    found = [
        {
            "case_id": row["case_id"],
            "reference": row["reference"],
            "name": names.get(row["case_id"]),
            "state": row["state"],
            "state_words": {"assigned": "Waits to be taken on", "accepted": "Is worked"}.get(
                row["state"], plain(row["state"])
            ),
            "opened_at": row.get("opened_at"),
            "late": late.get(row["case_id"], 0),
            "handover": row.get("handover"),
            "reasons": [label(each, "routing-reasons") for each in row.get("reasons") or ()],
        }
        for row in rows
    ]
    return sorted(found, key=lambda row: (-row["late"], row["state"] != "assigned", row["opened_at"] or ""))


def team(cluster: Json, people: Mapping[str, str]) -> list[Json]:
    """Who works for a cluster."""
    return [
        {
            "name": people.get(one["person_id"], one["person_id"]),
            "role": label(one.get("role"), "people-roles"),
            "sector": label(one.get("sector"), "sectors"),
        }
        for one in cluster.get("team") or ()
    ]


def ages(glance: Part) -> list[Json]:
    """How long cases have waited to be taken on."""
    rows, before = [], 0
    for one in (glance.data.get("unaccepted") or {}).get("ages") or ():
        end = one.get("up_to_working_days")
        text = f"More than {before} working days" if end is None else f"Up to {plural(end, 'working day')}"
        rows.append({"text": text, "cases": one["cases"]})
        before = end or before
    return rows


def offers(glance: Part, way: str, names: Mapping[str, str]) -> list[Json]:
    """Open hand-overs, the first to be answered first."""
    return [
        {
            **one,
            "from": names.get(one["from_cluster_id"], one["from_cluster_id"]),
            "to": names.get(one["to_cluster_id"], one["to_cluster_id"]),
            "why": label(one.get("reason"), "handover-reasons"),
            "late": one.get("rung", 0) > 0,
        }
        for one in (glance.data.get(way) or {}).get("next") or ()
    ]


def schools_map(
    cluster: Json, glance: Json, schools: Sequence[Json]
) -> tuple[maps.Drawn | None, list[Json], list[Json]]:
    """The map with the cluster's schools and homes, and the same as two tables."""
    lead = str(cluster.get("lead_school_urn"))
    known = {one["urn"]: one for one in schools}
    members = glance.get("schools") or [
        {**known.get(one["school_urn"], {}), **one, "leads": one["school_urn"] == lead}
        for one in cluster.get("members") or ()
        if not one.get("until")
    ]
    own = {one["school_urn"] for one in members}
    places = [
        maps.Place(one["easting"], one["northing"], one["name"] or one["urn"])
        for one in schools
        if one.get("easting") and one["urn"] not in own
    ] + [
        maps.Place(
            one["easting"], one["northing"], one.get("name") or one["school_urn"], "lead" if one["leads"] else "own"
        )
        for one in sorted(members, key=lambda one: one["leads"])
        if one.get("easting")
    ]
    squares = [
        maps.Square(one["easting"], one["northing"], _square(one), one["cases"]) for one in glance.get("homes") or ()
    ]
    at = next(((one["easting"], one["northing"]) for one in members if one["leads"] and one.get("easting")), None)
    table = [
        {
            "name": one.get("name") or one["school_urn"],
            "lead": one["leads"],
            "cases": one.get("cases"),
            "km": maps.kilometres((one["easting"], one["northing"]), at) if at and one.get("easting") else None,
        }
        for one in members
    ]
    # Far schools of other clusters would make the map of one cluster small.
    near = [place for place in places if place.kind != "other"]
    return (
        maps.draw(_around(places, near), squares),
        sorted(table, key=lambda row: (not row["lead"], row["name"])),
        [{"square": one.name, "cases": one.cases} for one in sorted(squares, key=lambda one: -one.cases)],
    )


def _square(one: Json) -> str:
    return maps.square_name(one["easting"], one["northing"])


def _around(places: Sequence[maps.Place], near: Sequence[maps.Place], margin: int = 6_000) -> list[maps.Place]:
    if not near:
        return list(places)
    west, east = min(one.easting for one in near) - margin, max(one.easting for one in near) + margin
    south, north = min(one.northing for one in near) - margin, max(one.northing for one in near) + margin
    return [one for one in places if west <= one.easting <= east and south <= one.northing <= north]


def moves(found: Part | None, names: Mapping[str, str]) -> list[Json]:
    """What a draft would have moved, most first."""
    rows = [
        {
            "from": _name(one.get("from_cluster_id"), names),
            "to": _name(one.get("to_cluster_id"), names),
            "cases": one["cases"],
        }
        for one in _list(found, "moves")
    ]
    return sorted(rows, key=lambda row: -row["cases"])


def loads(found: Part | None, names: Mapping[str, str]) -> list[Json]:
    """What each cluster got, and would have got."""
    return [
        {
            "name": _name(one.get("cluster_id"), names),
            "before": one["cases_before"],
            "after": one["cases_after"],
            "capacity": one.get("capacity"),
        }
        for one in _list(found, "clusters")
    ]


def moved(found: Part | None, names: Mapping[str, str]) -> list[Json]:
    """Cases that would have gone elsewhere, each with both reasons."""
    return [
        {
            **one,
            "from": _name(one.get("from_cluster_id"), names),
            "to": _name(one.get("to_cluster_id"), names),
        }
        for one in _list(found, "moved")
    ]


def _list(found: Part | None, name: str) -> list[Json]:
    rows = found.data.get(name) if found is not None else None
    return rows if isinstance(rows, list) else []


def _name(id: str | None, names: Mapping[str, str]) -> str:
    return "The queue" if id is None else names.get(id, id)
