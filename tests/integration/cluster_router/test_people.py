"""What people decide: accept, return, override, hand over; and that there is one holder throughout."""

from typing import Any

import pytest
from chassis.clock import BusinessClock
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
    later,
    limit,
    opened,
    taking_part,
    where,
)
from schemas.routing import (
    CaseAccepted,
    CaseReassigned,
    CaseReturned,
    HandoverAccepted,
    HandoverDeclined,
    HandoverLapsed,
    HandoverOffered,
)
from support.service import Served, keyed, signed_in

OVERRIDE = {"cluster_id": "south-primary", "reason": "family-preference"}
OFFER = {"cluster_id": "south-primary", "reason": "moved-home"}


async def a_case(router: Served, *, accepted: bool = False) -> str:
    """A case of the north's."""
    case = opened()
    await router.hear(case)
    if accepted:
        assert (await act(router, case.case_id, "accept", NORTH)).status_code == 200
    return case.case_id


async def test_the_cluster_accepts_and_says_who(router: Served) -> None:
    case = await a_case(router)
    answer = await act(router, case, "accept", NORTH)
    assert (answer.status_code, answer.json()["state"], answer.headers["ETag"]) == (200, "accepted", '"2"')
    assert await router.said(CaseAccepted) == [
        CaseAccepted(case_id=case, cluster_id="north-primary", organisation_id="school-100001", accepted_by="n")
    ]
    again = await act(router, case, "accept", NORTH)
    assert (again.status_code, again.json()["title"]) == (409, "Out of turn")


async def test_a_returned_case_is_the_desks_until_a_person_places_it(router: Served) -> None:
    case = await a_case(router)
    assert (await act(router, case, "return", NORTH, {"reason": "wrong-cluster"})).status_code == 200
    assert await router.said(CaseReturned) == [
        CaseReturned(case_id=case, cluster_id="north-primary", returned_by="n", reason="wrong-cluster")
    ]
    body = (await get(router, case, DESK)).json()
    assert (body["state"], body["reasons"], body["holder"]["kind"]) == ("queued", ["returned"], "intake")
    assert body["sentence"] == (
        "This case is back with the intake desk because a cluster returned it: another cluster should have it."
    )
    await limit(router, "north-primary", 50)
    assert await where(router, case) == ("queued", None), "the rules leave it to a person"
    assert await router.rows("SELECT load FROM cluster WHERE id = 'north-primary'") == [{"load": 0}]
    assert (await act(router, case, "override", DESK, OVERRIDE)).status_code == 200
    assert await where(router, case) == ("assigned", "south-primary")


async def test_an_override_is_a_decision_with_its_reason(router: Served) -> None:
    case = await a_case(router)
    assert (await act(router, case, "override", DESK, OVERRIDE)).status_code == 200
    [said] = await router.said(CaseReassigned)
    assert said == CaseReassigned(
        case_id=case, from_cluster_id="north-primary", cluster_id="south-primary", organisation_id="school-100003",
        decision=2, reasons=("override",), overridden_by="desk",
    )  # fmt: skip
    body = (await get(router, case, DESK)).json()
    assert body["sentence"] == "A person placed this case with South primary: the family asked for it."
    assert (body["trace"]["by"], body["trace"]["reason"]) == ("desk", "family-preference")
    assert body["trace"]["runner_up"] == "north-primary", "what the rules would have said"


async def test_a_hand_over_leaves_the_case_with_the_sender_until_it_is_accepted(router: Served) -> None:
    case = await a_case(router, accepted=True)
    assert (await act(router, case, "handover", NORTH, OFFER)).status_code == 200
    [offered] = await router.said(HandoverOffered)
    assert isinstance(offered, HandoverOffered)
    assert (offered.to_cluster_id, offered.reason) == ("south-primary", "moved-home")
    assert offered.answer_by.date().isoformat() == "2026-12-03"
    assert await where(router, case) == ("accepted", "north-primary")
    assert (await act(router, case, "handover/accept", NORTH)).status_code == 403, "the sender cannot accept for them"
    assert (await act(router, case, "handover/accept", SOUTH)).status_code == 200
    [accepted] = await router.said(HandoverAccepted)
    assert isinstance(accepted, HandoverAccepted)
    assert (accepted.cluster_id, accepted.organisation_id) == ("south-primary", "school-100003")
    body = (await get(router, case, DESK)).json()
    assert (body["state"], body["cluster_id"]) == ("accepted", "south-primary")
    assert body["sentence"] == "This case was handed over to South primary: moved home."
    assert await router.rows("SELECT kind FROM deadline") == []


