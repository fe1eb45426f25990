"""Cases find their cluster, once, and move when their circumstances do."""

import asyncio
from typing import Any

from chassis.clock import new_id
from cluster_router.commands import check_decisions
from integration.cluster_router.county import (
    AGENCY,
    DESK,
    NORTH,
    SOUTH,
    STRANGER,
    UPPER,
    act,
    changed,
    fire,
    get,
    opened,
    taking_part,
    where,
)
from schemas.referral import CaseClosed, CaseErased
from schemas.routing import (
    CaseAssigned,
    CaseReassigned,
    CaseUnrouted,
    HandoverLapsed,
    HandoverOffered,
)
from support.service import Served


async def test_a_case_goes_to_its_schools_cluster_and_says_why(router: Served) -> None:
    case = opened()
    await router.hear(case)
    [said] = await router.said(CaseAssigned)
    assert said == CaseAssigned(
        case_id=case.case_id, cluster_id="north-primary", organisation_id="school-100001", decision=1,
        rules_version="2026-09", reasons=("school-member",),
    )  # fmt: skip
    answer = await get(router, case.case_id, DESK)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["state"], body["cluster_id"], body["reasons"]) == ("assigned", "north-primary", ["school-member"])
    assert body["sentence"] == (
        "This case goes to North primary because School 100001 is a school of the primary phase, and School 100001 "
        "belongs to North primary."
    )
    assert body["trace"]["candidates"][0]["cluster"] == "north-primary"
    assert body["trace"]["candidates"][1]["why_not"] == "The child's school belongs to another cluster."


async def test_a_batch_is_numbered_without_gaps_in_the_order_it_came(router: Served) -> None:
    cases = [opened(school_urn=urn) for urn in ("100001", "100003", "199999", "100002")]
    await router.hear(*cases)
    rows = await router.rows("SELECT number, case_id, cluster FROM decision ORDER BY number")
    assert [row["number"] for row in rows] == [1, 2, 3, 4]
    assert [row["case_id"] for row in rows] == [case.case_id for case in cases]
    assert [row["cluster"] for row in rows] == ["north-primary", "south-primary", None, "north-primary"]
    assert await check_decisions(router.runtime) == 4


async def test_the_same_event_twice_places_a_case_once(router: Served) -> None:
    record = router.record(opened())
    consumer = router.runtime.consumer
    assert consumer is not None
    await asyncio.gather(*(consumer.deliver([record]) for _ in range(5)))
    assert len(await router.said(CaseAssigned)) == 1
    assert await router.rows("SELECT load FROM cluster WHERE id = 'north-primary'") == [{"load": 1}]


async def test_a_change_moves_a_case_that_nobody_has_accepted(router: Served) -> None:
    case = opened()
    await router.hear(case)
    await router.hear(changed(case.case_id, school_urn="100003"))
    [moved] = await router.said(CaseReassigned)
    assert isinstance(moved, CaseReassigned)
    assert (moved.from_cluster_id, moved.cluster_id, moved.decision) == ("north-primary", "south-primary", 2)
    assert moved.reasons == ("circumstances-changed", "school-member")
    loads = await router.rows("SELECT id, load FROM cluster WHERE phase = 'primary' ORDER BY id")
    assert loads == [{"id": "north-primary", "load": 0}, {"id": "south-primary", "load": 1}]


async def test_a_change_offers_a_case_that_somebody_has_accepted_and_leaves_it_with_them(router: Served) -> None:
    case = opened()
    await router.hear(case)
    assert (await act(router, case.case_id, "accept", NORTH)).status_code == 200
    await router.hear(changed(case.case_id, school_urn="100004", year_group="7", age=11))
    [offered] = await router.said(HandoverOffered)
    assert isinstance(offered, HandoverOffered)
    assert (offered.from_cluster_id, offered.to_cluster_id) == ("north-primary", "north-secondary")
    assert offered.reason == "phase-transfer"
    assert await where(router, case.case_id) == ("accepted", "north-primary")
    body = (await get(router, case.case_id, UPPER)).json()
    assert body["handover"]["to_cluster_id"] == "north-secondary", "the receiver sees what is offered"
    assert body["sentence"].startswith("This case goes to North primary"), "why it is where it still is"


async def test_an_offer_by_rule_follows_the_child(router: Served) -> None:
    case = opened()
    await router.hear(case)
    await act(router, case.case_id, "accept", NORTH)
    await router.hear(changed(case.case_id, school_urn="100003"))
    await router.hear(changed(case.case_id, ("home",), school_urn=None, home=at(383_000, 210_000)))
    await router.hear(changed(case.case_id, school_urn="100001"))
    offers = [event for event in await router.said(HandoverOffered) if isinstance(event, HandoverOffered)]
    assert [(offer.to_cluster_id, offer.reason) for offer in offers] == [("south-primary", "moved-school")]
    assert len(await router.said(HandoverLapsed)) == 1
    assert await router.rows("SELECT kind FROM deadline WHERE kind = 'handover-lapses'") == []
    assert await check_decisions(router.runtime) == 4


