"""Clusters: all of them, one, and its board."""

from typing import Final

from chassis.errors import NotFound
from chassis.http import json_response, runtime
from chassis.wire import Page, as_json
from fastapi import APIRouter, Request, Response

from cluster_router.api import parts
from cluster_router.api.parts import Id, Reader, SignedIn
from cluster_router.domain.days import day_of
from cluster_router.policy import board_of, ladder_of, sees_board, sees_homes
from cluster_router.queries import boards
from cluster_router.views.boards import BoardOut, Clockwork, board_out
from cluster_router.views.clusters import ClusterOut, cluster_out

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