async def test_a_receiver_declines_with_a_reason_and_the_sender_keeps_the_case(router: Served) -> None:
    case = await a_case(router, accepted=True)
    await act(router, case, "handover", NORTH, OFFER)
    for body in ({}, {"reason": "moved-home"}):
        refused = await act(router, case, "handover/decline", SOUTH, body)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/reason")
    assert (await act(router, case, "handover/decline", SOUTH, {"reason": "too-early"})).status_code == 200
    [offered] = await router.said(HandoverOffered)
    assert isinstance(offered, HandoverOffered)
    assert await router.said(HandoverDeclined, HandoverLapsed) == [
        HandoverDeclined(
            case_id=case, handover_id=offered.handover_id, from_cluster_id="north-primary",
            to_cluster_id="south-primary", declined_by="s", reason="too-early",
        )
    ]  # fmt: skip
    assert await where(router, case) == ("accepted", "north-primary")
    assert await router.rows("SELECT kind FROM deadline") == []
    assert (await act(router, case, "handover/decline", SOUTH, {"reason": "too-early"})).status_code == 404


async def test_a_sender_takes_an_offer_back_without_giving_a_reason(router: Served) -> None:
    case = await a_case(router, accepted=True)
    await act(router, case, "handover", NORTH, OFFER)
    assert (await act(router, case, "handover/decline", NORTH)).status_code == 200
    assert [type(event) for event in await router.said(HandoverDeclined, HandoverLapsed)] == [HandoverLapsed]
    assert await where(router, case) == ("accepted", "north-primary")
    assert await router.rows("SELECT kind FROM deadline") == []


async def test_whoever_works_for_both_declines_with_a_reason_and_takes_back_without(router: Served) -> None:
    case = await a_case(router, accepted=True)
    both = {**NORTH, "clusters": ("north-primary", "south-primary")}
    await act(router, case, "handover", both, OFFER)
    assert (await act(router, case, "handover/decline", both, {"reason": "no-capacity"})).status_code == 200
    await act(router, case, "handover", both, OFFER)
    assert (await act(router, case, "handover/decline", both)).status_code == 200
    said = await router.said(HandoverDeclined, HandoverLapsed)
    assert [type(event) for event in said] == [HandoverDeclined, HandoverLapsed]


async def test_what_nobody_answers_in_time_lapses(router: Served, clock: BusinessClock) -> None:
    case = await a_case(router, accepted=True)
    await act(router, case, "handover", NORTH, OFFER)
    await fire(router)
    assert await router.said(HandoverLapsed) == []
    later(clock, days=10, minutes=1)
    await fire(router)
    [lapsed] = await router.said(HandoverLapsed)
    assert isinstance(lapsed, HandoverLapsed)
    assert (lapsed.from_cluster_id, lapsed.to_cluster_id) == ("north-primary", "south-primary")
    late = await act(router, case, "handover/accept", SOUTH)
    assert late.status_code == 404, "what is no longer offered is no longer seen"
    assert await where(router, case) == ("accepted", "north-primary")


async def test_a_full_cluster_takes_nothing_over_and_nothing_by_hand(router: Served) -> None:
    case = await a_case(router, accepted=True)
    other = await a_case(router)
    await act(router, case, "handover", NORTH, OFFER)
    await limit(router, "south-primary", 0)
    for number, (what, who, body) in enumerate([("handover/accept", SOUTH, {}), ("override", DESK, OVERRIDE)]):
        refused = await act(router, (case, other)[number], what, who, body)
        assert (refused.status_code, refused.json()["title"]) == (409, "Cluster full")
    assert await where(router, case) == ("accepted", "north-primary")
    assert await where(router, other) == ("assigned", "north-primary")


async def test_there_is_exactly_one_holder_at_every_instant(router: Served, clock: BusinessClock) -> None:
    case = await a_case(router)
    for what, who, body in [
        ("return", NORTH, {"reason": "capacity"}),
        ("override", DESK, OVERRIDE),
        ("accept", SOUTH, {}),
        ("handover", SOUTH, {"cluster_id": "north-primary", "reason": "moved-home"}),
        ("handover/accept", NORTH, {}),
    ]:
        later(clock, days=1)
        assert (await act(router, case, what, who, body)).status_code == 200, what
    held = (await get(router, case, DESK)).json()["holders"]
    assert [(one["kind"], one["cluster_id"], one["organisation_id"]) for one in held] == [
        ("intake", None, "county-council"),
        ("cluster", "north-primary", "school-100001"),
        ("intake", None, "county-council"),
        ("cluster", "south-primary", "school-100003"),
        ("cluster", "north-primary", "school-100001"),
    ]
    assert [one["until"] for one in held[:-1]] == [one["since"] for one in held[1:]]
    assert held[-1]["until"] is None


async def test_a_clock_that_is_put_back_leaves_no_gap_and_no_overlap(router: Served, clock: BusinessClock) -> None:
    case = await a_case(router)
    later(clock, days=-2)
    assert (await act(router, case, "return", NORTH, {"reason": "capacity"})).status_code == 200
    held = (await get(router, case, DESK)).json()["holders"]
    assert [one["until"] for one in held[:-1]] == [one["since"] for one in held[1:]]
    assert held[1]["since"] == held[1]["until"] == held[2]["since"]


async def test_what_is_a_persons_to_place_stays_so_when_circumstances_change(router: Served) -> None:
    case = await a_case(router)
    await act(router, case, "return", NORTH, {"reason": "wrong-cluster"})
    await router.hear(changed(case, school_urn="100003"))
    assert await where(router, case) == ("queued", None)
    assert await router.said(CaseReassigned) == []
    [kept] = await router.rows("SELECT circumstances->>'school_urn' AS urn FROM case_file")
    assert kept == {"urn": "100003"}


