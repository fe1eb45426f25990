"""A person decides who is who: children that look alike, referrals in the wrong case."""

import asyncio
from typing import Any

import pytest
from integration.referral_api.steps import HOSPITAL, INTAKE, SCHOOL, SOCIAL_CARE, House, a_child, a_referral
from referral_api.views.outgoing import MatchOut
from schemas.referral import (
    CaseClosed,
    CaseLinked,
    CaseOpened,
    CaseParticipantsChanged,
    CaseUnlinked,
)

LIKE = {"given_name": "Zoey"}


async def queue(house: House, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await house.read("/v1/possible-matches", by=INTAKE, **query))["items"]
    return items


async def decide(house: House, match_id: str, *, same: bool) -> dict[str, Any]:
    response = await house.post(f"/v1/possible-matches/{match_id}/decision", {"same": same}, by=INTAKE)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_children_who_look_alike_have_cases_of_their_own_until_a_person_decides(house: House) -> None:
    first = await house.sent()
    second = await house.sent(a_referral(child=LIKE), by=HOSPITAL)
    assert second["case_id"] != first["case_id"]
    (match,) = await queue(house)
    MatchOut.model_validate(match)
    assert match["levels"]["given_name"] == "near"
    names = {said["child"]["given_name"] for child in match["children"] for said in child}
    assert names == {"Zoë", "Zoey"}
    assert (await house.read(f"/v1/possible-matches/{match['match_id']}", by=INTAKE))["match_id"] == match["match_id"]


async def test_one_child_the_younger_case_joins_the_older(house: House) -> None:
    first = await house.sent()
    second = await house.sent(a_referral(child=LIKE, urgency="urgent"), by=HOSPITAL)
    (match,) = await queue(house)
    decided = await decide(house, match["match_id"], same=True)
    assert decided["case_ids"] == [first["case_id"]]
    (unlinked,) = await house.said(CaseUnlinked)
    (linked,) = await house.said(CaseLinked)
    (closed,) = await house.said(CaseClosed)
    assert isinstance(unlinked, CaseUnlinked)
    assert isinstance(linked, CaseLinked)
    assert isinstance(closed, CaseClosed)
    assert (unlinked.case_id, unlinked.new_case_id) == (second["case_id"], first["case_id"])
    assert (linked.case_id, linked.matched_by) == (first["case_id"], "person")
    assert (closed.case_id, closed.reason) == (second["case_id"], "merged")
    case = await house.read(f"/v1/cases/{first['case_id']}", by=INTAKE)
    assert {each["organisation_id"] for each in case["participants"]} == {
        "county-council",
        "school-115482",
        "nhs-trust",
    }
    assert case["circumstances"]["urgency"] == "urgent"
    assert await queue(house) == []
    third = await house.sent(a_referral(child=LIKE), by=SOCIAL_CARE)
    assert third["case_id"] == first["case_id"]


async def test_two_children_stay_two_and_nobody_asks_again(house: House) -> None:
    await house.sent()
    second = await house.sent(a_referral(child=LIKE), by=HOSPITAL)
    (match,) = await queue(house)
    await decide(house, match["match_id"], same=False)
    third = await house.sent(a_referral(child=LIKE), by=SOCIAL_CARE)
    assert third["case_id"] == second["case_id"]
    assert await queue(house) == []
    assert [each["match_id"] for each in await queue(house, status="different")] == [match["match_id"]]


async def test_a_decision_is_made_once(house: House) -> None:
    await house.sent()
    await house.sent(a_referral(child=LIKE), by=HOSPITAL)
    (match,) = await queue(house)
    path = f"/v1/possible-matches/{match['match_id']}/decision"
    responses = await asyncio.gather(*(house.post(path, {"same": True}, by=INTAKE) for _ in range(4)))
    assert sorted(response.status_code for response in responses) == [200, 409, 409, 409]
    assert len(await house.said(CaseLinked)) == 1


