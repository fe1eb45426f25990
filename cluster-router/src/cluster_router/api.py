"""The router's routes: clusters, where a case is and why, what people decide, and what a draft rule would do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, Final

from chassis.actions import Answer
from chassis.auth import Caller
from chassis.bodies import KEYED, VERSIONED, Body, json_body, takes
from chassis.errors import NotFound
from chassis.http import allow, cause, etag, idempotency_key, if_match, json_response, runtime
from chassis.wire import Page, as_json
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from cluster_router import queries
from cluster_router.domain.county import County
from cluster_router.domain.days import day_of
from cluster_router.domain.rules import amended, read_rules
from cluster_router.domain.simulation import simulate
from cluster_router.handlers import assignments
from cluster_router.handlers.assignments import Act
from cluster_router.policy import DOCUMENTS, rules_of, sees
from cluster_router.settings import Settings
from cluster_router.store import CaseFile, Tx
from cluster_router.views import (
    AssignmentOut,
    ClusterOut,
    EmptyIn,
    MoveOut,
    PlaceIn,
    QueuedOut,
    ReasonIn,
    SimulationIn,
    SimulationOut,
    actions_of,
    assignment_out,
    cluster_out,
    pending_out,
    queued_out,
)

router: Final = APIRouter()

#: Past cases that a draft is tried on at most: the newest ones.
MOST_CASES: Final = 5_000

_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
SignedIn = Annotated[Caller, Depends(allow())]
Decides = Annotated[Caller, Depends(allow("cluster-lead", "caseworker"))]
Places = Annotated[Caller, Depends(allow("intake", "operator", "cluster-lead"))]
Tries = Annotated[Caller, Depends(allow("cluster-lead", "intake", "operator"))]
CaseId = Annotated[str, Path(pattern=_ID)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=400)]


@router.get("/v1/clusters", response_model=Page[ClusterOut], tags=["clusters"])
async def list_clusters(request: Request, _caller: SignedIn) -> Response:
    """Every cluster with its load and capacity."""
    async with runtime(request).transaction() as tx:
        county, loads = await _county(tx)
    items = tuple(
        cluster_out(cluster, county, load=loads[cluster.id], team=(), whole=False)
        for cluster in county.clusters.values()
    )
    return json_response(as_json(Page[ClusterOut](items=items, next=None)))


@router.get("/v1/clusters/{cluster_id}", response_model=ClusterOut, tags=["clusters"])
async def get_cluster(request: Request, _caller: SignedIn, cluster_id: CaseId) -> Response:
    """A cluster with its schools and its team."""
    async with runtime(request).transaction() as tx:
        county, loads = await _county(tx)
        cluster = county.clusters.get(cluster_id)
        if cluster is None:
            raise NotFound
        teams = await tx.county.teams([cluster_id], day_of(tx.now))
    out = cluster_out(cluster, county, load=loads[cluster_id], team=teams.get(cluster_id, ()), whole=True)
    return json_response(as_json(out))


@router.get("/v1/assignments", response_model=Page[QueuedOut], tags=["assignments"])
async def list_assignments(
    request: Request,
    caller: SignedIn,
    *,
    state: Annotated[str | None, Query(pattern="^(queued|assigned|accepted)$")] = None,
    cluster: Annotated[str | None, Query(pattern=_ID)] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Open cases that you may know of, oldest first. `?state=queued` is the queue that no rule fits."""
    cursors = runtime(request).cursors
    after = (datetime(1970, 1, 1, tzinfo=UTC), "")
    if cursor is not None:
        at, case_id = cursors.decode(caller, cursor)
        after = (datetime.fromisoformat(at), case_id)
    async with runtime(request).transaction() as tx:
        found = await queries.cases_for(
            tx, caller, state=state, cluster=cluster, on=day_of(tx.now), after=after, limit=limit + 1
        )
        _note(request, tx, caller, what="assignments", what_id=cluster or state or "all")
    more = len(found) > limit
    found = found[:limit]
    following = cursors.encode(caller, found[-1].opened_at.isoformat(), found[-1].id) if more else None
    return json_response(as_json(Page[QueuedOut](items=tuple(map(queued_out, found)), next=following)))


@router.get("/v1/assignments/{case_id}", response_model=AssignmentOut, tags=["assignments"])
async def get_assignment(request: Request, caller: SignedIn, case_id: CaseId) -> Response:
    """Where a case is, why, who holds it, and what you may do. `pending` until the router has looked at it."""
    async with runtime(request).transaction() as tx:
        known = await tx.cases.find([case_id])
        participants = (await tx.cases.organisations([case_id], day_of(tx.now))).get(case_id, set())
        case = known.get(case_id)
        if case is None:
            # Who takes part may be known a moment before the case is: only they are told to wait.
            if caller.organisation not in participants:
                raise NotFound
            return json_response(as_json(pending_out(case_id, intake=_intake(request))))
        if not sees(caller, case.assignment, participants):
            raise NotFound
        county, _ = await _county(tx)
        trace, tenures = await tx.decisions.trace(case.decision), await tx.tenures.of(case_id)
        _note(request, tx, caller, what="assignment", what_id=case_id, case_id=case_id)
    out = assignment_out(case, trace, tenures, county, caller, intake=_intake(request))
    return json_response(as_json(out), headers={"ETag": etag(case.version)})


