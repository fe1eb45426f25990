"""My work: what needs the viewer today."""

import asyncio
from typing import Annotated, Final

from chassis.clock import new_id
from fastapi import APIRouter, Depends, Request, Response

from portal.api import kept
from portal.api.frame import PageRoute, Viewer, Visit, go, page, posted
from portal.domain.words import as_day
from portal.domain.work import Bands
from portal.views import casework, work

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

#: News on one page.
_NEWS: Final = 100
_SHOWN: Final = 5


@router.get("/")
async def my_work(request: Request, viewer: Annotated[Viewer, Depends(Visit("my-work"))]) -> Response:
    """The viewer's open cases in the order of legal risk. Two rounds of questions, however many cases."""
    api, caller = viewer.api, viewer.caller
    cursor = request.query_params.get("cursor")
    works = caller.has("caseworker", "cluster-lead", "adviser", "referrer")
    questions = api.all(
        ("/v1/cases", {"status": "open", "limit": 200, "cursor": cursor}) if works else None,
        ("/v1/clocks", {"state": "running", "limit": 200}),
        ("/v1/clocks", {"state": "breached", "limit": 200}),
        ("/v1/exclusions", {"limit": 200}) if works else None,
        ("/v1/exclusions/risks", {"state": "raised", "limit": 200}) if works else None,
        ("/v1/advice", {"state": "requested", "ours": True, "limit": 200}),
        ("/v1/notifications", {"unread": True, "limit": _NEWS}),
        ("/v1/clusters", {}),
        (f"/v1/clusters/{next(iter(sorted(caller.clusters)))}/board", {}) if caller.clusters else None,
    )
    answers, days = await asyncio.gather(questions, kept.calendar(viewer))
    cases, running, breached, exclusions, risks, advice, news, clusters, offered = answers
    names_of_clusters = {row["id"]: row["name"] for row in clusters.items}
    clocks = [*running.items, *breached.items, *casework.duties_of(exclusions)]
    found = work.items(
        cases,
        clocks,
        advice,
        news,
        risks=risks,
        desk=caller.has("intake"),
        clusters=caller.clusters,
        cluster_names=names_of_clusters,
    )
    today = as_day(viewer.now)
    assert today is not None  # noqa: S101  it is a time
    groups = work.in_order(found, today, Bands(viewer.terms.soon_days, viewer.terms.week_days), days)
    names = await api.names([item.case_id for item in found][:600], "worklist") if works else {}
    lines = news.items
    return page(
        request,
        viewer,
        "work.html",
        title="My work",
        total=len(found),
        figures=work.figures(groups),
        groups=work.shown(groups, names),
        parts=((cases, "Your cases"), (running, "Time limits"), (news, "News")),
        news=lines[:_SHOWN],
        more_news=len(lines) - _SHOWN,
        mark=lines[0]["at"] if lines else viewer.now.isoformat(),
        handovers=(offered.data.get("incoming") or {}).get("next", []),
        can_pick=caller.has("caseworker", "cluster-lead"),
        next=cases.more,
    )


@router.post("/news/read")
async def read_news(request: Request, viewer: Annotated[Viewer, Depends(Visit("my-work"))]) -> Response:
    """Mark news as read."""
    form = await posted(request, viewer)
    ids = [str(value) for value in form.getlist("id")][:_NEWS]
    for id in ids:
        await viewer.api.post(f"/v1/notifications/{id}/read", {"read": True}, key=new_id())
    return await go(request, viewer, "/")
