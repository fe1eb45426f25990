"""A look at a child outside one's teams: why, first. What was said is noted with the look, in the audit."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from chassis.clock import wall_now
from chassis.http import runtime
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from portal.api.frame import PageRoute, Turned, Viewer, Visit, local, page, posted
from portal.domain.looking import is_outside
from portal.policy import document

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
CaseId = Annotated[str, Path(pattern=ID)]
#: Of looks that need none, and of those who have just acted on the case within their rights.
OWN: Final = "case-work"
ACTED: Final = "acted"


def reasons() -> list[tuple[str, str]]:
    """(code, words), in their order."""
    return [(row["code"], row["text"]) for row in document("reasons.toml")["reasons"]]


async def why(viewer: Viewer, case_id: str, assignment: Mapping[str, Any]) -> str:
    """Why this viewer looks at this case. Raises `Turned` to the question, where one must be answered first."""
    handover = assignment.get("handover") or {}
    outside = is_outside(
        clusters=viewer.caller.clusters,
        county_wide=viewer.caller.sector == "council",
        holds=assignment.get("cluster_id"),
        offered_to=handover.get("to_cluster_id"),
    )
    if not outside:
        return OWN
    async with runtime(viewer.request).transaction() as tx:
        given: str | None = await tx.marks.reason(viewer.subject, case_id, now=wall_now())
        if given is None and viewer.notice is not None:
            # What this page was to say is said by the next.
            await tx.sessions.say(viewer.signed_in.ticket.digest, viewer.notice)
    if given is None:
        then = viewer.request.url.path
        raise Turned(RedirectResponse(f"/cases/{case_id}/why?then={then}", 303))
    return given


@router.get("/cases/{case_id}/why")
async def ask(
    request: Request,
    viewer: Annotated[Viewer, Depends(Visit("search", "board", "my-work"))],
    case_id: CaseId,
    then: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Why do you need to look?"""
    return _question(request, viewer, case_id, local(then, f"/cases/{case_id}"))


@router.post("/cases/{case_id}/why")
async def answer(
    request: Request,
    viewer: Annotated[Viewer, Depends(Visit("search", "board", "my-work"))],
    case_id: CaseId,
    then: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Keep the reason for a while, and go on."""
    form = await posted(request, viewer)
    reason = str(form.get("reason", ""))
    to = local(then, f"/cases/{case_id}")
    if reason not in dict(reasons()):
        return _question(request, viewer, case_id, to, wrong=True)
    async with runtime(request).transaction() as tx:
        ends_at = wall_now() + timedelta(hours=viewer.terms.reason_hours)
        await tx.marks.give_reason(viewer.subject, case_id, reason, ends_at=ends_at)
    return RedirectResponse(to, 303)


def _question(request: Request, viewer: Viewer, case_id: str, then: str, *, wrong: bool = False) -> Response:
    text = "Choose why you need to look at this case"
    return page(
        request,
        viewer,
        "why.html",
        title="Why do you need to look at this case?",
        status=422 if wrong else 200,
        case_id=case_id,
        then=then,
        reasons=reasons(),
        errors=[{"text": text, "href": "#reason"}] if wrong else [],
        text=text,
    )
