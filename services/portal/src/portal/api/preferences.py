"""How somebody wants to be told: digest, quiet hours, ways. Their inbox is complete whatever they choose."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from portal.api.frame import PageRoute, Viewer, Visit, need, page
from portal.views import preferences

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/preferences")
async def show(request: Request, viewer: Annotated[Viewer, Depends(Visit())]) -> Response:
    """What is chosen now."""
    found = need(await viewer.api.get("/v1/preferences"), viewer)
    return page(
        request, viewer, "preferences.html", title="How you are told", rows=preferences.rows(found.data),
    )  # fmt: skip


@router.get("/preferences/change")
async def change(request: Request, viewer: Annotated[Viewer, Depends(Visit())]) -> Response:  # noqa: ARG001
    """The form for it, made from the API's own description."""
    return RedirectResponse("/do?of=/v1/preferences&do=change-preferences&back=/preferences", 303)
