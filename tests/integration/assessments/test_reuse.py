"""Earlier advice that still serves is offered first, and serves again only with all three agreements (reg 6(4))."""

from datetime import date

import pytest
from chassis.clock import BusinessClock
from integration.assessments.county import (
    TEAM,
    a_case,
    accepted,
    advice,
    answer_all,
    change,
    complete,
    hear_voices,
    later,
    read,
)
from schemas.assessment import AdviceRequested, AdviceReused, AssessmentOpened
from support.service import Served


def agreed(*parties: str, agrees: bool = True) -> dict[str, object]:
    """What these parties say."""
    return {
        "agreements": [
            {"party": party, "agrees": agrees, "agreed_by": f"the {party}", "agreed_on": "2026-11-23"}
            for party in parties
        ]
    }


async def assessed_again(service: Served, clock: BusinessClock, *, days: int) -> str:
    """A case that is assessed a second time, so many days after its advice came."""
    case = await a_case(service)
    await answer_all(service, case)
    await hear_voices(service, case)
    assert (await complete(service, case)).status_code == 200
    later(clock, days=days)
    await service.hear(accepted(case))
    assert len(await service.said(AssessmentOpened)) == 2
    return case


async def test_advice_of_last_term_is_offered_and_nobody_is_asked(service: Served, clock: BusinessClock) -> None:
    case = await assessed_again(service, clock, days=60)
    assert len(await service.said(AdviceRequested)) == 2, "those of the first assessment"
    body = await read(service, f"/v1/assessments/{case}")
    assert [(one["discipline"], one["state"]) for one in body["offers"]] == [
        ("education", "offered"), ("speech-and-language", "offered"),
    ]  # fmt: skip
    assert body["offers"][0]["missing_agreements"] == ["giver", "council", "parent"]
    assert await service.rows("SELECT 1 FROM clock WHERE state = 'running'") == []


@pytest.mark.parametrize(("days", "offered"), [(364, True), (365, False)])
async def test_advice_is_offered_within_its_time_and_no_longer(
    service: Served, clock: BusinessClock, days: int, *, offered: bool
) -> None:
    case = await assessed_again(service, clock, days=days)
    body = await read(service, f"/v1/assessments/{case}")
    assert bool(body["offers"]) == offered
    assert len(await service.said(AdviceRequested)) == (2 if offered else 4)


async def test_only_with_all_three_agreements_it_serves_again(service: Served, clock: BusinessClock) -> None:
    case = await assessed_again(service, clock, days=60)
    first = (await service.rows("SELECT id FROM advice WHERE discipline = 'education' ORDER BY id"))[0]["id"]
    path = f"/v1/advice/{(await advice(service, case, 'education'))['id']}"
    two = await change(service, path, "reuse", agreed("giver", "parent"))
    assert (two.status_code, two.json()["state"], two.json()["missing_agreements"]) == (200, "offered", ["council"])
    assert await service.said(AdviceReused) == []
    three = await change(service, path, "reuse", agreed("council"))
    assert (three.status_code, three.json()["state"]) == (200, "reused")
    assert [(a["party"], a["agreed_by"], a["agreed_on"]) for a in three.json()["agreements"]] == [
        (party, f"the {party}", "2026-11-23") for party in ("giver", "council", "parent")
    ]
    [said] = await service.said(AdviceReused)
    assert isinstance(said, AdviceReused)
    assert (said.earlier_advice_id, said.agreed_on) == (first, date(2026, 11, 23))
    again = await change(service, path, "reuse", agreed("council"))
    assert (again.status_code, again.json()["title"]) == (409, "Nothing to reuse")


async def test_one_refusal_asks_anew(service: Served, clock: BusinessClock) -> None:
    case = await assessed_again(service, clock, days=60)
    path = f"/v1/advice/{(await advice(service, case, 'education'))['id']}"
    await change(service, path, "reuse", agreed("giver", "council"))
    answer = await change(service, path, "reuse", agreed("parent", agrees=False))
    assert (answer.status_code, answer.json()["state"], answer.json()["agreements"]) == (200, "requested", [])
    assert answer.json()["due_on"] == "2027-03-05"
    assert len(await service.said(AdviceRequested)) == 3
    assert await service.said(AdviceReused) == []


async def test_the_team_may_ask_anew_and_nobody_answers_before(service: Served, clock: BusinessClock) -> None:
    case = await assessed_again(service, clock, days=60)
    path = f"/v1/advice/{(await advice(service, case, 'education'))['id']}"
    early = await change(service, path, "answer", {"text": "Again."})
    assert (early.status_code, early.json()["title"]) == (409, "Not asked yet")
    assert (await change(service, path, "request")).json()["state"] == "requested"
    assert (await change(service, path, "answer", {"text": "Again."})).status_code == 200


async def test_agreements_are_named_once_and_not_in_the_future(service: Served, clock: BusinessClock) -> None:
    case = await assessed_again(service, clock, days=60)
    path = f"/v1/advice/{(await advice(service, case, 'education'))['id']}"
    twice = await change(service, path, "reuse", agreed("giver", "giver"), TEAM)
    assert (twice.status_code, twice.json()["errors"][0]["pointer"]) == (422, "/agreements")
    body = {"agreements": [{"party": "giver", "agreed_by": "the giver", "agreed_on": "2027-06-01"}]}
    future = await change(service, path, "reuse", body)
    assert (future.status_code, future.json()["errors"][0]["pointer"]) == (422, "/agreements/0/agreed_on")
