"""The queues: what waits for a person to decide, put right or try again."""

from typing import Annotated, Final

from chassis.clock import new_id
from chassis.http import runtime
from fastapi import APIRouter, Depends, Path, Request, Response

from portal.api.frame import PageRoute, Viewer, Visit, audit, go, need, page, posted
from portal.api.looking import ID
from portal.views import acts, queues

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

Desk = Annotated[Viewer, Depends(Visit("queues"))]
Id = Annotated[str, Path(pattern=ID)]


@router.get("/queues")
async def show(request: Request, viewer: Desk) -> Response:
    """Every queue that the viewer may see."""
    caller = viewer.caller
    cursor = request.query_params.get("cursor")
    queued, matches, parked, tasks = await viewer.api.all(
        ("/v1/assignments", {"state": "queued", "limit": 100, "cursor": cursor}),
        ("/v1/possible-matches", {"limit": 50}) if caller.has("caseworker") else None,
        ("/v1/parked", {"limit": 200}) if caller.has("operator") else None,
        ("/v1/notifications/tasks", {"limit": 100}),
    )
    return page(
        request,
        viewer,
        "queues.html",
        title="Queues",
        queued=queues.queued(queued),
        queued_more=queued.more,
        matches=queues.matches(matches),
        sees_matches=matches.ok,
        parked=queues.parked(parked),
        sees_parked=caller.has("operator"),
        parked_part=parked,
        tasks=queues.tasks(tasks),
        sees_tasks=tasks.ok,
        parts=((queued, "Cases that wait"), (matches, "Possible same children"), (tasks, "Tasks")),
    )


@router.get("/queues/same-child/{match_id}")
async def same_child(request: Request, viewer: Desk, match_id: Id) -> Response:
    """Two children that may be one, side by side."""
    found = need(await viewer.api.get(f"/v1/possible-matches/{match_id}"), viewer)
    async with runtime(request).transaction() as tx:
        await audit(tx, viewer, action="look", what="possible-match", what_id=match_id)
    return page(
        request,
        viewer,
        "same_child.html",
        title="Are they the same child?",
        match=found.data,
        rows=queues.side_by_side(found.data),
        statements=queues.statements(found.data),
        actions=acts.offered(found.actions, f"/v1/possible-matches/{match_id}", "/queues"),
    )


@router.post("/queues/parked/{service}/{event}")
async def try_again(request: Request, viewer: Desk, service: Id, event: Id) -> Response:
    """Put an event back: its service looks at it within seconds, and it counts once."""
    await posted(request, viewer)
    done = await viewer.api.post(f"/v1/parked/{service}/{event}/put-back", {}, key=new_id())
    if done.ok:
        return await go(request, viewer, "/queues", notice="The event is put back. Its service looks at it now.")
    return await go(request, viewer, "/queues", notice=done.detail, kind="important")


@router.post("/queues/tasks/{id}")
async def task_done(request: Request, viewer: Desk, id: Id) -> Response:
    """Take a task off the list."""
    await posted(request, viewer)
    done = await viewer.api.post(f"/v1/notifications/tasks/{id}/done", {}, key=new_id())
    said = "The task is done." if done.ok else done.detail
    return await go(request, viewer, "/queues", notice=said, kind="success" if done.ok else "important")