async def test_the_desk_is_told_in_the_queue_and_agencies_see_only_theirs(router: Served) -> None:
    mine, other = opened(school_urn="199999"), opened(school_urn="199999")
    await router.hear(mine, other, opened())
    await router.hear(taking_part(mine.case_id, "nhs-trust"))

    async def queue(who: dict[str, Any], **query: str) -> dict[str, Any]:
        answer = await router.client.get(
            "/v1/assignments", params={"state": "queued", **query}, headers=signed_in(**who)
        )
        assert answer.status_code == 200
        body: dict[str, Any] = answer.json()
        return body

    whole = await queue(DESK)
    assert {item["case_id"] for item in whole["items"]} == {mine.case_id, other.case_id}
    assert all(item["reasons"] == ["school-unknown"] for item in whole["items"])
    assert [item["case_id"] for item in (await queue(AGENCY))["items"]] == [mine.case_id]
    assert (await queue(STRANGER))["items"] == []
    first = await queue(DESK, limit="1")
    second = await queue(DESK, limit="1", cursor=first["next"])
    assert [first["items"][0], second["items"][0]] == whole["items"]
    assert second["next"] is None


ACTS = ("accept", "return", "override", "handover", "handover/accept", "handover/decline")


@pytest.mark.parametrize("what", ACTS)
async def test_nobody_acts_on_what_they_may_not_see(router: Served, what: str) -> None:
    case = await a_case(router, accepted=True)
    stranger = {**SOUTH, "clusters": ("west-primary",), "organisation": "school-999999"}
    answer = await act(router, case, what, stranger, body_of(what))
    assert answer.status_code == 404


@pytest.mark.parametrize("what", ACTS)
async def test_a_stale_version_or_none_is_refused(router: Served, what: str) -> None:
    case = await a_case(router, accepted=True)
    stale = await act(router, case, what, NORTH, body_of(what), **{"If-Match": '"1"'})
    assert stale.status_code == 412
    headers = signed_in(**NORTH) | keyed()
    answer = await router.client.post(f"/v1/assignments/{case}/{what}", json=body_of(what), headers=headers)
    assert answer.status_code == 428


async def test_the_same_key_answers_the_same(router: Served) -> None:
    case = await a_case(router)
    headers = signed_in(**NORTH) | keyed("once") | {"If-Match": '"1"'}
    answers = [await router.client.post(f"/v1/assignments/{case}/accept", json={}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert len(await router.said(CaseAccepted)) == 1
    without = signed_in(**NORTH) | {"If-Match": '"1"'}
    answer = await router.client.post(f"/v1/assignments/{case}/accept", json={}, headers=without)
    assert (answer.status_code, answer.json()["title"]) == (400, "Idempotency key required")


@pytest.mark.parametrize(
    ("what", "who", "body", "pointer"),
    [
        ("return", NORTH, {"reason": "just-because"}, "/reason"),
        ("return", NORTH, {}, "/reason"),
        ("override", DESK, {"cluster_id": "nowhere", "reason": "capacity"}, "/cluster_id"),
        ("override", DESK, {"cluster_id": "south-primary", "reason": "moved-home"}, "/reason"),
        ("override", DESK, {**OVERRIDE, "note": "free text"}, "/note"),
        ("handover", NORTH, {"cluster_id": "nowhere", "reason": "moved-home"}, "/cluster_id"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_field(
    router: Served, what: str, who: dict[str, Any], body: dict[str, Any], pointer: str
) -> None:
    case = await a_case(router, accepted=what == "handover")
    answer = await act(router, case, what, who, body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_each_person_is_told_what_they_may_do_and_why_not(router: Served) -> None:
    case = await a_case(router, accepted=True)
    await act(router, case, "handover", NORTH, OFFER)

    async def allowed(who: dict[str, Any]) -> set[str]:
        actions = (await get(router, case, who)).json()["actions"]
        assert all(action["allowed"] == (action["reason"] is None) for action in actions)
        return {action["name"] for action in actions if action["allowed"]}

    assert await allowed(NORTH) == {"override", "decline-handover"}
    assert await allowed(SOUTH) == {"accept-handover", "decline-handover"}
    assert await allowed(DESK) == {"override"}
    assert (await get(router, case, UPPER)).status_code == 404


async def test_every_act_and_every_look_is_noted(router: Served) -> None:
    case = await a_case(router)
    await act(router, case, "accept", NORTH)
    rows = await router.rows("SELECT actor, action, case_id FROM audit ORDER BY id")
    assert {"actor": "n", "action": "accepted", "case_id": case} in rows
    assert {"actor": "desk", "action": "read", "case_id": case} in rows


def body_of(what: str) -> dict[str, Any]:
    """What an act needs to be told."""
    return {"return": {"reason": "capacity"}, "override": OVERRIDE, "handover": OFFER}.get(what, {})
