"""Routes of providers: who there is, how they are, how many places they have."""

from typing import Annotated, Any, Final

from chassis.actions import Answer
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.errors import NotFound
from chassis.http import cause, idempotency_key, if_match, runtime
from chassis.wire import Page
from fastapi import APIRouter, Depends, Query, Request, Response

from placements import queries
from placements.api.parts import Cursor, Id, Limit, Places, PlacesOrProvides, SignedIn, answer, one, page, position
from placements.domain.days import day_of
from placements.domain.places import ANY
from placements.domain.providers import Provider
from placements.handlers.providers import Describe, Publish, Told, describe_providers, publish_places
from placements.store import Tx
from placements.views.bodies import ProviderIn, ProviderPatch, ProviderPlacesIn
from placements.views.places import ProviderOut, provider_out

router: Final = APIRouter(tags=["providers"])


@router.get("/v1/providers", response_model=Page[ProviderOut])
async def list_providers(
    request: Request,
    caller: SignedIn,
    *,
    kind: Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,40}$")] = None,
    phase: Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,40}$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Providers of alternative provision with their checks and places."""
    [after] = position(request, caller, cursor, str, first=("",))
    async with runtime(request).transaction() as tx:
        found = await queries.providers_by(tx, kind=kind, phase=phase, after=after, limit=limit + 1)
        ids = [provider.id for provider in found]
        checks, places = await tx.checks.grouped("provider_id", ids), await tx.places.grouped("provider_id", ids)
        today = day_of(tx.now)

    def show(provider: Provider) -> ProviderOut:
        return provider_out(provider, checks.get(provider.id, []), places.get(provider.id, []), caller, today)

    return page(request, caller, found, limit, show=show, at=lambda provider: (provider.id,))


@router.get("/v1/providers/{provider_id}", response_model=ProviderOut)
async def get_provider(request: Request, caller: SignedIn, provider_id: Id) -> Response:
    """A provider with its checks and places."""
    async with runtime(request).transaction() as tx:
        provider = (await tx.providers.find([provider_id])).get(provider_id)
        if provider is None:
            raise NotFound
        checks, places = await tx.checks.of("provider_id", [provider_id]), await _places(tx, provider_id)
        out = provider_out(provider, checks, places, caller, day_of(tx.now))
    return one(out, provider.version)


async def _places(tx: Tx, provider_id: str) -> list[Any]:
    return await tx.places.of("provider_id", [provider_id])


def _answer(command: Describe | Publish, told: Told, *, made: bool = False) -> Answer:
    out = provider_out(told.provider, told.checks, told.places, command.caller, told.on)
    made_at = f"/v1/providers/{told.provider.id}" if made else None
    return answer(out, told.provider.version, made_at=made_at)


@router.post("/v1/providers", response_model=ProviderOut, status_code=201, openapi_extra=takes(ProviderIn, KEYED))
async def add_provider(
    request: Request, caller: Places, body: Annotated[Body[ProviderIn], Depends(json_body(ProviderIn))]
) -> Response:
    """The council's desk adds a provider."""
    fields = body.value.model_dump()
    checks = tuple(fields.pop("checks"))
    return await runtime(request).actions.perform(
        describe_providers,
        Describe(None, None, fields, checks, caller, cause(request)),
        view=lambda command, told: _answer(command, told, made=True),
        idempotency=idempotency_key(request, caller, body.digest),
    )


@router.patch("/v1/providers/{provider_id}", response_model=ProviderOut, openapi_extra=takes(ProviderPatch, VERSIONED))
async def change_provider(
    request: Request,
    caller: PlacesOrProvides,
    provider_id: Id,
    body: Annotated[Body[ProviderPatch], Depends(json_body(ProviderPatch))],
) -> Response:
    """The provider's own people, or the desk, say how it is now; the desk adds checks."""
    named = {name: value for name, value in body.value.model_dump().items() if name in body.raw}
    checks = tuple(named.pop("checks", ()))
    optional = {"organisation_id", "easting", "northing"}
    fields = {name: value for name, value in named.items() if value is not None or name in optional}
    return await runtime(request).actions.perform(
        describe_providers,
        Describe(provider_id, if_match(request), fields, checks, caller, cause(request)),
        view=_answer,
    )


@router.put(
    "/v1/providers/{provider_id}/places", response_model=ProviderOut, openapi_extra=takes(ProviderPlacesIn, VERSIONED)
)
async def put_places(
    request: Request,
    caller: PlacesOrProvides,
    provider_id: Id,
    body: Annotated[Body[ProviderPlacesIn], Depends(json_body(ProviderPlacesIn))],
) -> Response:
    """How many places the provider has, by phase, session and need. Never fewer than are taken or kept."""
    places = tuple({**place.model_dump(), "need": place.need or ANY} for place in body.value.places)
    return await runtime(request).actions.perform(
        publish_places, Publish(provider_id, if_match(request), places, caller, cause(request)), view=_answer
    )