async def test_a_protected_address_takes_an_unaccepted_case_to_the_desk_and_leaves_an_accepted_one(
    router: Served,
) -> None:
    mine, theirs = opened(), opened()
    await router.hear(mine, theirs)
    await act(router, theirs.case_id, "accept", NORTH)
    hidden: dict[str, Any] = {"school_urn": None, "home": {"state": "restricted"}}
    await router.hear(*(changed(case.case_id, ("home",), **hidden) for case in (mine, theirs)))
    [unrouted] = await router.said(CaseUnrouted)
    assert isinstance(unrouted, CaseUnrouted)
    assert (unrouted.case_id, unrouted.reasons) == (mine.case_id, ("circumstances-changed", "home-restricted"))
    assert await where(router, mine.case_id) == ("queued", None)
    assert await where(router, theirs.case_id) == ("accepted", "north-primary")


async def test_who_keeps_waiting_for_the_same_reason_waits_without_a_word(router: Served) -> None:
    case = opened(school_urn="199999")
    await router.hear(case)
    await router.hear(changed(case.case_id, ("urgency",), school_urn="199999", urgency="urgent"))
    assert len(await router.said(CaseUnrouted)) == 1
    assert (await get(router, case.case_id, DESK)).json()["decision"] == 2
    await router.hear(changed(case.case_id, school_urn=None, home={"state": "none"}))
    assert len(await router.said(CaseUnrouted)) == 2


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
    await router.hear(taking_part(case.case_id, "nhs-trust"))
    stranger, nowhere = await get(router, case.case_id, STRANGER), await get(router, new_id(), STRANGER)
    assert (stranger.status_code, nowhere.status_code) == (404, 404)
    same = {"instance": "", "correlation_id": ""}
    assert stranger.json() | same == nowhere.json() | same
    assert (await get(router, case.case_id, SOUTH)).status_code == 404
    seen = await get(router, case.case_id, AGENCY)
    assert seen.status_code == 200
    assert not any("squared" in one or "metres" in one for one in seen.json()["trace"]["candidates"])
    assert not any(action["allowed"] for action in seen.json()["actions"])


async def test_who_takes_part_no_more_sees_no_more(router: Served) -> None:
    case = opened()
    await router.hear(case)
    await router.hear(taking_part(case.case_id, "nhs-trust", until="2026-11-22"))
    assert (await get(router, case.case_id, AGENCY)).status_code == 404
    await router.hear(taking_part(case.case_id, "nhs-trust", until="2026-11-23"))
    assert (await get(router, case.case_id, AGENCY)).status_code == 200
    await router.hear(taking_part(case.case_id))
    assert (await get(router, case.case_id, AGENCY)).status_code == 404


async def test_a_participant_is_told_that_the_case_is_pending_until_it_is_known(router: Served) -> None:
    case = opened()
    await router.hear(taking_part(case.case_id, "nhs-trust"))
    body = (await get(router, case.case_id, AGENCY)).json()
    assert (body["state"], body["holder"]["organisation_id"]) == ("pending", "county-council")
    assert (await get(router, case.case_id, DESK)).status_code == 404


async def test_an_erased_case_leaves_nothing_of_the_child_and_holds_no_place(router: Served) -> None:
    case = opened()
    await router.hear(case)
    await router.hear(taking_part(case.case_id, "nhs-trust"))
    await router.hear(CaseErased(case_id=case.case_id))
    assert await router.rows("SELECT circumstances, closed FROM case_file") == [{"circumstances": None, "closed": True}]
    [row] = await router.rows("SELECT circumstances, trace FROM decision")
    assert (row["circumstances"], row["trace"]["candidates"], row["trace"]["school_urn"]) == (None, [], None)
    assert await router.rows("SELECT 1 FROM participant") == []
    assert await router.rows("SELECT load FROM cluster WHERE id = 'north-primary'") == [{"load": 0}]
    assert await check_decisions(router.runtime) == 1
    body = (await get(router, case.case_id, DESK)).json()
    assert (body["sentence"], body["closed"]) == ("This case was erased.", True)
    refused = await act(router, case.case_id, "override", DESK, {"cluster_id": "south-primary", "reason": "capacity"})
    assert (refused.status_code, refused.json()["title"]) == (409, "Case closed")


async def test_a_closed_case_frees_its_place_once_and_ends_its_offer(router: Served) -> None:
    case = opened()
    await router.hear(case)
    await act(router, case.case_id, "accept", NORTH)
    await act(router, case.case_id, "handover", NORTH, {"cluster_id": "south-primary", "reason": "capacity"})
    await router.hear(CaseClosed(case_id=case.case_id, reason="needs-met"))
    await router.hear(CaseErased(case_id=case.case_id))
    assert await router.rows("SELECT load FROM cluster WHERE id = 'north-primary'") == [{"load": 0}]
    assert await router.rows("SELECT kind FROM deadline") == []
    await fire(router)
    body = (await get(router, case.case_id, DESK)).json()
    assert (body["closed"], body["handover"]) == (True, None)


def at(easting: int, northing: int) -> dict[str, Any]:
    """A home in this square."""
    return {"state": "known", "easting": easting, "northing": northing}
