"""Routes of risks: what the rules saw, and what the cluster makes of it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Annotated, Any, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.errors import NotFound
from chassis.http import cause, idempotency_key, if_match, runtime
from chassis.wire import Page
from fastapi import APIRouter, Depends, Query, Request, Response

from placements import queries
from placements.api.parts import (
    FIRST_DAY,
    Cursor,
    Decides,
    Id,
    Limit,
    OptionalId,
    SignedIn,
    answer,
    note_read,
    one,
    page,
    position,
)
from placements.domain.days import day_of
from placements.domain.risk import Risk
from placements.handlers.risks import Decide, confirm_risks, dismiss_risks
from placements.policy import sees_exclusions
from placements.store import Tx
from placements.views.exclusions import RiskConfirmIn, RiskDismissIn, RiskOut, risk_out

router: Final = APIRouter(tags=["exclusions"])


@router.get("/v1/exclusions/risks", response_model=Page[RiskOut])
async def list_risks(
    request: Request,
    caller: SignedIn,
    *,
    case: OptionalId = None,
    state: Annotated[str | None, Query(pattern="^(raised|confirmed|dismissed)$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Risks of permanent exclusion that you may see, oldest first."""
    after = position(request, caller, cursor, date.fromisoformat, str, first=(FIRST_DAY, ""))
    async with runtime(request).transaction() as tx:
        found = await queries.risks_for(
            tx, caller, day_of(tx.now), case=case, state=state, after=(after[0], after[1]), limit=limit + 1
        )
        cases = await tx.cases.find({risk.case_id for risk in found})
        note_read(request, tx, caller, "risks", case or state or "all", case_id=case)
    return page(
        request, caller, found, limit,
        show=lambda risk: risk_out(risk, cases.get(risk.case_id), caller),
        at=lambda risk: (risk.raised_on.isoformat(), risk.id),
    )  # fmt: skip


@router.get("/v1/exclusions/risks/{risk_id}", response_model=RiskOut)
async def get_risk(request: Request, caller: SignedIn, risk_id: Id) -> Response:
    """A raised risk, and why."""
    async with runtime(request).transaction() as tx:
        risk = (await tx.risks.find([risk_id])).get(risk_id)
        if risk is None:
            raise NotFound
        case = (await tx.cases.find([risk.case_id])).get(risk.case_id)
        roles = await tx.participants.roles([risk.case_id], caller.organisation, day_of(tx.now))
        if not sees_exclusions(caller, case, roles.get(risk.case_id, ())):
            raise NotFound
        note_read(request, tx, caller, "risk", risk_id, case_id=risk.case_id)
    return one(risk_out(risk, case, caller), risk.version)


_Handler = Callable[[Sequence[Decide], Tx], Awaitable[Sequence[Any]]]


async def _decide(request: Request, caller: Caller, risk_id: str, body: Body[Any], handler: _Handler) -> Response:
    reason = getattr(body.value, "reason", None)
    return await runtime(request).actions.perform(
        handler,
        Decide(risk_id, if_match(request), reason, caller, cause(request)),
        view=_answer,
        idempotency=idempotency_key(request, caller, body.digest),
    )


def _answer(command: Decide, risk: Risk) -> Answer:
    return answer(risk_out(risk, None, command.caller), risk.version)


@router.post(
    "/v1/exclusions/risks/{risk_id}/confirm",
    response_model=RiskOut,
    openapi_extra=takes(RiskConfirmIn, KEYED, VERSIONED),
)
async def confirm_risk(
    request: Request,
    caller: Decides,
    risk_id: Id,
    body: Annotated[Body[RiskConfirmIn], Depends(json_body(RiskConfirmIn))],
) -> Response:
    """The cluster says that the risk is real."""
    return await _decide(request, caller, risk_id, body, confirm_risks)


@router.post(
    "/v1/exclusions/risks/{risk_id}/dismiss",
    response_model=RiskOut,
    openapi_extra=takes(RiskDismissIn, KEYED, VERSIONED),
)
async def dismiss_risk(
    request: Request,
    caller: Decides,
    risk_id: Id,
    body: Annotated[Body[RiskDismissIn], Depends(json_body(RiskDismissIn))],
) -> Response:
    """The cluster says that it is none, with a reason."""
    return await _decide(request, caller, risk_id, body, dismiss_risks)
