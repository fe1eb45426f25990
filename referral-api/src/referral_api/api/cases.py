"""Cases: listed, read, followed, ended."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEY_OPTIONAL, Body, json_body, takes
from chassis.errors import Malformed
from chassis.http import cause, json_response, runtime
from chassis.wire import Page
from fastapi import APIRouter, Depends, Query, Request, Response

from referral_api.api import parts
from referral_api.api.parts import Cursor, Id, Limit, OptionalId, OptionalWord, Reader, Worker
from referral_api.domain.case_file import CaseFile
from referral_api.domain.participation import present
from referral_api.domain.portrait import portrait, shown
from referral_api.domain.references import clean_reference
from referral_api.handlers import files
from referral_api.handlers.closing import CloseCase, close_cases
from referral_api.policy import TEAM_ROLES, identifiers, sees_case, sees_restricted_address, works_case
from referral_api.queries import lists, stories
from referral_api.queries.lists import CaseFilter
from referral_api.store import Tx
from referral_api.store.dated import timeline_templates
from referral_api.views.incoming import ClosingIn
from referral_api.views.outgoing import CaseOut, CaseSummaryOut, TimelineEntryOut, case_body, instant
from referral_api.views.timeline import ids_in, told

router: Final = APIRouter(tags=["cases"])


@router.get("/v1/cases", response_model=Page[CaseSummaryOut])
async def list_cases(
    request: Request,
    caller: Reader,
    *,
    status: OptionalWord = None,
    assignment: OptionalWord = None,
    reference: Annotated[str | None, Query(max_length=20)] = None,
    cluster_id: OptionalId = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """The cases that your organisation takes part in or your cluster holds, newest first; it names no child."""
    after = parts.position(request, caller, cursor, parts.instant_of, str)
    wanted = CaseFilter(status, assignment, _reference(reference), cluster_id)
    clusters = caller.clusters if caller.has(*TEAM_ROLES) else frozenset()
    async with runtime(request).transaction() as tx:
        rows = await lists.cases(
            tx,
            caller.organisation,
            clusters,
            wanted,
            after=(after[0], after[1]) if after else None,
            limit=limit + 1,
        )
        parts.note_read(request, tx, caller, what="cases", what_id=caller.organisation)
    return parts.page(
        request,
        caller,
        rows,
        limit,
        show=_summary,
        at=lambda row: (row["opened_at"].isoformat(), row["case_id"]),
    )


@router.get("/v1/cases/{id}", response_model=CaseOut)
async def read_case(request: Request, caller: Reader, id: Id) -> Response:
    """A case with its child, as far as you work it or have sent a referral to it."""
    async with runtime(request).transaction() as tx:
        case = await _visible(tx, caller, id)
        works = works_case(caller, case.participants, case.assignment.cluster_id)
        names = await stories.known_names(
            tx, {case.assignment.cluster_id or "", *(each.organisation_id for each in case.participants)}
        )
        parts.note_read(request, tx, caller, what="case", what_id=id, case_id=id)
    mine = [each for each in case.referrals if works or each.organisation_id == caller.organisation]
    child = {
        **portrait(mine),
        "address_restricted": any(each.content["child"].get("address_restricted") for each in case.referrals),
    }
    child = shown(child, numbers=identifiers(caller), whereabouts=sees_restricted_address(caller, own=not works))
    return json_response(case_body(case, child, mine, names, works=works))


@router.get("/v1/cases/{id}/timeline", response_model=Page[TimelineEntryOut])
async def read_timeline(
    request: Request, caller: Reader, id: Id, *, cursor: Cursor = None, limit: Limit = 100
) -> Response:
    """All that any service has said of the case, in order and in plain words."""
    after = parts.position(request, caller, cursor, parts.instant_of, str, int)
    async with runtime(request).transaction() as tx:
        await _visible(tx, caller, id)
        rows = await stories.timeline(tx, id, after=(after[0], after[1], after[2]) if after else None, limit=limit + 1)
        facts = {row["event_id"]: row["data"] for row in rows}
        names = await stories.known_names(tx, {each for data in facts.values() for each in ids_in(data)})
        parts.note_read(request, tx, caller, what="timeline", what_id=id, case_id=id)

    def show(row: dict[str, Any]) -> dict[str, Any]:
        return told(row, facts[row["event_id"]], timeline_templates(), names)

    return parts.page(
        request,
        caller,
        rows,
        limit,
        show=show,
        at=lambda row: (row["at"].isoformat(), row["source"], row["sequence"]),
    )


@router.post("/v1/cases/{id}/close", response_model=CaseSummaryOut, openapi_extra=takes(ClosingIn, KEY_OPTIONAL))
async def close_case(
    request: Request, caller: Worker, id: Id, body: Annotated[Body[ClosingIn], Depends(json_body(ClosingIn))]
) -> Response:
    """End a case that you work."""
    return await runtime(request).actions.perform(
        close_cases,
        CloseCase(id, body.value.reason, caller, cause(request)),
        view=lambda _, case: Answer(200, _summary_of(case)),
        idempotency=parts.optional_key(request, caller, body.digest),
    )


async def _visible(tx: Tx, caller: Caller, case_id: str) -> CaseFile:
    case = (await tx.cases.load([case_id])).get(case_id)
    if case is None or not sees_case(caller, present(case.participants), case.assignment.cluster_id):
        raise files.nothing()
    return case


def _reference(typed: str | None) -> str | None:
    if typed is None:
        return None
    reference = clean_reference(typed)
    if reference is None:
        raise Malformed("This is no case reference; look for a slip.", pointer="/query/reference")
    return reference


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    circumstances = row["circumstances"]
    return {
        "case_id": row["case_id"],
        "reference": row["reference"],
        "status": row["status"],
        "opened_at": instant(row["opened_at"]),
        "closed_at": instant(row["closed_at"]),
        "urgency": circumstances["urgency"],
        "risk_of_exclusion": circumstances["risk_of_exclusion"],
        "primary_need": next((need["type"] for need in circumstances["needs"]), None),
        "year_group": circumstances.get("year_group"),
        "assignment": {
            "state": row["assignment_state"],
            "cluster_id": row["cluster_id"],
            "organisation_id": row["holder_id"],
        },
    }


def _summary_of(case: CaseFile) -> dict[str, Any]:
    held = case.assignment
    return _summary(
        {
            "case_id": case.case_id,
            "reference": case.reference,
            "status": case.status.value,
            "opened_at": case.opened_at,
            "closed_at": case.closed_at,
            "circumstances": case.circumstances.model_dump(mode="json"),
            "assignment_state": held.state,
            "cluster_id": held.cluster_id,
            "holder_id": held.organisation_id,
        }
    )
