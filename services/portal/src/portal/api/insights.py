"""Insights: how soon and how well children are helped, by cluster and phase, without pointing to any of them."""

import asyncio
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from schemas.days import school_year

from portal.api.frame import PageRoute, Viewer, Visit, page
from portal.clients.api import Part
from portal.domain.words import as_day
from portal.policy import COUNTY
from portal.views import insight_places, insights
from portal.views.insight_places import Phase
from portal.views.insights import Figure, Place
from portal.views.wording import label

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

Reader = Annotated[Viewer, Depends(Visit("insights"))]
Day = Annotated[str | None, Query(max_length=10)]
OfPhase = Annotated[str, Query(pattern="^[a-z-]{0,20}$")]
#: Pages of a list that is counted here.
_PAGES: Final = 5


@router.get("/insights")
async def show(request: Request, viewer: Reader, since: Day = None, until: Day = None, phase: OfPhase = "") -> Response:
    """Every figure of a time."""
    first, last = _span(viewer, since, until)
    found, phases = await _figures(viewer, first, last, phase)
    return page(
        request, viewer, "insights.html", title="Insights", figures=found, since=first, until=last, phase=phase,
        phases=phases, smallest=viewer.terms.small_number, query=f"since={first}&until={last}&phase={phase}",
    )  # fmt: skip


@router.get("/insights/figures.csv")
async def download(
    request: Request,  # noqa: ARG001  every route has one
    viewer: Reader,
    since: Day = None,
    until: Day = None,
    phase: OfPhase = "",
) -> Response:
    """The same as a file."""
    first, last = _span(viewer, since, until)
    found, _ = await _figures(viewer, first, last, phase)
    headers = {"Content-Disposition": f'attachment; filename="insights-{first}-{last}.csv"'}
    return Response(insights.as_csv(found), media_type="text/csv; charset=utf-8", headers=headers)


def _span(viewer: Viewer, since: str | None, until: str | None) -> tuple[date, date]:
    today = as_day(viewer.now) or viewer.now.date()
    first, last = as_day(since) or school_year(today)[0], as_day(until) or today
    return (first, last) if first <= last else (last, first)


async def _figures(viewer: Viewer, first: date, last: date, phase: str) -> tuple[list[Figure], list[tuple[str, str]]]:
    api, smallest = viewer.api, viewer.terms.small_number
    clusters = (await api.get("/v1/clusters")).items
    phases = sorted({(str(one["phase"]), label(one["phase"], "cluster-phases")) for one in clusters})
    sees_county = viewer.caller.sector == "council" and viewer.caller.has(*COUNTY)
    places = [Place(None, "The county", "All")] if sees_county and not phase else []
    places += [
        Place(one["id"], one["name"], label(one["phase"], "cluster-phases"))
        for one in sorted(clusters, key=lambda one: (one["phase"], one["name"]))
        if phase in {"", one["phase"]}
    ]
    span = {"from": first.isoformat(), "to": last.isoformat()}
    in_phases = [
        Phase(code, name, tuple((one["id"], one["name"]) for one in clusters if one["phase"] == code))
        for code, name in phases
        if phase in {"", code}
    ]
    clocks, measures, begun, (limits, placed, beginnings, given), excluded = await asyncio.gather(
        api.all(*(("/v1/clocks/figures", {**span, "cluster": place.id}) for place in places)),
        api.all(*(("/v1/funding/measures", {**span, "cluster": place.id}) for place in places)),
        asyncio.gather(*(_begun(viewer, span, one) for one in in_phases)),
        api.all(
            ("/v1/clocks/figures", span),
            ("/v1/placements/figures", {"since": span["from"], "until": span["to"]}),
            ("/v1/assessments/figures", span) if not phase else None,
            ("/v1/clusters/figures", span),
        ),
        _whole(viewer, "/v1/exclusions"),
    )
    excluded = [one for one in excluded if span["from"] <= str(one.get("first_on")) <= span["to"]]
    found = [
        insight_places.contact(
            in_phases, {one.code: part for one, part in zip(in_phases, begun, strict=True)}, beginnings, smallest
        ),
        insights.money(places, measures),
        insights.timeliness(places, clocks, smallest),
        insights.twenty_weeks(limits, smallest),
        insights.distance(placed),
        insights.exclusions(excluded, smallest),
        insight_places.bounces(in_phases, given, smallest, county=bool(places) and places[0].id is None),
    ]
    return found, phases


async def _begun(viewer: Viewer, span: dict[str, str], phase: Phase) -> Part:
    """How cases of a phase's clusters began."""
    return await viewer.api.get("/v1/assessments/figures", **span, cluster=[id for id, _ in phase.clusters])


async def _whole(viewer: Viewer, path: str, **wanted: str) -> list[dict[str, Any]]:
    """A list page by page, as far as is counted here."""
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        found = await viewer.api.get(path, limit=200, cursor=cursor, **wanted)
        rows += found.items
        cursor = found.more
        if cursor is None:
            break
    return rows
