"""A referral of a case: what its sender said, what was asked of them, and what they answered."""

from typing import Annotated, Final

from chassis.http import runtime
from fastapi import APIRouter, Depends, Path, Request, Response

from portal.api.frame import PageRoute, Viewer, Visit, audit, need, page
from portal.api.looking import ID, CaseId, why
from portal.views import acts, referral

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/cases/{case_id}/referrals/{referral_id}")
async def show(
    request: Request,
    viewer: Annotated[Viewer, Depends(Visit())],
    case_id: CaseId,
    referral_id: Annotated[str, Path(pattern=ID)],
) -> Response:
    """What the sender said, as far as the viewer may read it."""
    assignment = need(await viewer.api.get(f"/v1/assignments/{case_id}"), viewer)
    reason = await why(viewer, case_id, assignment.data)
    said = need(await viewer.api.get(f"/v1/referrals/{referral_id}"), viewer)
    async with runtime(request).transaction() as tx:
        await audit(tx, viewer, action="look", what="referral", what_id=referral_id, case_id=case_id, reason=reason)
    here = f"/cases/{case_id}/referrals/{referral_id}"
    return page(
        request,
        viewer,
        "referral.html",
        title="Referral",
        case_id=case_id,
        said=said.data,
        sections=referral.sections(said.data),
        asked=referral.questions(said.data),
        actions=acts.offered(said.actions, f"/v1/referrals/{referral_id}", here),
    )
