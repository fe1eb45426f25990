"""Who knows: told, fetched, acknowledged; and recalls that every recipient is told of and answers."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from chassis.clock import BusinessClock, new_id, wall_now
from exchange.commands import NoSuchEvent, why
from exchange.workers import PostOffice
from integration.exchange.house import (
    AGREEMENT,
    CARE,
    DAY,
    EVERYBODY,
    OFFICER,
    SCHOOL,
    TRUST,
    a_case,
    agree,
    assigned,
    loop_back,
    read_all,
    said,
    send_until,
    subscribe,
)
from integration.exchange.receiver import Receiver
from schemas.envelope import Envelope
from schemas.exchange import RecallAcknowledged, RecallOverdue
from schemas.referral import CaseDisclosed, CaseErased, CaseParticipantsChanged, Participant
from support.service import Served, keyed, signed_in

HOLDER = signed_in(organisation="school-100001", sector="education", roles=("caseworker",), subject="worker")


async def ledger(exchange: Served, case: str, caller: dict[str, str] = OFFICER) -> dict[str, Any]:
    answer = await exchange.client.get("/v1/ledger", params={"case": case}, headers=caller)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def recall(exchange: Served, case: str, **more: Any) -> dict[str, Any]:
    body = {"case_id": case, "reason": "correction", **more}
    answer = await exchange.client.post("/v1/ledger/recalls", json=body, headers=OFFICER | keyed())
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_for_each_event_and_subscriber_it_says_told_fetched_and_acknowledged(
    exchange: Served, receiver: Receiver
) -> None:
    hook = await subscribe(exchange, way="webhook", url=receiver.url, filter={"types": ["jointly.case.opened.v1"]})
    feed = await subscribe(exchange, filter={"types": ["jointly.case.opened.v1"]})
    events = a_case()
    case = events[0].subject
    await exchange.hear(*events)
    office = PostOffice(exchange.runtime)
    await send_until(office, lambda: len(receiver.taken) == 1)
    await office.close()
    found = {
        row["subscription"]: row for row in (await ledger(exchange, case))["items"] if row["type"].endswith("opened.v1")
    }
    assert set(found) == {hook["id"], feed["id"], "education-feed", "health-feed", "social-care-feed"}
    assert found[hook["id"]]["told_at"] is not None
    assert found[hook["id"]]["acknowledged_at"] is not None
    assert (found[feed["id"]]["told_at"], found[feed["id"]]["fetched_at"]) == (None, None)
    assert found["health-feed"]["told_at"] is not None
    assert (found[hook["id"]]["purpose"], found[hook["id"]]["basis"], found[hook["id"]]["rule"]) == (
        "assessment", "public-task", "case-opened-to-care",
    )  # fmt: skip
    await exchange.hear(
        CaseDisclosed(
            case_id=case, organisation_id="nhs-trust", sector="health", purpose="assessment", basis="public-task"
        )
    )
    after = await ledger(exchange, case)
    fetched = {row["subscription"] for row in after["items"] if row["fetched_at"] and row["type"].endswith("opened.v1")}
    assert fetched == {hook["id"], feed["id"], "health-feed"}
    assert [row["organisation_id"] for row in after["disclosures"]] == ["nhs-trust"]


async def test_only_the_officer_and_who_works_the_case_for_its_holder_may_ask(exchange: Served) -> None:
    events = a_case()
    case = events[0].subject
    await exchange.hear(*events)
    for caller in (
        TRUST,
        SCHOOL,
        HOLDER,
        signed_in(organisation="county-council", sector="council", roles=("intake",)),
    ):
        assert (await exchange.client.get(f"/v1/ledger?case={case}", headers=caller)).status_code == 404
    holder = Participant(organisation_id="school-100001", sector="education", role="holder", since=DAY)
    await exchange.hear(CaseParticipantsChanged(case_id=case, participants=(holder,)))
    assert (await ledger(exchange, case, HOLDER))["items"]
    rows = await exchange.rows("SELECT actor FROM audit WHERE what = 'ledger' AND case_id = $1", case)
    assert [row["actor"] for row in rows] == ["worker"]


async def test_every_recipient_is_told_of_a_recall_and_stragglers_are_shown_until_they_answer(exchange: Served) -> None:
    feed = await subscribe(exchange)
    await agree(exchange, **AGREEMENT | {"id": "care", "organisation_id": "social-care", "sector": "social-care"})
    care = await subscribe(exchange, caller=CARE, agreement="care")
    events = a_case()
    case = events[0].subject
    await exchange.hear(*events)
    made = await recall(exchange, case)
    assert made["stragglers"] == ["education-feed", "health-feed", "nhs-trust", "social-care", "social-care-feed"]
    await loop_back(exchange)
    for id, caller in ((feed["id"], TRUST), (care["id"], CARE)):
        last = (await read_all(exchange, id, caller))[-1]
        assert last["type"] == "jointly.recall.issued.v1"
        assert last["data"] == {
            "case_id": case, "recall_id": made["id"], "reason": "correction", "event_ids": [],
            "answer_by": "2026-11-30",
        }  # fmt: skip
    own = await exchange.client.get("/v1/ledger/recalls", headers=TRUST)
    [mine] = own.json()["items"]
    assert mine["stragglers"] == ["health-feed", "nhs-trust"], "its own names, and nobody else's"
    path = f"/v1/ledger/recalls/{made['id']}"
    done = await exchange.client.post(f"{path}/acknowledge", json={}, headers=TRUST | keyed())
    assert done.status_code == 200
    assert (await exchange.client.post(f"{path}/acknowledge", json={}, headers=SCHOOL | keyed())).status_code == 404
    assert (await exchange.client.get(path, headers=SCHOOL)).status_code == 404
    seen = (await exchange.client.get(path, headers=OFFICER)).json()
    assert seen["stragglers"] == ["education-feed", "social-care", "social-care-feed"]
    names = [event.model_dump()["organisation_id"] for event in await said(exchange, RecallAcknowledged)]
    assert names == ["health-feed", "nhs-trust"]
    again = await exchange.client.post(f"{path}/acknowledge", json={}, headers=TRUST | keyed())
    assert again.status_code == 200
    assert len(await said(exchange, RecallAcknowledged)) == 2


async def test_a_recall_of_some_events_is_for_those_who_were_told_of_them(exchange: Served) -> None:
    events = a_case(("school-115482", "education"))
    case = events[0].subject
    await exchange.hear(*events)
    await exchange.hear(CaseParticipantsChanged(case_id=case, participants=taking(EVERYBODY)))
    await exchange.hear(assigned(case))
    [row] = await exchange.rows(
        "SELECT event_id FROM entry WHERE type = 'jointly.case.opened.v1' AND stream_id = 'education-feed'"
    )
    made = await recall(exchange, case, event_ids=[row["event_id"]], reason="court-order")
    assert made["stragglers"] == ["education-feed"]


def taking(organisations: tuple[tuple[str, str], ...]) -> tuple[Participant, ...]:
    return tuple(
        Participant(organisation_id=name, sector=sector, role="adviser", since=DAY) for name, sector in organisations
    )


async def test_what_nobody_was_told_cannot_be_recalled(exchange: Served) -> None:
    body = {"case_id": new_id(), "reason": "correction"}
    answer = await exchange.client.post("/v1/ledger/recalls", json=body, headers=OFFICER | keyed())
    assert (answer.status_code, answer.json()["title"]) == (409, "Nobody was told")
    refused = await exchange.client.post("/v1/ledger/recalls", json=body, headers=TRUST | keyed())
    assert refused.status_code == 403


async def test_who_has_not_answered_is_named_before_the_last_day_and_after_it(
    exchange: Served, clock: BusinessClock
) -> None:
    events = a_case(("nhs-trust", "health"))
    await exchange.hear(*events)
    made = await recall(exchange, events[0].subject, answer_by="2026-11-30")
    for instant, overdue in ((datetime(2026, 11, 28, 1, tzinfo=UTC), 1), (datetime(2026, 12, 1, 1, tzinfo=UTC), 2)):
        clock.simulate(instant, anchor=wall_now(), rate=1.0)
        while await exchange.runtime.deadlines().fire():
            pass
        assert len(await said(exchange, RecallOverdue)) == overdue
    seen = (await exchange.client.get(f"/v1/ledger/recalls/{made['id']}", headers=OFFICER)).json()
    assert (seen["overdue"], seen["stragglers"]) == (True, ["health-feed"])
    assert date.fromisoformat(seen["answer_by"]) == date(2026, 11, 30)


async def test_the_ledger_of_an_erased_case_still_says_who_was_told(exchange: Served) -> None:
    events = a_case()
    case = events[0].subject
    await exchange.hear(*events)
    await exchange.hear(CaseErased(case_id=case))
    assert len((await ledger(exchange, case))["items"]) == 12


async def test_it_says_what_a_sector_hears_of_an_event_and_why(exchange: Served, tmp_path: Any) -> None:
    events = a_case(("school-115482", "education"), basis="consent")
    await exchange.hear(*events)
    [row] = await exchange.rows("SELECT id FROM event WHERE type = 'jointly.case.opened.v1'")
    path = f"/v1/events/{row['id']}/why"
    yes = (await exchange.client.get(path, params={"sector": "education"}, headers=OFFICER)).json()
    assert (yes["hears"], yes["rule"], yes["basis"]) == (True, "case-opened-to-education", "consent")
    assert "circumstances.home.easting" in yes["left_out"]
    assert "home" not in yes["data"]["circumstances"]
    no = (await exchange.client.get(path, params={"sector": "health"}, headers=OFFICER)).json()
    assert (no["hears"], no["code"], no["why"]) == (False, "takes-no-part", "health does not take part in the case.")
    assert (await exchange.client.get(path, params={"sector": "health"}, headers=TRUST)).status_code == 403
    lines = await why(exchange.runtime, row["id"], "education")
    assert lines[0].startswith("education hears it: Schools prepare support")
    assert "Stays: circumstances.age" in lines[2]
    file = tmp_path / "event.json"
    record = exchange.record(assigned(events[0].subject))
    file.write_bytes(Envelope.from_kafka(record.key, record.headers, record.value).to_structured_json())
    assert (await why(exchange.runtime, str(file), "health"))[0].startswith("health does not hear it")
    with pytest.raises(NoSuchEvent):
        await why(exchange.runtime, "no-such", "health")
