"""Clusters: all of them, one, and its board."""

from datetime import timedelta
from typing import Annotated, Final

from chassis.errors import Forbidden, Malformed, NotFound
from chassis.http import json_response, runtime
from chassis.wire import Day, Page, as_json
from fastapi import APIRouter, Query, Request, Response

from cluster_router.api import parts
from cluster_router.api.parts import Id, Reader, SignedIn
from cluster_router.domain.days import day_of, start_of
from cluster_router.policy import board_of, ladder_of, sees_all, sees_board, sees_homes, teams_of
from cluster_router.queries import boards, figures
from cluster_router.views.boards import BoardOut, Clockwork, board_out
from cluster_router.views.clusters import ClusterOut, cluster_out
from cluster_router.views.figures import ClusterFiguresOut, figures_out

router: Final = APIRouter(tags=["clusters"])


@router.get("/v1/clusters", response_model=Page[ClusterOut])
async def list_clusters(request: Request, _caller: SignedIn) -> Response:
    """Every cluster with its load and capacity."""
    async with runtime(request).transaction() as tx:
        county, loads = await parts.county_now(tx)
    items = tuple(
        cluster_out(cluster, county, load=loads[cluster.id], team=(), whole=False)
        for cluster in county.clusters.values()
    )
    return json_response(as_json(Page[ClusterOut](items=items, next=None)))


@router.get("/v1/clusters/figures", response_model=ClusterFiguresOut)
async def get_figures(
    request: Request,
    caller: Reader,
    since: Annotated[Day, Query(alias="from")],
    until: Annotated[Day, Query(alias="to")],
) -> Response:
    """Of the cases that each cluster was given from one day to another, those that it gave back or passed on.

    Of every cluster for the desk and for data protection, of their own for a cluster's team.
    """
    if until < since:
        raise Malformed("It ends before it begins.", pointer="/query/to")
    own = None if sees_all(caller) else sorted(teams_of(caller))
    if own == []:
        raise Forbidden("Figures are for those who work for a cluster, for the desk and for data protection.")
    async with runtime(request).transaction() as tx:
        found = await figures.given(tx, since=start_of(since), until=start_of(until + timedelta(days=1)), clusters=own)
    return json_response(as_json(figures_out(found, since=since, until=until)))


@router.get("/v1/clusters/{cluster_id}", response_model=ClusterOut)
async def get_cluster(request: Request, _caller: SignedIn, cluster_id: Id) -> Response:
    """A cluster with its schools and its team."""
    async with runtime(request).transaction() as tx:
        county, loads = await parts.county_now(tx)
        cluster = county.clusters.get(cluster_id)
        if cluster is None:
            raise NotFound
        teams = await tx.county.teams([cluster_id], day_of(tx.now))
    out = cluster_out(cluster, county, load=loads[cluster_id], team=teams.get(cluster_id, ()), whole=True)
    return json_response(as_json(out))


@router.get("/v1/clusters/{cluster_id}/board", response_model=BoardOut)
async def get_board(request: Request, caller: Reader, cluster_id: Id) -> Response:
    """A cluster at a glance, for its own team: load, what waits to be accepted, hand-overs, homes and schools."""
    async with runtime(request).transaction() as tx:
        county, loads = await parts.county_now(tx)
        cluster = county.clusters.get(cluster_id)
        if cluster is None or not sees_board(caller, cluster_id):
            raise NotFound
        found = await boards.board(tx, cluster_id)
        clockwork = Clockwork(tx.now, await tx.county.calendar(), board_of(county.on), ladder_of(county.on))
        parts.note(request, tx, caller, what="board", what_id=cluster_id)
    homes = sees_homes(caller, cluster_id)
    out = board_out(cluster, found, county, clockwork, load=loads[cluster_id], homes=homes)
    return json_response(as_json(out))
