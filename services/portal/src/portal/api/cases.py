"""A case: one page for one child, whatever agency did what."""

import asyncio
from typing import Annotated, Any, Final

from chassis.clock import wall_now
from chassis.http import runtime
from fastapi import APIRouter, Depends, Query, Request, Response

from portal.api import kept
from portal.api.access import offer
from portal.api.frame import PageRoute, Stopped, Viewer, Visit, audit, need, page
from portal.api.looking import OWN, CaseId, why
from portal.clients.api import Part
from portal.domain.words import as_day, as_instant
from portal.domain.work import Bands
from portal.views import acts, case, casework
from portal.views.access import outside_reasons, reasons

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

Json = dict[str, Any]


@router.get("/cases/{case_id}")
async def show(
    request: Request,
    viewer: Annotated[Viewer, Depends(Visit())],
    case_id: CaseId,
    only: Annotated[str | None, Query(pattern="^[a-z-]{1,30}$")] = None,
) -> Response:
    """The case. First whose it is, which tells nothing of the child; then all its parts at the same time."""
    api = viewer.api
    assignment = await api.get(f"/v1/assignments/{case_id}")
    reason = await _why(viewer, case_id, assignment)
    about = {"case": case_id, "limit": 100}
    questions = api.all(
        (f"/v1/cases/{case_id}", {}),
        (f"/v1/cases/{case_id}/timeline", {"limit": 200}),
        ("/v1/clusters", {}),
        ("/v1/clocks", about),
        ("/v1/assessments", about),
        ("/v1/plans", about),
        ("/v1/funding/requests", about),
        ("/v1/funding/awards", about),
        ("/v1/placements", about),
        ("/v1/providers", {"limit": 200}),
        ("/v1/exclusions", about),
        ("/v1/exclusions/risks", about),
        ("/v1/ledger", about),
        _school(assignment),
    )
    answers, seen, days = await asyncio.gather(questions, _look(viewer, case_id, reason), kept.calendar(viewer))
    said, told, clusters, *others, school = answers
    need(said, viewer)
    from_outside = assignment.absent
    if from_outside:
        # Read by leave: who holds it is told with the case, and nothing of it is offered to be done.
        assignment = Part(assignment.status, _told_by_case(said))
    clocks, assessments, plans, requests, awards, placements, providers, exclusions, risks, ledger = (
        _of_case(part, case_id) for part in others
    )
    wholes = await api.all(*((f"/v1/assessments/{row['id']}", {}) for row in assessments.items))
    here = f"/cases/{case_id}"
    today = as_day(viewer.now) or viewer.now.date()
    bands = Bands(viewer.terms.soon_days, viewer.terms.week_days)
    names = {row["id"]: row["name"] for row in clusters.items}
    child = said.data.get("child") or {}
    if child.get("school_urn") and child["school_urn"] == school.data.get("urn"):
        child = {**child, "school_name": school.data["name"]}
    own = reason == OWN and said.data.get("status") == "open"
    return page(
        request,
        viewer,
        "case.html",
        title=f"Case {said.data['reference']}",
        case=said.data,
        child_name=f"{child.get('given_name', '')} {child.get('family_name', '')}".strip(),
        child=case.child_rows(child),
        child_is_hidden=bool(child.get("address_restricted")),
        facts=case.circumstances_rows(said.data),
        holder=case.holder(assignment, names),
        trace_href="" if from_outside else f"{here}/why-here",
        from_outside=from_outside,
        why_outside=reasons().get(reason, ""),
        log_href=f"{here}/access-log" if viewer.caller.has("cluster-lead", "data-protection-officer") else "",
        actions=[
            *acts.offered(assignment.actions, f"/v1/assignments/{case_id}", here),
            *acts.offered(said.actions, f"/v1/cases/{case_id}", here),
        ],
        asks_money=acts.made(["ask-money"], f"/v1/cases/{case_id}", here, viewer.caller) if own else [],
        asks_place=acts.made(["ask-place"], f"/v1/cases/{case_id}", here, viewer.caller) if own else [],
        people=case.people(said.data),
        clocks=case.clocks(
            [*clocks.items, *casework.duties_of(exclusions)],
            today,
            bands,
            days,
            back=here,
            abouts=casework.disciplines(wholes),
        ),
        may_excuse=bool(acts.made(["record-exception"], "", here, viewer.caller)) and own,
        timeline=case.timeline(told, shown=only, seen=seen),
        filters=case.filters(told, shown=only),
        only=only,
        seen=seen,
        told=told,
        referrals=said.data.get("referrals", []),
        assessments=casework.assessments(wholes, here),
        plans=casework.plans(plans, here),
        money=casework.money(requests, awards, here),
        placements=casework.placements(placements, {row["id"]: row["name"] for row in providers.items}, here),
        exclusions=casework.exclusions(exclusions, here),
        risks=casework.risks(risks, here),
        knows=casework.knows(ledger),
        told_to=casework.told_to(ledger),
        ledger=ledger,
        parts=(
            (told, "The timeline"),
            (clocks, "Time limits"),
            (assessments, "The assessment"),
            (plans, "Plans"),
            (requests, "Money"),
            (placements, "Places"),
            (exclusions, "Exclusions"),
            (ledger, "Who knows what"),
        ),
    )