async def test_three_who_turn_out_to_be_one(house: House) -> None:
    ids = [
        (await house.sent(a_referral(child={"given_name": name}), by=by))["case_id"]
        for name, by in (("Zoella", SCHOOL), ("Zoela", HOSPITAL), ("Zoellah", SOCIAL_CARE))
    ]
    assert len(set(ids)) == 3
    while matches := await queue(house):
        await decide(house, matches[0]["match_id"], same=True)
    open_cases = await house.served.rows("SELECT case_id FROM case_file WHERE status = 'open'")
    assert [row["case_id"] for row in open_cases] == [ids[0]]
    assert len(await house.served.rows("SELECT DISTINCT child_id FROM referral")) == 1
    assert len(await house.served.rows("SELECT DISTINCT child_id FROM case_file")) == 1


async def test_an_equal_number_with_other_name_and_birthday_is_asked(house: House) -> None:
    number = {"nhs_number": "9990000018"}
    first = await house.sent(a_referral(child=number))
    other = a_child(5) | number
    second = await house.sent(a_referral(child=other), by=HOSPITAL)
    assert first["case_id"] != second["case_id"]
    (match,) = await queue(house)
    assert match["matched_by"] == "nhs-number"


async def test_two_nhs_numbers_are_two_children(house: House) -> None:
    first = await house.sent(a_referral(child={"nhs_number": "9990000018"}))
    second = await house.sent(a_referral(child={"nhs_number": "9990000026"}), by=HOSPITAL)
    assert first["case_id"] != second["case_id"]
    assert await queue(house) == []


async def test_a_corrected_number_that_names_somebody_else_is_a_question(house: House) -> None:
    first = await house.sent(a_referral(child={"nhs_number": "9990000018"}))
    second = await house.sent(a_referral(child=a_child(5)), by=HOSPITAL)
    assert await queue(house) == []
    await house.patch(
        second["referral_id"],
        {"child": {"nhs_number": "9990000018", "family_name": "O'Brien-Test"}},
        by=HOSPITAL,
    )
    (match,) = await queue(house)
    assert match["matched_by"] == "nhs-number"
    assert (await house.read(f"/v1/referrals/{second['referral_id']}", by=HOSPITAL))["case_id"] != first["case_id"]


async def test_a_corrected_description_is_how_the_child_is_found_from_then_on(house: House) -> None:
    first = await house.sent()
    await house.patch(first["referral_id"], {"child": a_child(7)})
    assert (await house.sent(a_referral(child=a_child(7)), by=HOSPITAL))["case_id"] == first["case_id"]
    assert (await house.sent(by=HOSPITAL))["case_id"] != first["case_id"]


async def test_a_referral_of_another_child_is_taken_out_and_opens_a_case_of_its_own(house: House) -> None:
    first = await house.sent()
    second = await house.sent(by=HOSPITAL)
    response = await house.post(
        f"/v1/referrals/{second['referral_id']}/unlink", {"reason": "different-child"}, by=INTAKE
    )
    assert response.status_code == 201
    new = response.json()["case_id"]
    assert new != first["case_id"]
    assert response.headers["Location"] == f"/v1/cases/{new}"
    (unlinked,) = await house.said(CaseUnlinked)
    assert isinstance(unlinked, CaseUnlinked)
    assert (unlinked.case_id, unlinked.new_case_id) == (first["case_id"], new)
    opened = (await house.said(CaseOpened))[-1]
    assert isinstance(opened, CaseOpened)
    assert (opened.case_id, opened.referral_id) == (new, second["referral_id"])
    assert (await house.get(f"/v1/cases/{first['case_id']}", by=HOSPITAL)).status_code == 404
    assert (await house.get(f"/v1/cases/{new}", by=HOSPITAL)).status_code == 200
    people = [e for e in await house.said(CaseParticipantsChanged) if e.subject == first["case_id"]]
    assert isinstance(people[-1], CaseParticipantsChanged)
    assert {p.organisation_id for p in people[-1].participants if p.until is not None} == {"nhs-trust"}


