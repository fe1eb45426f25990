"""Who sees which case, and how much of it."""

from typing import Any

import pytest
from integration.referral_api.steps import HOSPITAL, INTAKE, LEAD, SCHOOL, SOCIAL_CARE, House, a_child, a_referral
from schemas.referral import CaseParticipantsChanged
from schemas.routing import (
    CaseAccepted,
    CaseAssigned,
    CaseReassigned,
    CaseReturned,
    CaseUnrouted,
    Cluster,
    ClusterChanged,
    HandoverAccepted,
    HandoverLapsed,
    HandoverOffered,
)

OTHER_LEAD = {**LEAD, "organisation": "school-115700", "subject": "person-other-lead"}
UPN, NHS = "W916200018001", "9990000018"


def assigned(case_id: str, cluster: str = "gloucester-primary", organisation: str = "school-115600") -> CaseAssigned:
    return CaseAssigned(
        case_id=case_id,
        cluster_id=cluster,
        organisation_id=organisation,
        decision=1,
        rules_version="2026-09",
        reasons=("school-member",),
    )


def a_cluster(cluster: str, organisation: str) -> ClusterChanged:
    return ClusterChanged(
        cluster_id=cluster,
        cluster=Cluster(
            name="Gloucester secondary",
            phase="secondary",
            area="Gloucester",
            lead_school_urn="115700",
            organisation_id=organisation,
            members=(),
        ),
    )


async def status(house: House, case_id: str, by: dict[str, Any]) -> int:
    statuses = {
        (await house.get(path, by=by)).status_code for path in (f"/v1/cases/{case_id}", f"/v1/cases/{case_id}/timeline")
    }
    assert len(statuses) == 1
    listed = {case["case_id"] for case in (await house.read("/v1/cases", by=by))["items"]}
    assert (case_id in listed) == (statuses == {200})
    return statuses.pop()