def _intake(request: Request) -> str:
    """The organisation that holds what no cluster does."""
    known = runtime(request).settings
    given = known if isinstance(known, Settings) else Settings(**known.model_dump(exclude_unset=True))
    return given.intake_organisation


def _note(request: Request, tx: Tx, caller: Caller, *, what: str, what_id: str, case_id: str | None = None) -> None:
    """Audit that somebody reads."""
    journey = cause(request).correlation_id
    tx.audit(action="read", what=what, what_id=what_id, case_id=case_id, caller=caller, correlation_id=journey)


async def _county(tx: Tx) -> tuple[County, Mapping[str, int]]:
    today = day_of(tx.now)
    county = await tx.county.snapshot(rules_of(today), today)
    standings = await tx.county.standings(today)
    return county, {id: standing.load for id, standing in standings.items()}


_Handler = Callable[[Sequence[Act], Tx], Awaitable[Sequence[Any]]]


async def _act(request: Request, caller: Caller, case_id: str, body: Body[Any], handler: _Handler) -> Response:
    place, reason = getattr(body.value, "cluster_id", ""), getattr(body.value, "reason", "")
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
    tags=["assignments"],
)
async def accept(
    request: Request, caller: Decides, case_id: CaseId, body: Annotated[Body[EmptyIn], Depends(json_body(EmptyIn))]
) -> Response:
    """Your cluster takes the case on."""
    return await _act(request, caller, case_id, body, assignments.accept_cases)


@router.post(
    "/v1/assignments/{case_id}/return",
    response_model=QueuedOut,
    openapi_extra=takes(ReasonIn, KEYED, VERSIONED),
    tags=["assignments"],
)
async def give_back(
    request: Request, caller: Decides, case_id: CaseId, body: Annotated[Body[ReasonIn], Depends(json_body(ReasonIn))]
) -> Response:
    """Your cluster gives the case back, with a reason; the intake desk places it."""
    return await _act(request, caller, case_id, body, assignments.return_cases)


@router.post(
    "/v1/assignments/{case_id}/override",
    response_model=QueuedOut,
    openapi_extra=takes(PlaceIn, KEYED, VERSIONED),
    tags=["assignments"],
)
async def override(
    request: Request, caller: Places, case_id: CaseId, body: Annotated[Body[PlaceIn], Depends(json_body(PlaceIn))]
) -> Response:
    """A person places the case, with a reason."""
    return await _act(request, caller, case_id, body, assignments.override_cases)


@router.post(
    "/v1/assignments/{case_id}/handover",
    response_model=QueuedOut,
    openapi_extra=takes(PlaceIn, KEYED, VERSIONED),
    tags=["assignments"],
)
async def offer_handover(
    request: Request, caller: Decides, case_id: CaseId, body: Annotated[Body[PlaceIn], Depends(json_body(PlaceIn))]
) -> Response:
    """Offer the case to another cluster; you hold it until they accept."""
    return await _act(request, caller, case_id, body, assignments.offer_handovers)


@router.post(
    "/v1/assignments/{case_id}/handover/accept",
    response_model=QueuedOut,
    openapi_extra=takes(EmptyIn, KEYED, VERSIONED),
    tags=["assignments"],
)
async def accept_handover(
    request: Request, caller: Decides, case_id: CaseId, body: Annotated[Body[EmptyIn], Depends(json_body(EmptyIn))]
) -> Response:
    """Take over a case that was offered to your cluster."""
    return await _act(request, caller, case_id, body, assignments.accept_handovers)


@router.post(
    "/v1/assignments/{case_id}/handover/decline",
    response_model=QueuedOut,
    openapi_extra=takes(EmptyIn, KEYED, VERSIONED),
    tags=["assignments"],
)
async def decline_handover(
    request: Request, caller: Decides, case_id: CaseId, body: Annotated[Body[EmptyIn], Depends(json_body(EmptyIn))]
) -> Response:
    """Decline an offer, or take your own back."""
    return await _act(request, caller, case_id, body, assignments.decline_handovers)


@router.post("/v1/simulations", response_model=SimulationOut, openapi_extra=takes(SimulationIn), tags=["simulations"])
async def run_simulation(
    request: Request, caller: Tries, body: Annotated[Body[SimulationIn], Depends(json_body(SimulationIn))]
) -> Response:
    """Replay past cases under changed rules: how many would have gone elsewhere. Nothing is kept."""
    wanted = body.value
    async with runtime(request).transaction() as tx:
        today = day_of(tx.now)
        draft = read_rules(amended(DOCUMENTS[rules_of(today).version], {**wanted.rules, "version": "draft"}))
        past = await tx.decisions.past(since=wanted.since, until=wanted.until, limit=MOST_CASES)
        schools, clusters = await tx.county.schools(), await tx.county.clusters()
        _note(request, tx, caller, what="simulation", what_id="draft")

    @cache
    def county_on(day: date) -> County:
        return County(schools, clusters, draft, day)

    # A second of counting must not keep everybody else waiting.
    result = await asyncio.to_thread(simulate, past, county_on)
    moves = tuple(MoveOut(from_cluster_id=a, to_cluster_id=b, cases=n) for a, b, n in result.moves)
    return json_response(as_json(SimulationOut(cases=result.cases, would_move=result.would_move, moves=moves)))
