"""Where cases are and why, and what people decide of them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.errors import NotFound
from chassis.http import cause, etag, idempotency_key, if_match, json_response, runtime
from chassis.wire import Moment, Page, as_json
from fastapi import APIRouter, Depends, Query, Request, Response

from cluster_router.api import parts
from cluster_router.api.parts import Cursor, Decides, Id, Limit, OptionalId, Places, Reader
from cluster_router.domain.days import day_of
from cluster_router.handlers import assignments, handovers
from cluster_router.handlers.assignments import Act
from cluster_router.policy import sees
from cluster_router.queries.assignments import Wanted, cases_for, decisions_of
from cluster_router.store import CaseFile, Tx
from cluster_router.views.assignments import (
    AssignmentOut,
    QueuedOut,
    TraceOut,
    actions_of,
    assignment_out,
    pending_out,
    queued_out,
    trace_in_words,
)
from cluster_router.views.incoming import DeclineIn, EmptyIn, PlaceIn, ReasonIn

router: Final = APIRouter(tags=["assignments"])

Since = Annotated[Moment | None, Query(description="Only what has changed at or after this instant.")]


@router.get("/v1/assignments", response_model=Page[QueuedOut])
async def list_assignments(
    request: Request,
    caller: Reader,
    *,
    state: Annotated[str | None, Query(pattern="^(queued|assigned|accepted)$")] = None,
    cluster: OptionalId = None,
    since: Since = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Open cases that you may know of, oldest first: in a state, of a cluster, changed since an instant.

    `?state=queued` is the queue that no rule fits.
    """
    cursors = runtime(request).cursors
    after = (datetime(1970, 1, 1, tzinfo=UTC), "")
    if cursor is not None:
        at, case_id = cursors.decode(caller, cursor)
        after = (datetime.fromisoformat(at), case_id)
    async with runtime(request).transaction() as tx:
        wanted = Wanted(state, cluster, since)
        found = await cases_for(tx, caller, wanted, on=day_of(tx.now), after=after, limit=limit + 1)
        parts.note(request, tx, caller, what="assignments", what_id=cluster or state or "all")
    more = len(found) > limit
    found = found[:limit]
    following = cursors.encode(caller, found[-1].opened_at.isoformat(), found[-1].id) if more else None
    return json_response(as_json(Page[QueuedOut](items=tuple(map(queued_out, found)), next=following)))


@router.get("/v1/assignments/{case_id}", response_model=AssignmentOut)
async def get_assignment(request: Request, caller: Reader, case_id: Id) -> Response:
    """Where a case is, why, who holds it, and what you may do. `pending` until the router has looked at it."""
    async with runtime(request).transaction() as tx:
        known = await tx.cases.find([case_id])
        participants = (await tx.cases.organisations([case_id], day_of(tx.now))).get(case_id, set())
        case = known.get(case_id)
        if case is None:
            # Who takes part may be known a moment before the case is: only they are told to wait.
            if caller.organisation not in participants:
                raise NotFound
            return json_response(as_json(pending_out(case_id, intake=parts.intake(request))))
        if not sees(caller, case.assignment, participants):
            raise NotFound
        county, _ = await parts.county_now(tx)
        trace, tenures = await tx.decisions.trace(case.decision), await tx.tenures.of(case_id)
        parts.note(request, tx, caller, what="assignment", what_id=case_id, case_id=case_id)
    out = assignment_out(case, trace, tenures, county, caller, intake=parts.intake(request))
    return json_response(as_json(out), headers={"ETag": etag(case.version)})


@router.get("/v1/assignments/{case_id}/trace", response_model=TraceOut)
async def get_trace(request: Request, caller: Reader, case_id: Id) -> Response:
    """Why a case is where it is, sentence by sentence, and where it was before."""
    async with runtime(request).transaction() as tx:
        case = (await tx.cases.find([case_id])).get(case_id)
        participants = (await tx.cases.organisations([case_id], day_of(tx.now))).get(case_id, set())
        if case is None or not sees(caller, case.assignment, participants):
            raise NotFound
        county, _ = await parts.county_now(tx)
        decided, tenures = await decisions_of(tx, case_id), await tx.tenures.of(case_id)
        parts.note(request, tx, caller, what="trace", what_id=case_id, case_id=case_id)
    return json_response(as_json(trace_in_words(case, decided, tenures, county, caller)))


