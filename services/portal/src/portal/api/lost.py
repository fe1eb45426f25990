"""Addresses under the pages that lead nowhere: a page that says so, and not a machine's answer."""

from typing import Final

from chassis.http import public
from fastapi import APIRouter, Depends, Request, Response

from portal.api.frame import PageRoute, stop_page

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[Depends(public)])

_PREFIXES: Final = (
    "cases", "board", "queues", "search", "bulk", "live", "money", "places", "insights", "integrators",
    "data-protection", "family", "preferences", "news",
)  # fmt: skip


async def _lost(request: Request) -> Response:
    return stop_page(request, 404, "Page not found", "If you typed or pasted an address, check it.")


for _prefix in _PREFIXES:
    router.add_api_route(f"/{_prefix}/{{rest:path}}", _lost, methods=["GET"])
