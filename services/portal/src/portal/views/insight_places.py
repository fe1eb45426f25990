"""Figures of clusters within their phases and of the county, so shown that no small number follows from the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.clients.api import Part
from portal.domain import figures
from portal.views.insights import HIDDEN, Figure

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase with its clusters: (id, name)."""

    code: str
    name: str
    clusters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """The county, a phase or a cluster, with its counts; hidden ones are not said."""

    name: str
    phase: str
    counts: Mapping[str, Any]
    out: bool


def contact(phases: Sequence[Phase], found: Mapping[str, Part], whole: Part, smallest: int) -> Figure:
    """Days from a case's opening until a cluster took it on, and until the child or the family was first met."""
    said = {
        phase.code: (
            found[phase.code].data.get("together") or {},
            {one["cluster_id"]: one for one in found[phase.code].data.get("clusters") or ()},
        )
        for phase in phases
        if phase.code in found and found[phase.code].ok
    }
    county = whole.data.get("together") if whole.ok and whole.data.get("whole_county") else None
    rows, drawn = [], []
    for line in _lines(phases, said, county, ("cases", "met"), smallest):
        one = line.counts
        contacted = _days(one, "met", "days_to_contact", smallest)
        rows.append(
            (
                line.name,
                line.phase,
                HIDDEN if line.out else f"{one['cases']:,}",
                _said(_days(one, "taken_on", "days_to_taken_on", smallest)),
                HIDDEN if line.out else f"{one['met']:,}",
                _said(contacted),
            )
        )
        drawn.append((line.name, contacted, None, _said(contacted)))
    return Figure(
        "contact",
        "Referral to first contact",
        "Of cases opened in this time: days until a cluster took the case on, and until the child or the family was met"
        " first, asked for their views and reached. The one in the middle of those for whom it has happened.",
        ("Cluster", "Phase", "Cases", "Taken on", "Met", "First contact"),
        tuple(rows),
        figures.bars(drawn),
    )


def bounces(phases: Sequence[Phase], found: Part, smallest: int, *, county: bool) -> Figure:
    """How many of the cases that a cluster was given it gave back or passed on."""
    by_cluster = {one["cluster_id"]: _bounced(one) for one in found.data.get("clusters") or ()}
    said = {}
    for phase in phases:
        own = {id: by_cluster[id] for id, _ in phase.clusters if id in by_cluster}
        said[phase.code] = (_sum(list(own.values())), own)
    whole = _sum([total for total, _ in said.values()]) if county else None
    rows, drawn = [], []
    for line in _lines(phases, said, whole, ("bounced", "kept", "given"), smallest):
        one = line.counts
        percent = None if line.out or not one["given"] else round(100 * one["bounced"] / one["given"], 1)
        text = HIDDEN if percent is None else f"{percent:g}%"
        counts = (HIDDEN, HIDDEN) if line.out else (f"{one['given']:,}", f"{one['bounced']:,}")
        rows.append((line.name, line.phase, *counts, text))
        drawn.append((line.name, percent, None, text))
    return Figure(
        "bounces",
        "Cases given back or passed on",
        "Of the cases that a cluster was given in this time: those that went back to the intake desk or on to another"
        " cluster since.",
        ("Cluster", "Phase", "Given", "Back or on", "Rate"),
        tuple(rows),
        figures.bars(drawn),
    )


def _lines(
    phases: Sequence[Phase],
    said: Mapping[str, tuple[Json, Mapping[str, Json]]],
    county: Json | None,
    counted: Sequence[str],
    smallest: int,
) -> list[_Line]:
    """The county where it is whole, then each phase before its clusters; places without anything are left out."""
    known = [phase for phase in phases if phase.code in said and said[phase.code][0].get(counted[-1]) is not None]
    out = figures.hidden([_counts(said[phase.code][0], counted) for phase in known], smallest)
    lines = []
    if county is not None and any(_counts(county, counted)):
        small = bool(figures.hidden([_counts(county, counted)], smallest))
        lines.append(_Line("The county", "All", county, small))
    for at, phase in enumerate(known):
        total, by_cluster = said[phase.code]
        own = [(name, by_cluster[id]) for id, name in phase.clusters if id in by_cluster]
        if not own:
            continue
        hidden = figures.hidden([_counts(one, counted) for _, one in own], smallest)
        if len(own) > 1:
            lines.append(_Line(f"{phase.name}, all", phase.name, total, at in out))
        # What is hidden of a phase must not be the sum of what is shown of its clusters.
        lines += [
            _Line(name, phase.name, one, n in hidden or (at in out and n == _least(own, counted)))
            for n, (name, one) in enumerate(own)
        ]
    return lines


def _least(own: Sequence[tuple[str, Json]], counted: Sequence[str]) -> int:
    return min(range(len(own)), key=lambda n: _counts(own[n][1], counted))


def _counts(one: Json, counted: Sequence[str]) -> list[int]:
    return [int(one.get(name) or 0) for name in counted]


def _bounced(one: Json) -> Json:
    bounced = int(one["given_back"]) + int(one["passed_on"])
    return {"given": int(one["given"]), "bounced": bounced, "kept": int(one["given"]) - bounced}


def _sum(found: Sequence[Json]) -> Json:
    return {name: sum(one[name] for one in found) for name in ("given", "bounced", "kept")}


def _days(one: Mapping[str, Any], counted: str, days: str, smallest: int) -> float | None:
    found = one.get(days)
    return None if found is None or int(one.get(counted) or 0) < smallest else round(float(found), 1)


def _said(days: float | None) -> str:
    return HIDDEN if days is None else f"{days:g} day{'' if days == 1 else 's'}"