_Handler = Callable[[Sequence[Act], Tx], Awaitable[Sequence[Any]]]


async def _act(request: Request, caller: Caller, case_id: str, body: Body[Any], handler: _Handler) -> Response:
    place, reason = getattr(body.value, "cluster_id", ""), getattr(body.value, "reason", None) or ""
    act = Act(case_id, if_match(request), caller, cause(request), place, reason)
    return await runtime(request).actions.perform(
        handler, act, view=_answer, idempotency=idempotency_key(request, caller, body.digest)
    )


def _answer(act: Act, case: CaseFile) -> Answer:
    body = {
        **queued_out(case).model_dump(mode="json"),
        "actions": [action.model_dump() for action in actions_of(case, act.caller)],
    }
    return Answer(200, body, {"ETag": etag(case.version)})


@router.post(
    "/v1/assignments/{case_id}/accept",
    response_model=QueuedOut,
    openapi_extra=takes(EmptyIn, KEYED, VERSIONED),
)
async def accept(
    request: Request, caller: Decides, case_id: Id, body: Annotated[Body[EmptyIn], Depends(json_body(EmptyIn))]
) -> Response:
    """Your cluster takes the case on."""
    return await _act(request, caller, case_id, body, assignments.accept_cases)


@router.post(
    "/v1/assignments/{case_id}/return",
    response_model=QueuedOut,
    openapi_extra=takes(ReasonIn, KEYED, VERSIONED),
)
async def give_back(
    request: Request, caller: Decides, case_id: Id, body: Annotated[Body[ReasonIn], Depends(json_body(ReasonIn))]
) -> Response:
    """Your cluster gives the case back, with a reason; the intake desk places it."""
    return await _act(request, caller, case_id, body, assignments.return_cases)


@router.post(
    "/v1/assignments/{case_id}/override",
    response_model=QueuedOut,
    openapi_extra=takes(PlaceIn, KEYED, VERSIONED),
)
async def override(
    request: Request, caller: Places, case_id: Id, body: Annotated[Body[PlaceIn], Depends(json_body(PlaceIn))]
) -> Response:
    """A person places the case, with a reason."""
    return await _act(request, caller, case_id, body, assignments.override_cases)


@router.post(
    "/v1/assignments/{case_id}/handover",
    response_model=QueuedOut,
    openapi_extra=takes(PlaceIn, KEYED, VERSIONED),
)
async def offer_handover(
    request: Request, caller: Decides, case_id: Id, body: Annotated[Body[PlaceIn], Depends(json_body(PlaceIn))]
) -> Response:
    """Offer the case to another cluster; you hold it until they accept."""
    return await _act(request, caller, case_id, body, handovers.offer_handovers)


@router.post(
    "/v1/assignments/{case_id}/handover/accept",
    response_model=QueuedOut,
    openapi_extra=takes(EmptyIn, KEYED, VERSIONED),
)
async def accept_handover(
    request: Request, caller: Decides, case_id: Id, body: Annotated[Body[EmptyIn], Depends(json_body(EmptyIn))]
) -> Response:
    """Take over a case that was offered to your cluster."""
    return await _act(request, caller, case_id, body, handovers.accept_handovers)


@router.post(
    "/v1/assignments/{case_id}/handover/decline",
    response_model=QueuedOut,
    openapi_extra=takes(DeclineIn, KEYED, VERSIONED),
)
async def decline_handover(
    request: Request, caller: Decides, case_id: Id, body: Annotated[Body[DeclineIn], Depends(json_body(DeclineIn))]
) -> Response:
    """Decline an offer and say why, or take your own back."""
    return await _act(request, caller, case_id, body, handovers.decline_handovers)
