"""A referral arrives: what is answered, kept and said, once and only once."""

import asyncio
from typing import Any

import pytest
from chassis.auth import Caller
from chassis.cause import Cause
from chassis.clock import new_id
from integration.referral_api.steps import (
    AGENCIES,
    HOSPITAL,
    INTAKE,
    SCHOOL,
    SOCIAL_CARE,
    House,
    a_child,
    a_referral,
)
from referral_api.app import SERVICE
from referral_api.domain.references import clean_reference
from referral_api.handlers.intake import SubmitReferral, submit_referrals
from referral_api.views.outgoing import CaseOut, ReferralOut, SubmittedOut
from schemas.referral import CaseLinked, CaseOpened, CaseParticipantsChanged, ReferralSubmitted
from support.database import Copy
from support.service import serving


async def test_a_referral_is_answered_as_the_contract_says(house: House) -> None:
    response = await house.send()
    answer = response.json()
    assert response.status_code == 201
    assert set(answer) == {"referral_id", "case_id", "reference", "status", "actions"}
    assert answer["status"] == "submitted"
    assert response.headers["Location"] == f"/v1/referrals/{answer['referral_id']}"
    assert response.headers["ETag"] == '"1"'
    assert clean_reference(answer["reference"]) == answer["reference"]
    assert {action["name"] for action in answer["actions"]} >= {"amend", "withdraw", "read-case"}
    SubmittedOut.model_validate(answer)


async def test_a_referral_opens_a_case_and_says_so_in_order(house: House) -> None:
    answer = await house.sent()
    said = await house.said()
    assert [type(event) for event in said] == [ReferralSubmitted, CaseOpened, CaseParticipantsChanged]
    assert {event.subject for event in said} == {answer["case_id"]}
    (opened,) = await house.said(CaseOpened)
    assert isinstance(opened, CaseOpened)
    assert opened.reference == answer["reference"]
    assert opened.circumstances.school_urn == "115482"
    assert opened.circumstances.age == 10
    (people,) = await house.said(CaseParticipantsChanged)
    assert isinstance(people, CaseParticipantsChanged)
    assert [(p.organisation_id, p.role) for p in people.participants] == [
        ("county-council", "intake"),
        ("school-115482", "referrer"),
    ]


async def test_what_was_sent_is_read_back_as_it_was_sent(house: House) -> None:
    answer = await house.sent(a_referral(child={"postcode": "gl14aw", "nhs_number": "999 000 0018"}))
    found = await house.read(f"/v1/referrals/{answer['referral_id']}")
    ReferralOut.model_validate(found)
    expected = a_referral(child={"postcode": "GL1 4AW", "nhs_number": "9990000018"})
    assert {name: found[name] for name in expected} == expected
    CaseOut.model_validate(await house.read(f"/v1/cases/{answer['case_id']}"))


async def test_what_is_optional_can_be_left_out(house: House) -> None:
    body = a_referral()
    del body["family"]
    for name in ("nhs_number", "upn", "school_urn", "postcode"):
        del body["child"][name]
    answer = await house.sent(body)
    found = await house.read(f"/v1/referrals/{answer['referral_id']}")
    assert found["family"] is None
    assert found["child"]["school_urn"] is None


async def test_a_retry_with_the_same_key_gets_the_same_answer(house: House) -> None:
    key = new_id()
    first, second = await house.send(key=key), await house.send(key=key)
    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.headers["ETag"] == first.headers["ETag"]
    assert await house.count("referral") == 1


async def test_a_key_of_another_request_is_refused(house: House) -> None:
    key = new_id()
    await house.send(key=key)
    response = await house.send(a_referral(urgency="urgent"), key=key)
    assert (response.status_code, response.json()["title"]) == (422, "Idempotency key reused")
    assert await house.count("referral") == 1


async def test_the_same_key_of_another_organisation_is_another_key(house: House) -> None:
    key = new_id()
    assert (await house.send(key=key)).status_code == 201
    assert (await house.send(key=key, by=HOSPITAL)).status_code == 201
    assert await house.count("referral") == 2


async def test_without_a_key_nothing_is_taken(house: House) -> None:
    response = await house.post("/v1/referrals", a_referral(), key=None)
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/headers/Idempotency-Key"


async def test_duplicates_that_arrive_together_are_one_referral(house: House) -> None:
    key = new_id()
    responses = await asyncio.gather(*(house.send(key=key) for _ in range(12)))
    assert {response.status_code for response in responses} <= {201, 409}
    assert len({response.content for response in responses if response.status_code == 201}) == 1
    assert all(response.headers["Retry-After"] for response in responses if response.status_code == 409)
    assert await house.count("referral") == 1
    assert len(await house.said(ReferralSubmitted)) == 1


async def test_a_second_agency_is_answered_the_same_whether_the_child_was_known_or_not(house: House) -> None:
    first = await house.sent()
    known = await house.send(by=HOSPITAL)
    unknown = await house.send(a_referral(child=a_child(1)), by=HOSPITAL)
    assert known.json()["case_id"] == first["case_id"]
    assert known.json()["reference"] == first["reference"]
    for one, other in ((known, unknown), (unknown, known)):
        assert set(one.json()) == set(other.json())
        assert set(one.headers) == set(other.headers)
        assert one.headers["ETag"] == other.headers["ETag"]
        assert one.status_code == other.status_code
    assert [a["name"] for a in known.json()["actions"]] == [a["name"] for a in unknown.json()["actions"]]


async def test_a_case_id_does_not_tell_when_the_case_began(house: House) -> None:
    ids = [(await house.sent(a_referral(child=a_child(n))))["case_id"] for n in range(12)]
    assert ids != sorted(ids)


