"""What the children of cases are called: for a list of cases on a screen, and for nothing else."""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Final

from chassis.auth import Caller
from chassis.bodies import Body, json_body, takes
from chassis.http import cause, json_response, runtime
from chassis.wire import Page
from fastapi import APIRouter, Depends, Request, Response
from schemas.referral import Participant

from referral_api.api.parts import Reader
from referral_api.policy import sees_case, works_case
from referral_api.queries import lists
from referral_api.views.incoming import NamesIn
from referral_api.views.outgoing import NameOut

router: Final = APIRouter(tags=["cases"])


@router.post("/v1/children:names", response_model=Page[NameOut], openapi_extra=takes(NamesIn))
async def read_names(
    request: Request, caller: Reader, body: Annotated[Body[NamesIn], Depends(json_body(NamesIn))]
) -> Response:
    """The names for those of these cases that you may see; the others are left out. Each look is audited."""
    wanted = list(dict.fromkeys(body.value.case_ids))
    async with runtime(request).transaction() as tx:
        asked_for = await tx.grants.standing(wanted, subject=caller.subject, organisation=caller.organisation)
        found = _seen(await lists.names(tx, wanted), caller, asked_for)
        for case_id in found:
            tx.audit(
                action="read",
                what="name",
                what_id=case_id,
                caller=caller,
                case_id=case_id,
                reason=asked_for.get(case_id, body.value.reason),
                correlation_id=cause(request).correlation_id,
            )
    return json_response({"items": [found[case_id] for case_id in wanted if case_id in found], "next": None})


def _seen(rows: Sequence[dict[str, Any]], caller: Caller, asked_for: Collection[str]) -> dict[str, dict[str, Any]]:
    """The latest name of each case that the caller may see: any sender's for who reads all of it, else their own."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        asked = row["case_id"] in asked_for
        if row["case_id"] in found or not (asked or sees_case(caller, row["organisations"], row["cluster_id"])):
            continue
        people = tuple(Participant.model_validate(each) for each in row["participants"])
        if asked or row["organisation_id"] == caller.organisation or works_case(caller, people, row["cluster_id"]):
            found[row["case_id"]] = {
                "case_id": row["case_id"],
                "reference": row["reference"],
                "given_name": row["given_name"],
                "family_name": row["family_name"],
            }
    return found