async def test_a_case_exists_for_who_referred_for_the_intake_desk_and_for_nobody_else(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    assert await status(house, case_id, SCHOOL) == 200
    assert await status(house, case_id, INTAKE) == 200
    assert await status(house, case_id, HOSPITAL) == 404
    assert await status(house, case_id, LEAD) == 404


async def test_the_assignment_is_pending_until_routing_has_told(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    assert (await house.read(f"/v1/cases/{case_id}"))["assignment"]["state"] == "pending"
    await house.served.hear(a_cluster("gloucester-primary", "school-115600"), assigned(case_id))
    assignment = (await house.read(f"/v1/cases/{case_id}"))["assignment"]
    assert (assignment["state"], assignment["cluster_id"], assignment["reasons"]) == (
        "assigned",
        "gloucester-primary",
        ["school-member"],
    )
    assert assignment["cluster_name"] == "Gloucester secondary"


async def test_the_assigned_cluster_takes_part_and_leaves_when_the_case_moves(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await house.served.hear(assigned(case_id))
    assert await status(house, case_id, LEAD) == 200
    await house.served.hear(
        CaseReassigned(
            case_id=case_id,
            from_cluster_id="gloucester-primary",
            cluster_id="gloucester-secondary",
            organisation_id="school-115700",
            decision=2,
            reasons=("override",),
        )
    )
    assert await status(house, case_id, LEAD) == 404
    assert await status(house, case_id, OTHER_LEAD) == 200
    told = (await house.said(CaseParticipantsChanged))[-1]
    assert isinstance(told, CaseParticipantsChanged)
    assert {(p.organisation_id, p.role, p.until is None) for p in told.participants} == {
        ("county-council", "intake", True),
        ("school-115482", "referrer", True),
        ("school-115600", "holder", False),
        ("school-115700", "holder", True),
    }


async def test_a_case_that_is_returned_or_finds_no_place_waits_in_a_queue(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await house.served.hear(assigned(case_id))
    await house.served.hear(
        CaseReturned(case_id=case_id, cluster_id="gloucester-primary", returned_by="person-lead", reason="wrong-phase")
    )
    assert await status(house, case_id, LEAD) == 404
    assert (await house.read(f"/v1/cases/{case_id}"))["assignment"]["state"] == "queued"
    await house.served.hear(CaseUnrouted(case_id=case_id, decision=2, reasons=("no-rule",)))
    assert (await house.read(f"/v1/cases/{case_id}"))["assignment"]["reasons"] == ["no-rule"]
    assert [case["case_id"] for case in (await house.read("/v1/cases", by=INTAKE, assignment="queued"))["items"]] == [
        case_id
    ]


async def test_a_receiver_sees_the_case_while_it_is_offered(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await house.served.hear(a_cluster("gloucester-secondary", "school-115700"), assigned(case_id))
    offer = HandoverOffered(
        case_id=case_id,
        handover_id="h-1",
        from_cluster_id="gloucester-primary",
        to_cluster_id="gloucester-secondary",
        reason="phase-transfer",
        answer_by="2026-12-01T00:00:00Z",  # type: ignore[arg-type]
    )
    await house.served.hear(offer)
    assert await status(house, case_id, OTHER_LEAD) == 200
    assert await status(house, case_id, LEAD) == 200
    await house.served.hear(
        HandoverLapsed(
            case_id=case_id,
            handover_id="h-1",
            from_cluster_id="gloucester-primary",
            to_cluster_id="gloucester-secondary",
        )
    )
    assert await status(house, case_id, OTHER_LEAD) == 404
    await house.served.hear(offer)
    await house.served.hear(
        HandoverAccepted(
            case_id=case_id,
            handover_id="h-1",
            cluster_id="gloucester-secondary",
            organisation_id="school-115700",
            accepted_by="person-other-lead",
        )
    )
    assert await status(house, case_id, OTHER_LEAD) == 200
    assert await status(house, case_id, LEAD) == 404
    assert (await house.read(f"/v1/cases/{case_id}"))["assignment"]["state"] == "accepted"


async def test_an_offer_to_a_cluster_nobody_knows_yet_waits(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await house.served.hear(
        HandoverOffered(
            case_id=case_id,
            handover_id="h-1",
            from_cluster_id="gloucester-primary",
            to_cluster_id="gloucester-secondary",
            reason="phase-transfer",
            answer_by="2026-12-01T00:00:00Z",  # type: ignore[arg-type]
        )
    )
    assert await status(house, case_id, OTHER_LEAD) == 404
    (parked,) = await house.served.rows("SELECT reason FROM parked")
    assert parked["reason"] == "cluster-unknown"


async def test_a_fact_about_a_case_nobody_knows_waits(house: House) -> None:
    await house.served.hear(assigned("01a20a30-0000-7000-8000-000000000000"))
    assert [row["reason"] for row in await house.served.rows("SELECT reason FROM parked")] == ["case-unknown"]


async def test_a_team_member_of_another_organisation_sees_the_cluster_s_cases(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await house.served.hear(assigned(case_id))
    therapist = {
        "organisation": "nhs-trust",
        "sector": "health",
        "roles": ("adviser",),
        "clusters": ("gloucester-primary",),
    }
    assert await status(house, case_id, therapist) == 200
    assert await status(house, case_id, {**therapist, "clusters": ("stroud-primary",)}) == 404
    assert (await house.get(f"/v1/cases/{case_id}", by={**therapist, "roles": ("agency-system",)})).status_code == 404


async def test_each_sector_gets_its_own_number_and_no_other(house: House) -> None:
    case_id = (await house.sent(a_referral(child={"upn": UPN, "nhs_number": NHS})))["case_id"]
    await house.served.hear(assigned(case_id))
    seen = {
        sector: (await house.read(f"/v1/cases/{case_id}", by={**by, "sector": sector}))["child"]
        for sector, by in (("education", LEAD), ("council", INTAKE))
    }
    assert (seen["education"]["upn"], seen["education"]["nhs_number"]) == (UPN, None)
    assert (seen["council"]["upn"], seen["council"]["nhs_number"]) == (None, None)
    therapist = {**LEAD, "organisation": "nhs-trust", "sector": "health", "clusters": ("gloucester-primary",)}
    child = (await house.read(f"/v1/cases/{case_id}", by=therapist))["child"]
    assert (child["upn"], child["nhs_number"]) == (None, NHS)


async def test_a_referrer_reads_its_own_referral_and_not_the_others(house: House) -> None:
    first = await house.sent(a_referral(concern={"summary": "The school's words."}))
    second = await house.sent(
        a_referral(child={"nhs_number": NHS}, concern={"summary": "The hospital's words."}), by=HOSPITAL
    )
    case = await house.get(f"/v1/cases/{first['case_id']}")
    assert [each["referral_id"] for each in case.json()["referrals"]] == [first["referral_id"]]
    assert NHS not in case.text
    assert {each["organisation_id"] for each in case.json()["participants"]} >= {"nhs-trust", "school-115482"}
    assert (await house.get(f"/v1/referrals/{second['referral_id']}")).status_code == 404
    desk = await house.read(f"/v1/cases/{first['case_id']}", by=INTAKE)
    assert len(desk["referrals"]) == 2
    words = await house.read(f"/v1/referrals/{second['referral_id']}", by=INTAKE)
    assert words["concern"]["summary"] == "The hospital's words."


async def test_a_restricted_address_is_shown_to_its_sender_social_care_and_the_council_alone(house: House) -> None:
    answer = await house.sent(a_referral(child={"address_restricted": True}), by=SOCIAL_CARE)
    await house.sent(a_referral(), by=HOSPITAL)
    await house.served.hear(assigned(answer["case_id"]))
    for by, sees in ((LEAD, False), (INTAKE, True), (SOCIAL_CARE, True)):
        child = (await house.read(f"/v1/cases/{answer['case_id']}", by=by))["child"]
        assert (child["postcode"], child["school_urn"]) == (("GL1 4AW", "115482") if sees else (None, None))
        case = await house.read(f"/v1/cases/{answer['case_id']}", by=by)
        assert case["circumstances"]["school_urn"] is None
    shown = await house.read(f"/v1/referrals/{answer['referral_id']}", by=LEAD)
    assert (shown["child"]["postcode"], shown["child"]["school_urn"]) == (None, None)


async def test_names_are_given_for_the_cases_that_the_caller_may_see_and_each_look_is_audited(house: House) -> None:
    mine = await house.sent()
    others = await house.sent(a_referral(child=a_child(3)), by=HOSPITAL)
    body = {"case_ids": [others["case_id"], mine["case_id"], "nothing"], "reason": "worklist"}
    response = await house.post("/v1/children:names", body, key=None)
    assert response.json()["items"] == [
        {
            "case_id": mine["case_id"],
            "reference": mine["reference"],
            "given_name": "Zoë",
            "family_name": "O'Brien-Test",
        }
    ]
    rows = await house.served.rows("SELECT what_id, reason FROM audit WHERE what = 'name'")
    assert rows == [{"what_id": mine["case_id"], "reason": "worklist"}]
    assert len((await house.post("/v1/children:names", body, by=INTAKE, key=None)).json()["items"]) == 2
    refused = await house.post("/v1/children:names", {**body, "reason": "Zoë O'Brien"}, key=None)
    assert refused.status_code == 422


async def test_a_referrer_sees_the_name_that_it_sent(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await house.sent(a_referral(child={"given_name": "Zoe Marie"}), by=HOSPITAL)
    body = {"case_ids": [case_id], "reason": "worklist"}
    assert (await house.post("/v1/children:names", body, key=None)).json()["items"][0]["given_name"] == "Zoë"


async def test_lists_come_in_pages_that_another_organisation_cannot_turn(house: House) -> None:
    sent = [(await house.sent(a_referral(child=a_child(n))))["referral_id"] for n in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = await house.read("/v1/referrals", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [each["referral_id"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
        assert (await house.get("/v1/referrals", by=HOSPITAL, cursor=cursor)).status_code == 400
    assert seen == sent[::-1]
    assert (await house.read("/v1/referrals", by=HOSPITAL))["items"] == []
    cases = await house.read("/v1/cases", limit=3)
    assert len(cases["items"]) == 3
    rest = await house.read("/v1/cases", limit=3, cursor=cases["next"])
    assert len({case["case_id"] for case in (*cases["items"], *rest["items"])}) == 5
    assert (await house.get("/v1/referrals", cursor=cases["next"])).status_code == 400


async def test_lists_are_narrowed(house: House) -> None:
    first = await house.sent(a_referral(referrer={"reference": "ours-1"}))
    second = await house.sent(a_referral(child=a_child(1), urgency="urgent", referrer={"reference": "ours-2"}))
    await house.withdraw(first["referral_id"])

    async def found(**query: Any) -> list[str]:
        return [each["referral_id"] for each in (await house.read("/v1/referrals", **query))["items"]]

    assert await found(status="withdrawn") == [first["referral_id"]]
    assert await found(urgency="urgent") == [second["referral_id"]]
    assert await found(reference="ours-1") == [first["referral_id"]]
    assert await found(case_id=second["case_id"]) == [second["referral_id"]]
    assert await found(submitted_from="2099-01-01T00:00:00Z") == []
    assert len(await found(submitted_before="2099-01-01T00:00:00Z")) == 2
    cases = await house.read("/v1/cases", reference=second["reference"].lower())
    assert [case["case_id"] for case in cases["items"]] == [second["case_id"]]
    assert (await house.get("/v1/cases", reference="AAA")).status_code == 400


@pytest.mark.parametrize("roles", [("finance-officer",), ("provider-staff",), ("operator",), ()])
async def test_who_has_no_business_here_is_told_so(house: House, roles: tuple[str, ...]) -> None:
    case_id = (await house.sent())["case_id"]
    by = {**SCHOOL, "roles": roles}
    assert (await house.get(f"/v1/cases/{case_id}", by=by)).status_code == 403
    assert (await house.send(by=by)).status_code == 403
    assert (await house.client.get(f"/v1/cases/{case_id}")).status_code == 401


async def test_the_timeline_tells_all_that_was_said_in_order_and_in_plain_words(house: House) -> None:
    answer = await house.sent()
    await house.hear_itself()
    await house.served.hear(a_cluster("gloucester-primary", "school-115600"), assigned(answer["case_id"]))
    await house.served.hear(
        CaseAccepted(
            case_id=answer["case_id"],
            cluster_id="gloucester-primary",
            organisation_id="school-115600",
            accepted_by="person-lead",
        )
    )
    await house.hear_itself()
    page = await house.read(f"/v1/cases/{answer['case_id']}/timeline")
    texts = [entry["text"] for entry in page["items"]]
    assert texts[:3] == [
        "school-115482 asked for help (Assessment and Early funding). How soon: Soon.",
        f"The case was opened under the reference {answer['reference']}.",
        "Who takes part has changed.",
    ]
    assert "The case was given to Gloucester secondary: " in "".join(texts)
    assert "Gloucester secondary took the case on." in texts
    times = [(entry["at"], entry["source"], entry["sequence"]) for entry in page["items"]]
    assert times == sorted(times)
    seen, cursor = [], None
    while True:
        part = await house.read(
            f"/v1/cases/{answer['case_id']}/timeline", limit=2, **({"cursor": cursor} if cursor else {})
        )
        seen += part["items"]
        cursor = part["next"]
        if cursor is None:
            break
    assert seen == page["items"]


async def test_an_event_that_comes_twice_is_told_once(house: House) -> None:
    answer = await house.sent()
    record = house.served.record(assigned(answer["case_id"]), id="01a20a30-0000-7000-8000-000000000001")
    consumer = house.served.runtime.consumer
    assert consumer is not None
    for _ in range(3):
        await consumer.deliver([record])
    assert len((await house.read(f"/v1/cases/{answer['case_id']}/timeline"))["items"]) == 1
    assert len(await house.said(CaseParticipantsChanged)) == 2
