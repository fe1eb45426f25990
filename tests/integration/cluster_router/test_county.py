"""What the router learns of its county, what an operator brings, and what a draft rule would do."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from chassis.cause import Cause
from chassis.clock import BusinessClock, new_id
from cluster_router.commands import default_clusters, import_capacity, import_clusters
from cluster_router.domain.clusters import NoSchoolsKnown, NotAClusterFile
from cluster_router.handlers import county
from cluster_router.handlers.county import Changes
from integration.cluster_router.county import (
    AGENCY,
    COLUMNS,
    DESK,
    NORTH,
    SCHOOLS,
    SOUTH,
    act,
    fire,
    get,
    later,
    limit,
    opened,
    school,
    taking_part,
)
from schemas.directory import RoleChanged
from schemas.routing import CaseAssigned, ClusterCapacityChanged, ClusterChanged
from support.service import Served, signed_in


def role(role_id: str | None = None, **changes: Any) -> RoleChanged:
    """A caseworker of the north."""
    usual = {
        "role_id": role_id or new_id(), "person_id": "p-1", "organisation_id": "nhs-trust", "sector": "health",
        "role": "caseworker", "cluster_id": "north-primary", "since": "2026-09-01",
    }  # fmt: skip
    return RoleChanged.model_validate(usual | changes)


async def teams(router: Served) -> list[tuple[str, list[str]]]:
    """Each statement about a cluster since it was made: its id, and who is in its team."""
    said = [event for event in await router.said(ClusterChanged) if isinstance(event, ClusterChanged)]
    return [(event.cluster_id, [member.person_id for member in event.cluster.team]) for event in said[3:]]


async def test_clusters_are_said_whole_and_shown_with_members_team_capacity_and_load(router: Served) -> None:
    assert len(await router.said(ClusterChanged)) == 3
    await router.hear(role(), opened())
    await limit(router, "north-primary", 40)
    [said] = await router.said(ClusterCapacityChanged)
    assert isinstance(said, ClusterCapacityChanged)
    assert (said.cluster.capacity, len(said.cluster.members), len(said.cluster.team)) == (40, 2, 1)
    listed = (await router.client.get("/v1/clusters", headers=signed_in(**AGENCY))).json()
    assert [item["id"] for item in listed["items"]] == ["north-primary", "north-secondary", "south-primary"]
    one = (await router.client.get("/v1/clusters/north-primary", headers=signed_in(**AGENCY))).json()
    assert [(member["school_urn"], member["name"]) for member in one["members"]] == [
        ("100001", "School 100001"),
        ("100002", "School 100002"),
    ]
    assert (one["capacity"], one["hard"], one["load"]) == (40, True, 1)
    assert one["team"] == [{"person_id": "p-1", "role": "caseworker", "sector": "health"}]
    nowhere = await router.client.get("/v1/clusters/west-primary", headers=signed_in(**AGENCY))
    assert nowhere.status_code == 404


async def test_a_team_is_said_anew_when_it_changes_and_only_then(router: Served) -> None:
    await router.hear(role("r-1"))
    await router.hear(role("r-1"))
    await router.hear(role("r-2", person_id="p-2"))
    await router.hear(role("r-1", cluster_id="south-primary"))
    await router.hear(role("r-3", cluster_id=None), role("r-4", cluster_id="west-primary"))
    assert await teams(router) == [
        ("north-primary", ["p-1"]),
        ("north-primary", ["p-1", "p-2"]),
        ("north-primary", ["p-2"]),
        ("south-primary", ["p-1"]),
    ]


async def test_a_role_begins_and_ends_on_its_days(router: Served, clock: BusinessClock) -> None:
    await router.hear(role(since="2026-11-25", until="2026-11-26"))
    assert await teams(router) == []
    for _ in range(4):
        later(clock, days=1)
        await fire(router)
    assert await teams(router) == [("north-primary", ["p-1"]), ("north-primary", [])]


async def test_of_two_who_change_a_cluster_the_second_says_what_both_did(router: Served) -> None:
    async with router.runtime.transaction() as tx:
        row = {"cluster_id": "north-primary", "since": "2022-04-01", "capacity": "7", "kind": "hard"}
        await county.import_capacities(tx, [row], Cause.fresh())
        hearing = asyncio.create_task(router.hear(role()))
        while not (hearing.done() or await somebody_waits(router)):
            pass
    await hearing
    newest = await router.rows("SELECT data FROM outbox WHERE subject = 'north-primary' ORDER BY sequence DESC LIMIT 1")
    said = ClusterChanged.from_json(newest[0]["data"]).cluster
    assert (said.capacity, len(said.team)) == (7, 1)


async def somebody_waits(router: Served) -> bool:
    """Whether a session of the router's waits for another's lock."""
    return bool(await router.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))


async def test_clusters_are_made_by_default_from_the_schools_that_are_known(empty_router: Served) -> None:
    with pytest.raises(NoSchoolsKnown):
        await default_clusters(empty_router.runtime)
    await empty_router.hear(*SCHOOLS, school("100009", establishment_type="07"), school("100010", district="South"))
    made = await default_clusters(empty_router.runtime)
    assert made.changed == ("north-primary", "north-secondary", "south-primary")
    again = await default_clusters(empty_router.runtime)
    assert (again.changed, again.unchanged) == ((), 3)
    await empty_router.hear(case := opened(school_urn="100002"))
    [said] = await empty_router.said(CaseAssigned)
    assert isinstance(said, CaseAssigned)
    assert (said.case_id, said.cluster_id) == (case.case_id, "north-primary")


async def test_an_operator_imports_clusters_and_capacities_from_files(empty_router: Served, tmp_path: Path) -> None:
    def file(name: str, text: str) -> Path:
        (tmp_path / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        return tmp_path / name

    runtime = empty_router.runtime
    west = file("west.csv", ",".join(COLUMNS) + "\nwest-primary,West,primary,West,100005,100005,2026-09-01,\n")
    assert await import_clusters(runtime, west) == Changes(("west-primary",), 0)
    assert await import_clusters(runtime, west) == Changes((), 1)
    room = file("room.csv", "\ufeffcluster_id,since,capacity,kind\nwest-primary,2026-09-01,12,hard\n")
    assert await import_capacity(runtime, room) == Changes(("west-primary",), 0)
    wrong = file("wrong.csv", "cluster_id,since,capacity,kind\nwest-primary,someday,12,hard\n")
    with pytest.raises(NotAClusterFile, match="Row 2: since must be a date like 2026-09-01"):
        await import_capacity(runtime, wrong)
    with pytest.raises(NotAClusterFile, match="UTF-8"):
        await import_clusters(runtime, file("binary.csv", "\ud800"))
    [said] = await empty_router.said(ClusterCapacityChanged)
    assert isinstance(said, ClusterCapacityChanged)
    assert said.cluster.capacity == 12


async def test_a_draft_rule_shows_what_would_have_moved(router: Served) -> None:
    await limit(router, "north-primary", 1)
    waiting = [opened() for _ in range(3)]
    await router.hear(*waiting)
    await router.hear(elsewhere := opened(school_urn="100003"))
    await act(router, elsewhere.case_id, "override", DESK, {"cluster_id": "north-secondary", "reason": "rule-wrong"})

    async def try_out(who: dict[str, Any], **body: Any) -> Any:
        answer = await router.client.post("/v1/simulations", json=body, headers=signed_in(**who))
        return answer.status_code, answer.json()

    overflow = {"choice": {"own_cluster_full": "neighbours"}}
    status, found = await try_out(DESK, rules=overflow)
    assert (status, found["cases"], found["would_move"]) == (200, 4, 2)
    assert found["moves"] == [{"from_cluster_id": None, "to_cluster_id": "south-primary", "cases": 2}]
    assert [tuple(one.values()) for one in found["clusters"]] == [
        (None, 2, 0, None), ("north-primary", 1, 1, 1), ("south-primary", 1, 3, None),
    ]  # fmt: skip
    [first, second] = found["moved"]
    assert {first["case_id"], second["case_id"]} == {case.case_id for case in waiting[1:]}
    assert (first["from_cluster_id"], first["to_cluster_id"]) == (None, "south-primary")
    assert first["reasons"] == ["school-member", "capacity-full", "load-balanced"]
    assert first["was"].startswith("This case waits for the intake desk because")
    assert first["would_be"].endswith("North primary is full, and South primary is the best neighbour that has room.")
    assert len((await try_out(DESK, rules=overflow, show=1))[1]["moved"]) == 1
    assert (await try_out(SOUTH, rules=overflow))[1]["moved"] == [], "a lead is shown no case of others"
    await router.hear(taking_part(waiting[2].case_id, "school-100003"))
    assert [one["case_id"] for one in (await try_out(SOUTH, rules=overflow))[1]["moved"]] == [waiting[2].case_id]
    same = (await try_out(NORTH, rules={}))[1]
    assert (same["cases"], same["would_move"], same["moves"], same["moved"]) == (4, 0, [], [])
    assert (await try_out(DESK, rules=overflow, since="2026-11-24"))[1]["cases"] == 0
    status, refusal = await try_out(DESK, rules={"choice": {"own": 1}})
    assert (status, refusal["errors"][0]["pointer"]) == (422, "/choice/own")
    assert (await try_out(AGENCY, rules={}))[0] == 403


async def test_nothing_the_router_says_or_keeps_after_erasure_names_a_square(router: Served) -> None:
    case = opened(home={"state": "known", "easting": 381_000, "northing": 217_000})
    await router.hear(case)
    said = b"".join(row["data"] for row in await router.rows("SELECT data FROM outbox"))
    assert b"381000" not in said
    assert b"381000" not in (await get(router, case.case_id, DESK)).content