async def test_after_that_both_fit_alike_and_a_person_is_asked(house: House) -> None:
    await house.sent()
    second = await house.sent(by=HOSPITAL)
    await house.post(f"/v1/referrals/{second['referral_id']}/unlink", {"reason": "different-child"}, by=INTAKE)
    third = await house.sent(by=SOCIAL_CARE)
    assert third["case_id"] != second["case_id"]
    assert len(await queue(house)) == 2


async def test_a_referral_is_put_where_it_belongs(house: House) -> None:
    first = await house.sent()
    second = await house.sent(a_referral(child=a_child(5)), by=HOSPITAL)
    path = f"/v1/referrals/{second['referral_id']}/link"
    response = await house.post(path, {"case_id": first["case_id"]}, by=INTAKE)
    assert (response.status_code, response.json()["case_id"]) == (200, first["case_id"])
    assert (await house.read(f"/v1/cases/{second['case_id']}", by=INTAKE))["closing_reason"] == "merged"
    again = await house.post(path, {"case_id": first["case_id"]}, by=INTAKE)
    assert again.status_code == 409
    third = await house.sent(a_referral(child=a_child(5)), by=SOCIAL_CARE)
    assert third["case_id"] == first["case_id"]


async def test_the_only_referral_of_a_case_stays_there(house: House) -> None:
    first = await house.sent()
    response = await house.post(
        f"/v1/referrals/{first['referral_id']}/unlink", {"reason": "different-child"}, by=INTAKE
    )
    assert (response.status_code, response.json()["title"]) == (409, "Only referral")
    unknown = await house.post(f"/v1/referrals/{first['referral_id']}/unlink", {"reason": "x"}, by=INTAKE)
    assert unknown.status_code == 422


@pytest.mark.parametrize("by", [{**SCHOOL, "roles": ("caseworker",)}, {**HOSPITAL, "roles": ("caseworker",)}])
async def test_for_all_but_the_intake_desk_there_is_no_queue(house: House, by: dict[str, Any]) -> None:
    first = await house.sent()
    await house.sent(a_referral(child=LIKE))
    (match,) = await queue(house)
    assert (await house.get("/v1/possible-matches", by=by)).status_code == 404
    assert (await house.get(f"/v1/possible-matches/{match['match_id']}", by=by)).status_code == 404
    for path, body in (
        (f"/v1/possible-matches/{match['match_id']}/decision", {"same": True}),
        (f"/v1/referrals/{first['referral_id']}/unlink", {"reason": "different-child"}),
        (f"/v1/referrals/{first['referral_id']}/link", {"case_id": first["case_id"]}),
    ):
        assert (await house.post(path, body, by=by)).status_code == 404


async def test_referrals_that_arrive_while_a_person_decides_are_not_lost_between_cases(house: House) -> None:
    first = await house.sent()
    await house.sent(a_referral(child=LIKE), by=HOSPITAL)
    (match,) = await queue(house)
    path = f"/v1/possible-matches/{match['match_id']}/decision"
    results = await asyncio.gather(
        house.post(path, {"same": True}, by=INTAKE),
        *(house.send(a_referral(child=LIKE), by=SOCIAL_CARE) for _ in range(10)),
        *(house.send(by=SOCIAL_CARE) for _ in range(10)),
    )
    assert {response.status_code for response in results[1:]} == {201}
    open_cases = await house.served.rows("SELECT case_id FROM case_file WHERE status = 'open'")
    assert [row["case_id"] for row in open_cases] == [first["case_id"]]
    homeless = await house.served.rows(
        "SELECT 1 FROM referral r JOIN case_file c USING (case_id)"
        " WHERE c.status = 'closed' OR c.child_id <> r.child_id"
    )
    assert homeless == []
