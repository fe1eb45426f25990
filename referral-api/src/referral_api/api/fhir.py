"""The FHIR facade's own description, and its answer wherever it has nothing."""

from typing import Final

from chassis.errors import MethodNotAllowed, NotFound
from chassis.http import public
from chassis.service import VERSION
from fastapi import APIRouter, Depends, Request, Response

from referral_api.api import fhir_reading, fhir_sending
from referral_api.api.fhir_frame import BASE, FhirRoute, base_of, fhir_response, rules_of
from referral_api.views.fhir.capability import capability_statement

router: Final = APIRouter(tags=["fhir"], route_class=FhirRoute, include_in_schema=False, dependencies=[Depends(public)])


@router.get(f"{BASE}/metadata")
async def read_metadata(request: Request) -> Response:
    """What can be done here. The facade describes itself in FHIR's own way, not in the house's OpenAPI document."""
    return fhir_response(
        capability_statement(base_of(request), rules_of(request), version=VERSION, personal=fhir_reading.PERSONAL)
    )


@router.api_route("/fhir", methods=[], operation_id="fhir")
@router.api_route("/fhir/{rest:path}", methods=[], operation_id="fhir_elsewhere")
async def nothing_here(request: Request) -> Response:
    """Every other address and every other method: a refusal in FHIR's form."""
    allowed = methods_of(request.scope["path"])
    if not allowed:
        raise NotFound
    raise MethodNotAllowed(", ".join(allowed))


def methods_of(path: str) -> list[str]:
    """What may be done with an address of the facade."""
    routes = (*fhir_sending.router.routes, *fhir_reading.router.routes, *router.routes)
    return sorted(
        {
            method
            for route in routes
            if isinstance(route, FhirRoute) and route.path_regex.match(path)
            for method in route.methods or ()
        }
    )
