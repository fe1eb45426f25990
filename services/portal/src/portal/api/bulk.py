"""Several cases at once: first what would happen, then a while to call it off, then how it went."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any, Final

from chassis.clock import new_id, wall_now
from chassis.http import runtime
from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import RedirectResponse

from portal.api.frame import PageRoute, Stopped, Viewer, Visit, audit, go, page, posted
from portal.api.looking import ID
from portal.api.parts import parts_of
from portal.handlers import batches
from portal.store.batches import Batch
from portal.views import acts

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

Worker = Annotated[Viewer, Depends(Visit("my-work"))]
Id = Annotated[str, Path(pattern=ID)]
#: Cases at once: more than anybody reads through is no preview.
MOST: Final = 50
#: What can be done to several cases: those whose form asks nothing.
_ACTS: Final = frozenset({"accept"})


@router.post("/bulk")
async def preview(request: Request, viewer: Worker) -> Response:
    """What would happen."""
    form = await posted(request, viewer)
    ids = list(dict.fromkeys(str(value) for value in form.getlist("case")))[:MOST]
    do = str(form.get("do", ""))
    if not ids:
        return await go(request, viewer, "/", notice="Choose at least one case first.", kind="important")
    if do == "seen":
        return await _seen(request, viewer, ids)
    if do not in _ACTS:
        raise Stopped(404, "This cannot be done to several cases", "Open each case and do it there.", viewer)
    steps, barred = await _steps(viewer, ids, do)
    return page(
        request, viewer, "bulk.html", title=f"{acts.words_of(do)['title']}: check first", do=do, steps=steps,
        barred=barred, said=acts.words_of(do),
    )  # fmt: skip


@router.post("/bulk/confirm")
async def confirm(request: Request, viewer: Worker) -> Response:
    """Let it wait for a while, then do it."""
    form = await posted(request, viewer)
    do = str(form.get("do", ""))
    ids = list(dict.fromkeys(str(value) for value in form.getlist("case")))[:MOST]
    if do not in _ACTS or not ids:
        raise Stopped(404, "There is nothing to do", "Go back and choose cases.", viewer)
    steps, _ = await _steps(viewer, ids, do)
    begins_at = wall_now() + timedelta(seconds=viewer.terms.undo_seconds)
    batch = Batch(new_id(), viewer.subject, do, steps, "waiting", begins_at)
    here = runtime(request)
    async with here.transaction() as tx:
        await tx.batches.add(batch)
        for step in steps:
            await audit(tx, viewer, action="plan", what=do, what_id=step["case_id"], case_id=step["case_id"])

    async def later() -> None:
        await asyncio.sleep(viewer.terms.undo_seconds)
        await batches.run(batch, viewer.api, here.transaction)

    parts_of(request).later(later())
    return RedirectResponse(f"/bulk/{batch.id}", 303)


@router.get("/bulk/{batch_id}")
async def how_it_went(request: Request, viewer: Worker, batch_id: Id) -> Response:
    """How long it can still be called off, or how each went. Whoever looks late does what a restart left undone."""
    here = runtime(request)
    batch = await _batch(request, viewer, batch_id)
    left = (batch.begins_at - wall_now()).total_seconds()
    grace = viewer.terms.undo_seconds
    if batch.state == "waiting" and left < -grace:
        await batches.run(batch, viewer.api, here.transaction)
    elif batch.state == "doing" and left < -3 * grace:
        await batches.run(batch, viewer.api, here.transaction, was="doing")
    batch = await _batch(request, viewer, batch_id)
    said = acts.words_of(batch.name)
    return page(
        request, viewer, "batch.html", title=said["title"], batch=batch, said=said, left=max(int(left) + 1, 1),
        rows=list(zip(batch.steps, batch.results or [None] * len(batch.steps), strict=False)),
    )  # fmt: skip


@router.post("/bulk/{batch_id}/undo")
async def call_off(request: Request, viewer: Worker, batch_id: Id) -> Response:
    """Call it off."""
    await posted(request, viewer)
    async with runtime(request).transaction() as tx:
        undone = await batches.undo(tx, batch_id, viewer.subject)
    said = "It is called off. Nothing was changed." if undone else "It was too late to call it off."
    return await go(request, viewer, f"/bulk/{batch_id}", notice=said, kind="success" if undone else "important")


async def _batch(request: Request, viewer: Viewer, batch_id: str) -> Batch:
    async with runtime(request).transaction() as tx:
        found: Batch | None = await tx.batches.find(batch_id, viewer.subject)
    if found is None:
        raise Stopped(404, "Page not found", "It is not yours, or long over.", viewer)
    return found


async def _steps(viewer: Viewer, ids: list[str], do: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found = await viewer.api.all(*((f"/v1/assignments/{id}", {}) for id in ids))
    names = await viewer.api.names(ids, "worklist")
    can: list[dict[str, Any]] = []
    cannot: list[dict[str, Any]] = []
    for id, part in zip(ids, found, strict=True):
        row = {"case_id": id, "reference": part.data.get("reference") or id}
        action = acts.find(part.data, do, None) if part.ok else None
        if action is not None and action.get("allowed"):
            can.append({**row, "method": action["method"], "href": action["href"], "body": {}, "etag": part.etag})
        else:
            why = (action or {}).get("reason") or "It cannot be done here."
            cannot.append({**row, "name": names.get(id), "reason": why})
    return can, cannot


async def _seen(request: Request, viewer: Viewer, ids: list[str]) -> Response:
    async with runtime(request).transaction() as tx:
        for id in sorted(ids):
            await tx.marks.mark(viewer.subject, id, wall_now())
    news = await viewer.api.get("/v1/notifications", unread=True, limit=200)
    chosen = [row["id"] for row in news.items if row.get("case_id") in set(ids)]
    await asyncio.gather(
        *(viewer.api.post(f"/v1/notifications/{id}/read", {"read": True}, key=new_id()) for id in chosen)
    )
    return await go(request, viewer, "/", notice="They are marked as seen.")
