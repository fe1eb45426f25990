"""A school tells of a suspension or exclusion: the child's case is joined or opened, once, and nobody learns which."""

import asyncio
from copy import deepcopy
from typing import Any

import httpx
import pytest
from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id
from integration.referral_api.steps import HOSPITAL, INTAKE, LEAD, SCHOOL, House, a_child, a_referral
from integration.referral_api.test_access import assigned
from integration.referral_api.test_races import waiting
from referral_api.handlers.exclusions import Notified, NotifyExclusion, notify_exclusions
from referral_api.views.notices import NOTICE, NotifiedOut
from schemas.referral import (
    CaseCircumstancesChanged,
    CaseLinked,
    CaseOpened,
    CaseParticipantsChanged,
    CaseUnlinked,
    ExclusionNotified,
    ReferralSubmitted,
)

CALLER = Caller("s", "c", "school-115482", "education", frozenset({"agency-system"}))
OTHER_SCHOOL = {"organisation": "school-115700", "sector": "education"}


def a_notice(**parts: Any) -> dict[str, Any]:
    """The documents' example with these parts changed; `child={...}` is merged."""
    body = deepcopy(NOTICE)
    for name, value in parts.items():
        body[name] = body[name] | value if isinstance(value, dict) else value
    return body


async def tell(house: House, *, key: str = "", by: dict[str, Any] | None = None, **parts: Any) -> httpx.Response:
    return await house.post("/v1/exclusion-notices", a_notice(**parts), by=by, key=key)


