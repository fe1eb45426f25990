"""Cases find their cluster, once, and a hard capacity is never exceeded."""

import asyncio
from typing import Any

from chassis.clock import new_id
from cluster_router.commands import check_decisions
from integration.cluster_router.conftest import limit, school
from schemas.referral import CaseCircumstancesChanged, CaseClosed, CaseErased, CaseOpened, CaseParticipantsChanged
from schemas.routing import (
    CaseAssigned,
    CaseReassigned,
    CaseUnrouted,
    ClusterCapacityChanged,
    ClusterChanged,
    HandoverOffered,
)
from support.service import Served, keyed, signed_in


def circumstances(**changes: Any) -> dict[str, Any]:
    """A nine-year-old at the first school."""
    usual = {
        "school_urn": "100001", "year_group": "5", "age": 9, "needs": [{"type": "SEMH", "rank": 1}],
        "home": {"state": "known", "easting": 383_000, "northing": 218_000}, "urgency": "soon",
        "risk_of_exclusion": "none",
    }  # fmt: skip
    return usual | changes


def opened(case_id: str | None = None, **changes: Any) -> CaseOpened:
    """A case."""
    case_id = case_id or new_id()
    return CaseOpened.model_validate(
        {
            "case_id": case_id,
            "reference": f"J-{case_id[-8:]}",
            "referral_id": new_id(),
            "circumstances": circumstances(**changes),
        }
    )


def changed(case_id: str, **changes: Any) -> CaseCircumstancesChanged:
    """Something about it."""
    return CaseCircumstancesChanged.model_validate(
        {"case_id": case_id, "changed": ["school_urn"], "circumstances": circumstances(**changes)}
    )


DESK = {"organisation": "county-council", "sector": "council", "roles": ("intake",)}
LEAD = {"organisation": "school-100001", "roles": ("cluster-lead",), "clusters": ("north-primary",), "subject": "lead"}


async def test_a_case_goes_to_its_schools_cluster_and_says_why(router: Served) -> None:
    case = opened()
    await router.hear(case)
    [said] = await router.said(CaseAssigned)
    assert isinstance(said, CaseAssigned)
    assert (said.case_id, said.cluster_id, said.organisation_id) == (case.case_id, "north-primary", "school-100001")
    answer = await router.client.get(f"/v1/assignments/{case.case_id}", headers=signed_in(**DESK))
    assert answer.status_code == 200
    body = answer.json()
    assert (body["state"], body["cluster_id"], body["holder"]["kind"]) == ("assigned", "north-primary", "cluster")
    assert body["sentence"].startswith("This case goes to North primary because ")
    assert body["trace"]["candidates"][0]["cluster"] == "north-primary"


async def test_what_no_rule_fits_waits_in_the_queue_and_is_placed_when_the_school_is_known(router: Served) -> None:
    case = opened(school_urn="199999")
    await router.hear(case)
    [unrouted] = await router.said(CaseUnrouted)
    assert isinstance(unrouted, CaseUnrouted)
    assert "school-unknown" in unrouted.reasons
    queue = await router.client.get("/v1/assignments?state=queued", headers=signed_in(**DESK))
    assert [item["case_id"] for item in queue.json()["items"]] == [case.case_id]
    await router.hear(school("199999", status=2, closed_on="2024-08-31", successors=[{"school_urn": "100002"}]))
    [said] = await router.said(CaseAssigned)
    assert isinstance(said, CaseAssigned)
    assert said.cluster_id == "north-primary"
    assert len(await router.said(CaseUnrouted)) == 1, "looking at the queue in vain says nothing"


async def test_the_same_event_twice_places_a_case_once(router: Served) -> None:
    record = router.record(opened())
    consumer = router.runtime.consumer
    assert consumer is not None
    await asyncio.gather(*(consumer.deliver([record]) for _ in range(5)))
    assert len(await router.said(CaseAssigned)) == 1
    assert await router.rows("SELECT load FROM cluster WHERE id = 'north-primary'") == [{"load": 1}]


async def test_a_hard_capacity_is_never_exceeded_by_batches_and_people_at_once(router: Served) -> None:
    await limit(router, "north-primary", 10)
    queued = [opened(school_urn=None, home={"state": "none"}) for _ in range(12)]
    await router.hear(*queued)
    versions = {row["case_id"]: row["version"] for row in await router.rows("SELECT case_id, version FROM case_file")}

    async def place(case_id: str) -> int:
        answer = await router.client.post(
            f"/v1/assignments/{case_id}/override",
            json={"cluster_id": "north-primary", "reason": "family-wish"},
            headers=signed_in(**DESK) | keyed() | {"If-Match": f'"{versions[case_id]}"'},
        )
        return answer.status_code

    statuses: list[int]
    statuses, *_ = await asyncio.gather(  # type: ignore[assignment]
        asyncio.gather(*(place(case.case_id) for case in queued)),
        *(router.hear(*(opened() for _ in range(4))) for _ in range(4)),
    )
    assert set(statuses) <= {200, 409}
    [row] = await router.rows("SELECT load FROM cluster WHERE id = 'north-primary'")
    [held] = await router.rows("SELECT count(*) AS n FROM case_file WHERE cluster = 'north-primary' AND NOT closed")
    assert row["load"] == held["n"] == 10
    assert await check_decisions(router.runtime) > 10
    numbers = [row["number"] for row in await router.rows("SELECT number FROM decision ORDER BY number")]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_place_that_gets_free_goes_to_the_oldest_that_waits(router: Served) -> None:
    await limit(router, "north-primary", 1)
    first, second, third = opened(), opened(), opened()
    await router.hear(first, second, third)
    assert len(await router.said(CaseAssigned)) == 1
    await router.hear(CaseClosed(case_id=first.case_id, reason="helped"))
    assert [said.case_id for said in await router.said(CaseAssigned) if isinstance(said, CaseAssigned)] == [
        first.case_id, second.case_id,
    ]  # fmt: skip
    await limit(router, "north-primary", 5)
    assert len(await router.said(CaseAssigned)) == 3
    assert len(await router.said(ClusterCapacityChanged)) == 2


