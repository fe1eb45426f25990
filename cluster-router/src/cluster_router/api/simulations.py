"""What a draft of rules would have done."""

import asyncio
from datetime import date
from functools import cache
from itertools import islice
from typing import Annotated, Final

from chassis.auth import Caller
from chassis.bodies import Body, json_body, takes
from chassis.http import json_response, runtime
from chassis.wire import as_json
from fastapi import APIRouter, Depends, Request, Response

from cluster_router.api import parts
from cluster_router.api.parts import Tries
from cluster_router.domain.county import County
from cluster_router.domain.days import day_of
from cluster_router.domain.rules import amended, read_rules
from cluster_router.domain.simulation import Moved, simulate
from cluster_router.policy import DOCUMENTS, rules_of, sees
from cluster_router.store import CaseFile, Tx
from cluster_router.views.incoming import SimulationIn
from cluster_router.views.simulations import SimulationOut, simulation_out

router: Final = APIRouter(tags=["simulations"])

#: Past cases that a draft is tried on at most: the newest ones.
MOST_CASES: Final = 5_000


@router.post("/v1/simulations", response_model=SimulationOut, openapi_extra=takes(SimulationIn))
async def run_simulation(
    request: Request, caller: Tries, body: Annotated[Body[SimulationIn], Depends(json_body(SimulationIn))]
) -> Response:
    """Replay past cases under changed rules: how many would have gone elsewhere, which, and why. Nothing is kept."""
    wanted = body.value
    async with runtime(request).transaction() as tx:
        today = day_of(tx.now)
        draft = read_rules(amended(DOCUMENTS[rules_of(today).version], {**wanted.rules, "version": "draft"}))
        past = await tx.decisions.past(since=wanted.since, until=wanted.until, limit=MOST_CASES)
        schools, clusters = await tx.county.schools(), await tx.county.clusters()
        parts.note(request, tx, caller, what="simulation", what_id="draft")

    @cache
    def county_on(day: date) -> County:
        return County(schools, clusters, draft, day)

    # A second of counting must not keep everybody else waiting.
    result = await asyncio.to_thread(simulate, past, county_on)
    async with runtime(request).transaction() as tx:
        shown = await _shown(tx, caller, result.moved, wanted.show)
        for _, case in shown:
            parts.note(request, tx, caller, what="assignment", what_id=case.id, case_id=case.id)
    return json_response(as_json(simulation_out(result, shown, county_on(today))))


async def _shown(tx: Tx, caller: Caller, moved: tuple[Moved, ...], most: int) -> list[tuple[Moved, CaseFile]]:
    """The first of the cases that would move, as far as the caller may know of them."""
    ids = [one.case_id for one in moved] if most else []
    cases, participants = await tx.cases.find(ids), await tx.cases.organisations(ids, day_of(tx.now))
    visible = (
        (one, cases[one.case_id])
        for one in moved
        if one.case_id in cases and sees(caller, cases[one.case_id].assignment, participants.get(one.case_id, ()))
    )
    return list(islice(visible, most))