async def told(house: House, *, by: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    response = await tell(house, by=by, **parts)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_a_notice_opens_a_case_where_there_is_none_and_says_so_in_order(house: House) -> None:
    response = await tell(house)
    answer = response.json()
    assert response.status_code == 201
    assert set(answer) == {"exclusion_id", "case_id", "reference", "status", "actions"}
    assert response.headers["Location"] == f"/v1/exclusions/{answer['exclusion_id']}"
    NotifiedOut.model_validate(answer)
    said = await house.said()
    assert [type(event) for event in said] == [
        ReferralSubmitted, CaseOpened, CaseParticipantsChanged, ExclusionNotified,
    ]  # fmt: skip
    assert {event.subject for event in said} == {answer["case_id"]}
    submitted, opened, people, notified = said
    assert isinstance(submitted, ReferralSubmitted)
    assert (submitted.requested, submitted.basis.kind) == ((), "legal-obligation")
    assert isinstance(opened, CaseOpened)
    circumstances = opened.circumstances
    assert [need.type for need in circumstances.needs] == ["SEMH"]
    assert (circumstances.urgency, circumstances.risk_of_exclusion) == ("soon", "emerging")
    assert isinstance(people, CaseParticipantsChanged)
    assert [(p.organisation_id, p.role) for p in people.participants] == [
        ("county-council", "intake"), ("school-115482", "school"),
    ]  # fmt: skip
    assert notified == ExclusionNotified(
        case_id=answer["case_id"],
        exclusion_id=answer["exclusion_id"],
        organisation_id="school-115482",
        school_urn="115482",
        kind="SUSP",
        reasons=("DB",),
        first_on="2026-11-23",  # type: ignore[arg-type]
        sessions=4,
        year_group="5",
        social_worker=False,
    )


async def test_a_notice_joins_the_case_of_its_child(house: House) -> None:
    case = await house.sent(by=HOSPITAL)
    before = len(await house.said())
    answer = await told(house, kind="PERM", sessions=0)
    assert (answer["case_id"], answer["reference"]) == (case["case_id"], case["reference"])
    said = (await house.said())[before:]
    assert [type(event) for event in said] == [CaseCircumstancesChanged, CaseParticipantsChanged, ExclusionNotified]
    changed = said[0]
    assert isinstance(changed, CaseCircumstancesChanged)
    # What is usual does not join what somebody knows.
    assert [need.type for need in changed.circumstances.needs] == ["SEMH", "SLCN"]
    assert (changed.circumstances.urgency, changed.circumstances.risk_of_exclusion) == ("urgent", "imminent")


async def test_what_was_assumed_of_needs_gives_way_to_what_somebody_says(house: House) -> None:
    answer = await told(house)
    await house.sent(a_referral(needs=[{"type": "ASD", "rank": 1}]), by=HOSPITAL)
    case = await house.read(f"/v1/cases/{answer['case_id']}", by=INTAKE)
    assert case["circumstances"]["needs"] == [{"type": "ASD", "rank": 1}]
    await told(house, reference="another", needs=[{"type": "SLCN", "rank": 1}])
    case = await house.read(f"/v1/cases/{answer['case_id']}", by=INTAKE)
    assert [need["type"] for need in case["circumstances"]["needs"]] == ["ASD", "SLCN"]


async def test_the_same_reference_again_is_the_same_notice_and_another_under_it_is_refused(house: House) -> None:
    first = await tell(house)
    again = await tell(house)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    for other in ({"sessions": 6}, {"kind": "LNCH"}, {"child": {"given_name": "Ada"}}):
        refused = await tell(house, **other)
        assert (refused.status_code, refused.json()["title"]) == (409, "Reference taken")
        assert refused.json()["errors"][0]["pointer"] == "/reference"
    assert (await tell(house, by=OTHER_SCHOOL)).json()["exclusion_id"] != first.json()["exclusion_id"]
    assert len(await house.said(ExclusionNotified)) == 2


async def test_the_same_notice_sent_many_times_at_once_counts_once(house: House) -> None:
    responses = await asyncio.gather(*(tell(house) for _ in range(40)))
    assert {response.status_code for response in responses} == {201}
    assert len({response.content for response in responses}) == 1
    assert len(await house.said(ExclusionNotified)) == 1
    assert len(await house.said(CaseOpened)) == 1


async def test_different_notices_under_one_reference_at_once_are_one_and_the_others_refused(house: House) -> None:
    responses = await asyncio.gather(*(tell(house, child=a_child(n)) for n in range(20)))
    assert sorted(response.status_code for response in responses) == [201] + [409] * 19
    assert len(await house.said(CaseOpened)) == 1


async def test_a_notice_waits_for_another_child_s_under_the_same_reference(house: House) -> None:
    command = NotifyExclusion("e-1", a_notice(child=a_child(1)), "county-council", CALLER, Cause.fresh())
    async with house.served.runtime.transaction() as tx:
        (first,) = await notify_exclusions([command], tx)
        telling = asyncio.create_task(tell(house, child=a_child(2)))
        await waiting(house, telling)
    assert isinstance(first, Notified)
    refused = await telling
    assert refused.status_code == 409
    assert "/v1/exclusions/e-1" in refused.json()["detail"]


async def test_a_notice_and_referrals_of_one_child_at_once_join_one_case(house: House) -> None:
    responses = await asyncio.gather(
        *(tell(house, reference=f"E-{n}") for n in range(5)), *(house.send(by=HOSPITAL) for _ in range(5))
    )
    assert {response.status_code for response in responses} == {201}
    assert len({response.json()["case_id"] for response in responses}) == 1
    assert len(await house.said(CaseOpened)) == 1


async def test_nobody_learns_whether_the_child_was_known(house: House) -> None:
    await house.sent(by=HOSPITAL)
    known = await tell(house)
    unknown = await tell(house, child=a_child(1), reference="another")
    assert set(known.json()) == set(unknown.json())
    assert set(known.headers) == set(unknown.headers)
    dry = [
        (await house.post("/v1/exclusion-notices", a_notice(reference=f"dry-{n}", child=c), dry_run="true")).json()
        for n, c in enumerate(({}, a_child(3)))
    ]
    assert dry == [{"dry_run": True, "status": "notified"}] * 2


async def test_a_retry_with_the_same_key_gets_the_same_answer(house: House) -> None:
    key = new_id()
    first, second = await tell(house, key=key), await tell(house, key=key)
    assert first.content == second.content
    assert (await house.post("/v1/exclusion-notices", a_notice(), key=None)).status_code == 400


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ({"kind": "FIXD"}, "/kind"),
        ({"kind": "XXXX"}, "/kind"),
        ({"kind": "PERM", "sessions": 2}, "/sessions"),
        ({"sessions": 0}, "/sessions"),
        ({"sessions": 91}, "/sessions"),
        ({"reasons": []}, "/reasons"),
        ({"reasons": ["DB", "PP", "PA", "TH"]}, "/reasons"),
        ({"reasons": ["DB", "DB"]}, "/reasons/1"),
        ({"reasons": ["OT"]}, "/reasons/0"),
        ({"first_on": "2099-01-01"}, "/first_on"),
        ({"first_on": "2020-01-01"}, "/first_on"),
        ({"reference": "   "}, "/reference"),
        ({"child": {"school_urn": None}}, "/child/school_urn"),
        ({"child": {"upn": "A12"}}, "/child/upn"),
        ({"child": {"date_of_birth": "2090-01-01"}}, "/child/date_of_birth"),
        ({"needs": [{"type": "SEMH", "rank": 2}]}, "/needs"),
    ],
)
async def test_what_makes_no_sense_is_refused_naming_the_field(
    house: House, parts: dict[str, Any], pointer: str
) -> None:
    rehearsed: dict[str, Any] = {"dry_run": "true"}
    for query in ({}, rehearsed):
        response = await house.post("/v1/exclusion-notices", a_notice(**parts), **query)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == pointer
    assert await house.count("referral") == 0