async def test_a_change_moves_a_case_that_nobody_accepted_and_offers_one_that_somebody_did(router: Served) -> None:
    case = opened()
    await router.hear(case)
    await router.hear(changed(case.case_id, school_urn="100003"))
    [moved] = await router.said(CaseReassigned)
    assert isinstance(moved, CaseReassigned)
    assert (moved.from_cluster_id, moved.cluster_id) == ("north-primary", "south-primary")
    lead = LEAD | {"clusters": ("south-primary",)}
    accepted = await router.client.post(
        f"/v1/assignments/{case.case_id}/accept",
        json={},
        headers=signed_in(**lead) | keyed() | {"If-Match": '"2"'},
    )
    assert accepted.status_code == 200, accepted.text
    await router.hear(changed(case.case_id, school_urn="100004", year_group="7", age=11))
    [offered] = await router.said(HandoverOffered)
    assert isinstance(offered, HandoverOffered)
    assert offered.to_cluster_id == "north-secondary"
    body = (await router.client.get(f"/v1/assignments/{case.case_id}", headers=signed_in(**DESK))).json()
    assert body["holder"]["cluster_id"] == "south-primary", "the sender holds until the receiver accepts"


async def test_a_change_that_comes_before_its_case_waits_for_it(router: Served) -> None:
    case = opened()
    await router.hear(changed(case.case_id, school_urn="100003"), subject_sequence=1)
    assert await router.said(CaseAssigned, CaseReassigned) == []
    await router.hear(case, subject_sequence=2)
    reasons = await router.rows("SELECT state, reason FROM parked ORDER BY position")
    assert reasons[0] == {"state": "waiting", "reason": "case-unknown"}
    assert reasons[1] == {"state": "waiting", "reason": "behind-another"}


async def test_others_see_nothing_and_participants_see_no_distances(router: Served) -> None:
    case = opened()
    await router.hear(case)
    await router.hear(
        CaseParticipantsChanged.model_validate(
            {
                "case_id": case.case_id,
                "participants": [
                    {"organisation_id": "nhs-trust", "sector": "health", "role": "referrer", "since": "2022-01-01"}
                ],
            }
        )
    )
    stranger = await router.client.get(
        f"/v1/assignments/{case.case_id}", headers=signed_in(organisation="school-999999")
    )
    nowhere = await router.client.get(f"/v1/assignments/{new_id()}", headers=signed_in(organisation="school-999999"))
    assert (stranger.status_code, nowhere.status_code) == (404, 404)
    assert {**stranger.json(), "instance": "", "correlation_id": ""} == {
        **nowhere.json(),
        "instance": "",
        "correlation_id": "",
    }
    seen = await router.client.get(
        f"/v1/assignments/{case.case_id}", headers=signed_in(organisation="nhs-trust", sector="health")
    )
    assert seen.status_code == 200
    assert not any("squared" in candidate for candidate in seen.json()["trace"]["candidates"])


async def test_an_erased_case_leaves_neither_circumstances_nor_distances(router: Served) -> None:
    case = opened()
    await router.hear(case)
    await router.hear(CaseErased(case_id=case.case_id))
    assert await router.rows("SELECT circumstances FROM case_file") == [{"circumstances": None}]
    [row] = await router.rows("SELECT circumstances, trace FROM decision")
    assert (row["circumstances"], row["trace"]["candidates"], row["trace"]["school_urn"]) == (None, [], None)
    assert await check_decisions(router.runtime) == 1


async def test_a_draft_rule_shows_what_would_have_moved(router: Served) -> None:
    await limit(router, "north-primary", 1)
    await router.hear(opened(), opened(), opened())
    answer = await router.client.post(
        "/v1/simulations", json={"rules": {"choice": {"own_cluster_full": "neighbours"}}}, headers=signed_in(**DESK)
    )
    assert answer.json() == {
        "cases": 3, "would_move": 2,
        "moves": [{"from_cluster_id": None, "to_cluster_id": "south-primary", "cases": 2}],
    }  # fmt: skip
    wrong = await router.client.post(
        "/v1/simulations", json={"rules": {"choice": {"own": 1}}}, headers=signed_in(**DESK)
    )
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/choice/own")


async def test_clusters_are_said_whole_and_only_when_they_differ(router: Served) -> None:
    assert len(await router.said(ClusterChanged)) == 3
    listed = await router.client.get("/v1/clusters", headers=signed_in(**DESK))
    assert [item["id"] for item in listed.json()["items"]] == ["north-primary", "north-secondary", "south-primary"]
    one = await router.client.get("/v1/clusters/north-primary", headers=signed_in(**DESK))
    assert [member["school_urn"] for member in one.json()["members"]] == ["100001", "100002"]