async def _why(viewer: Viewer, case_id: str, assignment: Part) -> str:
    """Why they look. Raises `Turned` or `Stopped`, where a reason must come first or there is no such case."""
    if not assignment.absent:
        return await why(viewer, case_id, need(assignment, viewer).data)
    async with runtime(viewer.request).transaction() as tx:
        given: str | None = await tx.marks.reason(viewer.subject, case_id, now=wall_now())
    if given not in outside_reasons():
        raise offer(viewer) or Stopped(
            404, "Page not found", "It may have been closed, or it is not yours to see.", viewer
        )
    return given


def _told_by_case(said: Part) -> dict[str, Any]:
    held = said.data.get("assignment") or {}
    return {"state": held.get("state"), "holder": held, "reasons": held.get("reasons") or []}


def _school(assignment: Part) -> tuple[str, dict[str, Any]] | None:
    """The school by which the case was routed is asked for beside the case, not after it."""
    urn = (assignment.data.get("trace") or {}).get("school_urn")
    return (f"/v1/schools/{urn}", {}) if urn else None


@router.get("/cases/{case_id}/why-here")
async def why_here(request: Request, viewer: Annotated[Viewer, Depends(Visit())], case_id: CaseId) -> Response:
    """Why the case is where it is: the sentence, the rules in their order, the clusters that were weighed."""
    assignment, clusters, told = await viewer.api.all(
        (f"/v1/assignments/{case_id}", {}), ("/v1/clusters", {}), (f"/v1/assignments/{case_id}/trace", {})
    )
    need(assignment, viewer)
    await why(viewer, case_id, assignment.data)
    names = {row["id"]: row["name"] for row in clusters.items}
    trace = assignment.data.get("trace") or {}
    return page(
        request,
        viewer,
        "why_here.html",
        title="Why is the case here?",
        case_id=case_id,
        reference=assignment.data.get("reference"),
        holder=case.holder(assignment, names),
        reasons=assignment.data.get("reasons") or [],
        candidates=casework.candidates(trace, names),
        steps=casework.steps(trace),
        sentences=told.data.get("sentences") or [],
        history=told.data.get("history") or [],
        actions=[
            action
            for action in acts.offered(assignment.actions, f"/v1/assignments/{case_id}", f"/cases/{case_id}/why-here")
            if action["name"] not in {"accept", "accept-handover"}
        ],
    )


async def _look(viewer: Viewer, case_id: str, reason: str) -> Any:
    """Up to when the viewer had seen the case; from now on they have seen this."""
    async with runtime(viewer.request).transaction() as tx:
        before = (await tx.marks.seen(viewer.subject, [case_id])).get(case_id)
        await tx.marks.mark(viewer.subject, case_id, wall_now())
        await audit(tx, viewer, action="look", what="case", what_id=case_id, case_id=case_id, reason=reason)
    return as_instant(before)


def _of_case(part: Part, case_id: str) -> Part:
    """Only this case's, whatever a list may hold beside."""
    items = [row for row in part.items if row.get("case_id", case_id) == case_id]
    return Part(part.status, {**part.data, "items": items}, part.etag)