async def test_only_schools_and_the_council_tell_of_exclusions(house: House) -> None:
    assert (await tell(house, by=HOSPITAL)).status_code == 403
    assert (await tell(house, by={**SCHOOL, "roles": ("adviser",)})).status_code == 403
    assert (await tell(house, by=INTAKE)).status_code == 201


async def test_a_notice_is_read_and_its_child_corrected_but_it_is_no_referral(house: House) -> None:
    answer = await told(house)
    here = f"/v1/referrals/{answer['exclusion_id']}"
    read = await house.read(here)
    assert (read["kind"], read["requested"], read["exclusion"]["sessions"]) == ("exclusion-notice", [], 4)
    assert (await house.read("/v1/referrals"))["items"] == []
    assert (await house.withdraw(answer["exclusion_id"])).status_code == 409
    assert (await house.patch(answer["exclusion_id"], {"urgency": "routine"})).status_code == 409
    changed = await house.patch(answer["exclusion_id"], {"child": {"year_group": "6"}})
    assert changed.status_code == 200, changed.text
    assert (await house.read(f"/v1/cases/{answer['case_id']}"))["circumstances"]["year_group"] == "6"
    assert (await house.get(here, by=HOSPITAL)).status_code == 404


async def test_a_case_stays_open_for_an_exclusion_when_the_referral_is_withdrawn(house: House) -> None:
    case = await house.sent(by=HOSPITAL)
    await told(house)
    await house.withdraw(case["referral_id"], by=HOSPITAL)
    assert (await house.read(f"/v1/cases/{case['case_id']}", by=INTAKE))["status"] == "open"


async def test_a_notice_in_the_wrong_case_is_taken_out_by_a_person(house: House) -> None:
    case = await house.sent()
    answer = await told(house)
    out = await house.post(f"/v1/referrals/{answer['exclusion_id']}/unlink", {"reason": "different-child"}, by=INTAKE)
    assert out.status_code == 201, out.text
    (unlinked,) = await house.said(CaseUnlinked)
    assert isinstance(unlinked, CaseUnlinked)
    assert (unlinked.case_id, unlinked.referral_id) == (case["case_id"], answer["exclusion_id"])
    assert len(await house.said(ExclusionNotified)) == 1
    assert await house.said(CaseLinked) == []
    people = (await house.read(f"/v1/cases/{case['case_id']}", by=INTAKE))["participants"]
    assert {(p["role"], p["until"] is None) for p in people} == {
        ("intake", True), ("referrer", True), ("school", False),
    }  # fmt: skip


async def test_the_school_sees_the_case_it_told_of_and_the_cluster_reads_the_notice(house: House) -> None:
    answer = await told(house)
    assert (await house.get(f"/v1/cases/{answer['case_id']}")).status_code == 200
    await house.served.hear(assigned(answer["case_id"]))
    case = await house.read(f"/v1/cases/{answer['case_id']}", by=LEAD)
    assert [(each["kind"], each["referral_id"]) for each in case["referrals"]] == [
        ("exclusion-notice", answer["exclusion_id"])
    ]
