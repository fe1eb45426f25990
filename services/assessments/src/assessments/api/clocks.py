"""Clocks: what is due and late, exceptions with their evidence, and how many time limits were kept."""

from typing import Annotated, Any, Final

from chassis.auth import Caller
from chassis.bodies import KEYED, Body, json_body, takes
from chassis.errors import Forbidden, Malformed
from chassis.http import allow, etag, json_response, runtime
from chassis.wire import Day, Page, as_json
from fastapi import APIRouter, Depends, Query, Request, Response

from assessments import queries
from assessments.api.common import (
    FIRST,
    Code,
    Cursor,
    Filter,
    Id,
    Limit,
    SignedIn,
    Team,
    act,
    after,
    note,
    page,
    seen,
    visible,
)
from assessments.domain.figures import figures
from assessments.handlers import statutory as handlers
from assessments.policy import sees_all, works
from assessments.views.bodies import ClockExceptionIn
from assessments.views.clocks import ClockOut, FiguresOut, clock_out, figures_out

router: Final = APIRouter(tags=["clocks"])

Counts = Annotated[
    Caller, Depends(allow("cluster-lead", "caseworker", "intake", "operator", "data-protection-officer"))
]


@router.get("/v1/clocks", response_model=Page[ClockOut])
async def list_clocks(
    request: Request,
    caller: SignedIn,
    *,
    case: Filter = None,
    kind: Code = None,
    state: Annotated[str | None, Query(pattern="^(running|breached|met|cancelled)$")] = None,
    due_before: Annotated[Day | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Time limits of cases that you may know of, the first due first."""
    place = after(request, caller, cursor, (FIRST, ""))
    async with runtime(request).transaction() as tx:
        found = await queries.clocks_for(
            tx, seen(tx, caller), case=case, kind=kind, state=state, due_before=due_before, after=place,
            limit=limit + 1,
        )  # fmt: skip
        note(request, tx, caller, what="clocks", what_id=case or "all", case_id=case)
    return page(request, caller, found, limit=limit, out=clock_out, place=lambda one: (one.due_on.isoformat(), one.id))


@router.get("/v1/clocks/figures", response_model=FiguresOut)
async def get_figures(
    request: Request,
    caller: Counts,
    since: Annotated[Day, Query(alias="from")],
    until: Annotated[Day, Query(alias="to")],
    cluster: Filter = None,
) -> Response:
    """How many time limits whose last day lay in this time were kept, without exceptions and with them."""
    if until < since:
        raise Malformed("It ends before it begins.", pointer="/query/to")
    if not (sees_all(caller) or (cluster is not None and cluster in caller.clusters)):
        raise Forbidden("Name a cluster that you work for: ?cluster=.")
    async with runtime(request).transaction() as tx:
        found = figures(await queries.judged_clocks(tx, since=since, until=until, cluster=cluster))
    return json_response(as_json(figures_out(found, since=since, until=until, cluster=cluster)))


@router.get("/v1/clocks/{id}", response_model=ClockOut)
async def get_clock(request: Request, caller: SignedIn, id: Id) -> Response:
    """A time limit; the evidence of its exceptions for those who work the case."""
    async with runtime(request).transaction() as tx:
        case, standing = await visible(tx, caller, (await tx.casework.cases_of("clock", [id])).get(id))
        [one] = [clock for clock in await tx.casework.clocks([case.id]) if clock.id == id]
        evidence = (await tx.texts.evidence([id]))[id] if works(caller, standing) else ()
        note(request, tx, caller, what="clock", what_id=id, case_id=case.id)
    return json_response(as_json(clock_out(one, evidence)), headers={"ETag": etag(one.version)})


@router.post(
    "/v1/clocks/{id}/exceptions", status_code=201, response_model=ClockOut, openapi_extra=takes(ClockExceptionIn, KEYED)
)
async def record_exception(
    request: Request,
    caller: Team,
    id: Id,
    body: Annotated[Body[ClockExceptionIn], Depends(json_body(ClockExceptionIn))],
) -> Response:
    """An exception of the law, with its evidence. It excuses lateness; the clock goes on."""
    said = handlers.Excepted(**body.value.model_dump())

    def out(clock: Any) -> ClockOut:
        return clock_out(clock)

    return await act(
        request, caller, id, body, handlers.except_clocks, said=said, out=out, status=201,
        href=lambda clock: f"/v1/clocks/{clock.id}",
    )  # fmt: skip
