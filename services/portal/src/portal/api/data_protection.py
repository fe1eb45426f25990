"""Data protection: who knows of a case, recalls, and who looked."""

from typing import Annotated, Any, Final

from chassis.http import runtime
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from portal.api import kept
from portal.api.frame import PageRoute, Viewer, Visit, audit, need, page, posted
from portal.api.looking import CaseId
from portal.queries import looks_at
from portal.views import access, acts, casework, protection
from portal.views.wording import label

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

#: Looks on the page of a case; all of them are in its access log.
_NEWEST: Final = 20
Officer = Annotated[Viewer, Depends(Visit("data-protection"))]


@router.get("/data-protection")
async def show(request: Request, viewer: Officer) -> Response:
    """Recalls with their stragglers, and a way to a case."""
    return await _page(request, viewer, "", [])


@router.post("/data-protection")
async def find(request: Request, viewer: Officer) -> Response:
    """To a case by its reference."""
    form = await posted(request, viewer)
    typed = str(form.get("reference", "")).strip()
    found = await viewer.api.post("/v1/cases:search", {"reference": typed[:20], "reason": "data-protection"})
    if found.ok and len(found.items) == 1:
        return RedirectResponse(f"/data-protection/{found.items[0]['case_id']}", 303)
    return await _page(
        request, viewer, typed, [{"text": "Type a case reference, such as PVJ-MD4-WCY", "href": "#reference"}]
    )


@router.get("/data-protection/{case_id}")
async def case(request: Request, viewer: Officer, case_id: CaseId) -> Response:
    """Who was told of a case, on what basis, who fetched it, and who looked at it here."""
    ledger, found, log = await viewer.api.all(
        ("/v1/ledger", {"case": case_id, "limit": 200}),
        (f"/v1/cases/{case_id}", {}),
        (f"/v1/cases/{case_id}/access-log", {"limit": _NEWEST}),
    )
    if not found.ok:
        need(ledger, viewer)
    async with runtime(request).transaction() as tx:
        looks = await looks_at(tx, case_id, limit=_NEWEST)
        await audit(tx, viewer, action="look", what="access-log", what_id=case_id, case_id=case_id)
    names = await kept.people(viewer)
    here = f"/data-protection/{case_id}"
    erased = protection.erased(found.data, names) if found.data.get("status") == "erased" else None
    return page(
        request, viewer, "ledger.html", title="Data protection of this case", case_id=case_id,
        reference=found.data.get("reference"), case_status=label(found.data.get("status")), erased=erased,
        offered=protection.offered(found, here), parts=((ledger, "Who was told"), (log, "The access log")),
        knows=casework.knows(ledger), told_to=casework.told_to(ledger),
        disclosures=protection.disclosures(ledger), recalls=protection.recalls(ledger.data.get("recalls") or [], here),
        looks=access.rows(log, looks, names)[:_NEWEST], log_href=f"/cases/{case_id}/access-log",
        actions=acts.made(["recall"], f"/v1/ledger?case={case_id}", here, viewer.caller), more=ledger.more,
    )  # fmt: skip


async def _page(request: Request, viewer: Viewer, typed: str, errors: list[dict[str, Any]]) -> Response:
    recalls = await viewer.api.get("/v1/ledger/recalls", limit=100)
    return page(
        request, viewer, "protection.html", title="Data protection", status=422 if errors else 200, typed=typed,
        errors=errors, recalls=protection.recalls(recalls.items, "/data-protection"), parts=((recalls, "Recalls"),),
    )  # fmt: skip
