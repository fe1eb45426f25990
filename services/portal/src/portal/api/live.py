"""Whether something is new: server-sent events that answer at once and ask to be asked again; nothing is held open."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from portal.api.frame import PageRoute, Viewer, Visit
from portal.domain.words import as_instant

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/live/work")
async def work(
    request: Request,  # noqa: ARG001  every route has one
    viewer: Annotated[Viewer, Depends(Visit(says=False))],
    since: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """`changed` when there is news after `since`."""
    found = await viewer.api.get("/v1/notifications", limit=1, unread=True)
    newest = as_instant(found.items[0]["at"]) if found.items else None
    seen = as_instant(since.replace(" ", "+"))
    event = "event: changed\ndata: {}\n\n" if newest and seen and newest > seen else ": nothing new\n\n"
    return Response(f"retry: {viewer.terms.live_seconds * 1000}\n{event}", media_type="text/event-stream")
