"""Integrators: an agency's subscriptions, how deliveries go, what events look like, and sending again."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from portal.api.frame import PageRoute, Stopped, Viewer, Visit, need, page
from portal.api.looking import ID
from portal.views import acts, integrators

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False)

Integrator = Annotated[Viewer, Depends(Visit("integrators"))]
Id = Annotated[str, Path(pattern=ID)]
_MOST: Final = 40


@router.get("/integrators")
async def show(request: Request, viewer: Integrator) -> Response:
    """Every subscription that the viewer may see, with its health."""
    found, agreements, rules = await viewer.api.all(
        ("/v1/subscriptions", {"limit": 100}),
        ("/v1/subscriptions/agreements", {"limit": 100}),
        ("/v1/subscriptions/rules", {}),
    )
    healths = await viewer.api.all(*((f"/v1/subscriptions/{row['id']}/health", {}) for row in found.items[:_MOST]))
    return page(
        request, viewer, "integrators.html", title="Integrators", rows=integrators.subscriptions(found, healths),
        agreements=integrators.agreements(agreements), rules=integrators.rules(rules), rules_of=rules.data.get("since"),
        kinds=integrators.kinds(),
        parts=((found, "Subscriptions"), (agreements, "Agreements"), (rules, "Sharing rules")),
    )  # fmt: skip


@router.get("/integrators/events/{name}")
async def event(request: Request, viewer: Integrator, name: Id) -> Response:
    """What an event says, with a sample."""
    shown = integrators.event(name)
    if shown is None:
        raise Stopped(404, "Page not found", "There is no such event.", viewer)
    return page(request, viewer, "event.html", title=shown["title"], event=shown)


@router.get("/integrators/{subscription_id}")
async def one(request: Request, viewer: Integrator, subscription_id: Id) -> Response:
    """One subscription: its health, its last deliveries, what can be done."""
    base = f"/v1/subscriptions/{subscription_id}"
    said, health, deliveries, replays = await viewer.api.all(
        (base, {}), (f"{base}/health", {}), (f"{base}/deliveries", {"limit": 50}), (f"{base}/replays", {"limit": 20})
    )
    need(said, viewer)
    return page(
        request, viewer, "subscription.html", title="Subscription",
        said=integrators.subscription(said.data, health), deliveries=integrators.deliveries(deliveries),
        replays=replays.items, actions=acts.offered(said.actions, base, f"/integrators/{subscription_id}"),
        parts=((health, "Its health"), (deliveries, "Its deliveries")),
    )  # fmt: skip