async def test_three_agencies_that_refer_a_child_at_once_join_one_case(house: House) -> None:
    bodies = [
        a_referral(),
        a_referral(child={"given_name": "ZOE", "family_name": "O\u2019Brien-Test", "postcode": None}),
        a_referral(child={"given_name": "Zoë Marie", "school_urn": None, "upn": None}),
    ]
    answers = await asyncio.gather(
        *(house.sent(body, by=agency) for body, agency in zip(bodies, AGENCIES, strict=True))
    )
    assert len({answer["case_id"] for answer in answers}) == 1
    assert len(await house.said(CaseOpened)) == 1
    linked = await house.said(CaseLinked)
    assert {event.matched_by for event in linked if isinstance(event, CaseLinked)} == {"exact"}
    assert len(linked) == 2
    everybody = (await house.said(CaseParticipantsChanged))[-1]
    assert isinstance(everybody, CaseParticipantsChanged)
    assert len(everybody.participants) == 4


async def test_children_referred_by_three_agencies_through_two_processes_have_one_case_each(
    house: House, database: Copy
) -> None:
    async with serving(SERVICE, database) as second:
        houses = [house, House(second)]
        numbers = [number for number in range(40) for _ in AGENCIES]
        answers = await asyncio.gather(
            *(
                houses[n % 2].sent(a_referral(child=a_child(number)), by=AGENCIES[n % 3])
                for n, number in enumerate(numbers)
            )
        )
    cases: dict[int, set[str]] = {}
    for number, answer in zip(numbers, answers, strict=True):
        cases.setdefault(number, set()).add(answer["case_id"])
    assert all(len(ids) == 1 for ids in cases.values())
    assert await house.count("case_file") == 40
    assert await house.count("referral") == 120


async def test_one_bad_member_of_a_batch_hurts_no_other(house: House) -> None:
    bodies: list[dict[str, Any]] = [a_referral(child=a_child(n)) for n in range(20)]
    bodies[7]["needs"][0]["type"] = "XXX"
    agencies = [SCHOOL] * 20
    # An organisation that no event can name breaks the joint transaction, not only its own answer.
    agencies[13] = {"organisation": "not an id", "sector": "education"}
    responses = await asyncio.gather(
        *(house.send(body, by=agency) for body, agency in zip(bodies, agencies, strict=True))
    )
    statuses = [response.status_code for response in responses]
    assert statuses[7] == 422
    assert statuses[13] == 500
    assert [status for n, status in enumerate(statuses) if n not in {7, 13}] == [201] * 18
    assert await house.count("referral") == 18


async def test_an_immediate_referral_is_answered_with_whom_to_call(house: House) -> None:
    answer = await house.sent(a_referral(urgency="immediate"))
    assert answer["safeguarding"]["telephone"] == "01632 960 100"
    assert "999" in answer["safeguarding"]["advice"]


async def test_a_rehearsal_says_what_would_happen_and_keeps_nothing(house: House) -> None:
    await house.sent()
    before = await house.count("referral")
    response = await house.post("/v1/referrals", a_referral(urgency="immediate"), by=HOSPITAL, key=None, dry_run="true")
    assert response.status_code == 200
    assert response.json()["dry_run"] is True
    assert response.json()["home"] == "unknown"
    assert response.json()["safeguarding"]["telephone"]
    assert await house.count("referral") == before
    assert len(await house.said()) == 3
    refused = await house.post("/v1/referrals", a_referral(urgency="now"), key=None, dry_run="true")
    assert refused.status_code == 422


async def test_the_same_agency_is_told_that_it_has_an_open_referral(house: House) -> None:
    first = await house.sent()
    second = await house.sent()
    assert second["case_id"] == first["case_id"]
    assert first["referral_id"] in second["notices"][0]["detail"]
    assert "notices" not in await house.sent(by=SOCIAL_CARE)


async def test_a_child_whose_case_ended_gets_a_new_one_and_stays_the_same_child(house: House) -> None:
    first = await house.sent()
    assert (await house.withdraw(first["referral_id"])).status_code == 200
    second = await house.sent(by=HOSPITAL)
    assert second["case_id"] != first["case_id"]
    children = await house.served.rows("SELECT DISTINCT child_id FROM case_file")
    assert len(children) == 1
    assert len(await house.said(CaseOpened)) == 2


async def test_the_first_picture_of_a_second_referral_reaches_the_case(house: House) -> None:
    first = await house.sent()
    await house.sent(a_referral(urgency="immediate", needs=[{"type": "ASD", "rank": 1}]), by=HOSPITAL)
    case = await house.read(f"/v1/cases/{first['case_id']}", by=INTAKE)
    assert case["circumstances"]["urgency"] == "immediate"
    assert [need["type"] for need in case["circumstances"]["needs"]] == ["SEMH", "ASD", "SLCN"]


@pytest.mark.parametrize("count", [1, 60])
async def test_a_batch_takes_as_many_statements_as_one_referral(house: House, count: int) -> None:
    statements: list[str] = []
    caller = Caller("s", "c", "school-115482", "education", frozenset({"agency-system"}))
    commands = [
        SubmitReferral(new_id(), a_referral(child=a_child(n)), "county-council", caller, Cause.fresh())
        for n in range(count)
    ]
    async with house.served.runtime.transaction() as tx:
        rows = tx.rows

        async def counted(sql: str, *arguments: object) -> Any:
            statements.append(sql)
            return await rows(sql, *arguments)

        tx.rows = counted
        await submit_referrals(commands, tx)
    # Six of the handler's, and audit, heads and outbox as it closes.
    assert len(statements) == 9, statements
