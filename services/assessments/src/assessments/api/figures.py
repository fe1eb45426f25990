"""Figures of how soon cases begin."""

from typing import Annotated, Final

from chassis.auth import Caller
from chassis.errors import Forbidden, Malformed
from chassis.http import allow, json_response, runtime
from chassis.wire import Day, as_json
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints

from assessments import queries
from assessments.domain.days import day_of
from assessments.policy import reached_without_views, sees_all
from assessments.views.beginnings import BeginningFiguresOut, beginnings_out

router: Final = APIRouter(tags=["assessments"])

Counts = Annotated[
    Caller, Depends(allow("cluster-lead", "caseworker", "intake", "operator", "data-protection-officer"))
]
Cluster = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]


@router.get("/v1/assessments/figures", response_model=BeginningFiguresOut)
async def get_figures(
    request: Request,
    caller: Counts,
    since: Annotated[Day, Query(alias="from")],
    until: Annotated[Day, Query(alias="to")],
    cluster: Annotated[list[Cluster] | None, Query(max_length=100)] = None,
) -> Response:
    """Days from a case's opening until a cluster took it on, and until the child or the family was first met.

    Met is who was asked for their views and reached. Name clusters to narrow it; whoever works for some sees theirs.
    """
    if until < since:
        raise Malformed("It ends before it begins.", pointer="/query/to")
    everything = sees_all(caller)
    wanted = cluster if everything else sorted(caller.clusters & set(cluster or caller.clusters))
    if not everything and not wanted:
        raise Forbidden("Name a cluster that you work for: ?cluster=.")
    async with runtime(request).transaction() as tx:
        reached = reached_without_views(day_of(tx.now))
        found = await queries.beginnings(tx, since=since, until=until, clusters=wanted, reached=reached)
    return json_response(
        as_json(beginnings_out(found, since=since, until=until, whole_county=everything and wanted is None))
    )
