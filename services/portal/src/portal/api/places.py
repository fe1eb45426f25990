"""Places: live capacity of every provider, what is looked for, held and offered, and what fits a child."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from portal.api.frame import PageRoute, Viewer, Visit, need, page
from portal.api.looking import ID
from portal.views import acts, casework, places

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

Placer = Annotated[Viewer, Depends(Visit("places"))]
Id = Annotated[str, Path(pattern=ID)]


@router.get("/places")
async def show(request: Request, viewer: Placer) -> Response:
    """Providers with their places at this moment, offers to answer, and children who wait for a place."""
    provides = viewer.caller.has("provider-staff")
    providers, wanted, offers = await viewer.api.all(
        ("/v1/providers", {"limit": 200}),
        ("/v1/placements", {"state": "requested", "limit": 100}),
        ("/v1/placements/offers", {"limit": 100}) if provides else None,
    )
    names = {row["id"]: row["name"] for row in providers.items}
    known = await viewer.api.names([row["case_id"] for row in wanted.items if row.get("case_id")], "worklist")
    return page(
        request,
        viewer,
        "places.html",
        title="Places",
        providers=places.providers(providers),
        totals=places.totals(providers),
        wanted=places.wanted(wanted, known, casework.placements(wanted, names, "/places")),
        offers=places.offers(offers, names),
        provides=provides,
        parts=((providers, "Providers"), (wanted, "Requests for places"), (offers, "Offers")),
    )


@router.get("/places/matches/{placement_id}")
async def matches(request: Request, viewer: Placer, placement_id: Id) -> Response:
    """Providers for a child, the best first, each with its reasons."""
    found, placement = await viewer.api.all(
        (f"/v1/placements/{placement_id}/matches", {}), (f"/v1/placements/{placement_id}", {})
    )
    need(found, viewer)
    need(placement, viewer)
    return page(
        request,
        viewer,
        "matches.html",
        title="Providers that fit",
        placement=placement.data,
        rows=places.matches(found),
        measured_from=places.measured(found),
        actions=acts.offered(placement.actions, f"/v1/placements/{placement_id}", f"/places/matches/{placement_id}"),
    )


@router.get("/places/{provider_id}")
async def provider(request: Request, viewer: Placer, provider_id: Id) -> Response:
    """A provider: its places, its checks, what keeps children from being placed there."""
    said, placed = await viewer.api.all(
        (f"/v1/providers/{provider_id}", {}), ("/v1/placements", {"provider": provider_id, "limit": 100})
    )
    need(said, viewer)
    return page(
        request,
        viewer,
        "provider.html",
        title=said.data["name"],
        provider=places.provider(said.data),
        placed=places.placed(placed),
        actions=acts.offered(said.actions, f"/v1/providers/{provider_id}", f"/places/{provider_id}"),
    )
