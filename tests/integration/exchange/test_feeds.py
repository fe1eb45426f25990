"""Sector feeds: who hears what, without which fields, counted how; and what stops it."""

import json
from datetime import timedelta
from itertools import pairwise

from chassis.clock import new_id
from integration.exchange.house import CARE, DAY, EVERYBODY, a_case, assigned, loop_back, taking_part, told
from schemas.projection import projected_dataschema
from schemas.referral import (
    Basis,
    CaseBasisWithdrawn,
    CaseClosed,
    CaseErased,
    CaseParticipantsChanged,
    CaseUnlinked,
    Participant,
    ReferralAmended,
)
from schemas.routing import Cluster, ClusterChanged
from support.service import Served

FEEDS = ("education-feed", "health-feed", "social-care-feed")


async def types(served: Served, feed: str) -> list[str]:
    return [row["type"].removeprefix("jointly.").removesuffix(".v1") for row in await told(served, feed)]


async def test_what_came_before_anybody_knew_who_takes_part_is_told_then_in_its_order(exchange: Served) -> None:
    submitted, opened, taking = a_case()
    await exchange.hear(submitted, opened)
    assert [await told(exchange, feed) for feed in FEEDS] == [[], [], []]
    await exchange.hear(taking)
    for feed in FEEDS:
        assert await types(exchange, feed) == ["referral.submitted", "case.opened", "case.participants-changed"]
        rows = await told(exchange, feed)
        assert [row["sequence"] for row in rows] == [1, 2, 3]
        assert {row["source"] for row in rows} == {f"/exchange/{feed}"}


async def test_an_event_keeps_its_id_type_subject_time_and_correlation_and_loses_other_fields(exchange: Served) -> None:
    record = exchange.record(a_case()[0])
    consumer = exchange.runtime.consumer
    assert consumer is not None
    case = record.key.decode()
    _, opened, taking = a_case(case_id=case)
    await consumer.deliver([record])
    await exchange.hear(opened, taking)
    [first, second, _] = await told(exchange, "health-feed")
    headers = dict(record.headers)
    assert first["event_id"] == headers["ce_id"].decode()
    assert (first["type"], first["subject"]) == (headers["ce_type"].decode(), case)
    assert first["correlation_id"] == headers["ce_correlationid"].decode()
    assert first["time"].isoformat().replace("+00:00", "Z") == headers["ce_time"].decode()
    assert first["dataschema"] == projected_dataschema(first["type"])
    data = json.loads(second["data"])
    assert set(data) == {"case_id", "reference", "referral_id", "circumstances"}
    assert set(data["circumstances"]) == {"year_group", "needs", "urgency"}, "no home, no school, no risk"
    [education] = [row for row in await told(exchange, "education-feed") if row["type"] == second["type"]]
    assert "home" not in json.loads(education["data"])["circumstances"]
    assert json.loads(education["data"])["circumstances"]["school_urn"] == "115482"


async def test_a_sector_that_takes_no_part_hears_nothing(exchange: Served) -> None:
    await exchange.hear(*a_case(("school-115482", "education"), ("county-council", "council")))
    assert await types(exchange, "education-feed") == ["referral.submitted", "case.opened", "case.participants-changed"]
    assert await told(exchange, "health-feed") == await told(exchange, "social-care-feed") == []


async def test_a_sector_that_joins_hears_from_then_on_and_one_whose_time_has_passed_no_more(exchange: Served) -> None:
    events = a_case(("school-115482", "education"))
    case = events[0].subject
    await exchange.hear(*events)
    await exchange.hear(taking_part(case, *EVERYBODY))
    await exchange.hear(assigned(case))
    assert await types(exchange, "health-feed") == ["case.participants-changed", "case.assigned"]
    left = Participant(
        organisation_id="nhs-trust", sector="health", role="adviser", since=DAY, until=DAY + timedelta(days=1)
    )
    stays = Participant(organisation_id="school-115482", sector="education", role="referrer", since=DAY)
    await exchange.hear(CaseParticipantsChanged(case_id=case, participants=(left, stays)))
    await exchange.hear(CaseClosed(case_id=case, reason="helped"))
    assert await types(exchange, "health-feed") == ["case.participants-changed", "case.assigned"]
    assert (await types(exchange, "education-feed"))[-1] == "case.closed"


async def test_an_event_of_a_case_not_known_yet_waits_and_is_told_then(exchange: Served) -> None:
    events = a_case()
    case = events[0].subject
    await exchange.hear(assigned(case))
    assert [row["reason"] for row in await exchange.rows("SELECT reason FROM parked")] == ["case-unknown"]
    await exchange.hear(*events)
    assert (await types(exchange, "health-feed"))[-1] == "case.assigned"
    assert await exchange.rows("SELECT 1 FROM parked") == []


async def test_a_withdrawn_basis_stops_the_flow_at_once_and_who_relied_on_it_hears_so(exchange: Served) -> None:
    events = a_case(basis="consent")
    case = events[0].subject
    await exchange.hear(*events)
    await exchange.hear(CaseBasisWithdrawn(case_id=case, organisation_id="school-115482", kind="consent"))
    await exchange.hear(assigned(case))
    for feed in FEEDS:
        assert (await types(exchange, feed))[-1] == "case.basis-withdrawn", "and nothing after it"


async def test_another_basis_carries_on_where_one_ended(exchange: Served) -> None:
    events = a_case(basis="consent")
    case = events[0].subject
    await exchange.hear(*events)
    [submitted, *_] = a_case(case_id=case, basis="public-task", sender="nhs-trust")
    await exchange.hear(submitted)
    await exchange.hear(CaseBasisWithdrawn(case_id=case, organisation_id="school-115482", kind="consent"))
    await exchange.hear(assigned(case))
    assert (await types(exchange, "health-feed"))[-1] == "case.assigned"
    [row] = await exchange.rows(
        "SELECT basis FROM entry WHERE type = 'jointly.case.assigned.v1' AND stream_id = 'health-feed'"
    )
    assert row["basis"] == "public-task"


async def test_a_new_basis_of_an_amended_referral_counts_and_a_referral_takes_its_basis_along(exchange: Served) -> None:
    events = a_case(basis="consent")
    submitted = events[0]
    case, referral = submitted.subject, submitted.model_dump()["referral_id"]
    await exchange.hear(*events)
    amended = ReferralAmended(
        case_id=case, referral_id=referral, organisation_id="school-115482", version=2, fields=("/basis/kind",),
        basis=Basis(kind="public-task", recorded_on=DAY),
    )  # fmt: skip
    await exchange.hear(
        amended, CaseBasisWithdrawn(case_id=case, organisation_id="school-115482", kind="consent"), assigned(case)
    )
    assert (await types(exchange, "health-feed"))[-1] == "case.assigned"
    other = new_id()
    await exchange.hear(CaseUnlinked(case_id=case, referral_id=referral, new_case_id=other, reason="different-child"))
    await exchange.hear(assigned(case, decision=2))
    assert (await types(exchange, "health-feed"))[-1] == "case.unlinked", "then nothing here rests on anything"


async def test_erasure_is_told_to_everybody_who_was_told_and_nothing_is_kept(exchange: Served) -> None:
    events = a_case(("school-115482", "education"), ("nhs-trust", "health"))
    case = events[0].subject
    await exchange.hear(*events)
    await exchange.hear(taking_part(case, ("school-115482", "education")))
    await exchange.hear(CaseErased(case_id=case))
    assert (await types(exchange, "education-feed"))[-1] == "case.erased"
    assert (await types(exchange, "health-feed"))[-1] == "case.erased", "who has left must forget too"
    assert await told(exchange, "social-care-feed") == []
    kept = await exchange.rows("SELECT type, data FROM event WHERE subject = $1 AND data IS NOT NULL", case)
    assert [row["type"] for row in kept] == ["jointly.case.erased.v1"]
    bodies = await exchange.rows(
        "SELECT b.data FROM body b JOIN event e ON e.id = b.event_id WHERE e.subject = $1", case
    )
    assert [json.loads(row["data"]) for row in bodies] == [{"case_id": case}]
    assert await exchange.rows("SELECT 1 FROM participant") == []
    await exchange.hear(assigned(case))
    assert (await types(exchange, "education-feed"))[-1] == "case.erased"


async def test_an_erasure_in_the_same_batch_as_the_rest_is_told_too(exchange: Served) -> None:
    events = a_case()
    await exchange.hear(*events, CaseErased(case_id=events[0].subject))
    assert (await types(exchange, "health-feed"))[-1] == "case.erased"


async def test_what_is_about_no_case_is_told_to_the_sectors_named_without_staff(exchange: Served) -> None:
    cluster = Cluster(
        name="North primary", phase="primary", area="North", lead_school_urn="100001", organisation_id="school-100001",
        members=(), capacity=12,
    )  # fmt: skip
    await exchange.hear(ClusterChanged(cluster_id="north-primary", cluster=cluster))
    for feed in FEEDS:
        [row] = await told(exchange, feed)
        assert set(json.loads(row["data"])["cluster"]) == {
            "name", "phase", "area", "lead_school_urn", "organisation_id", "members",
        }  # fmt: skip


async def test_sequences_have_no_gap_whatever_is_left_out(exchange: Served) -> None:
    events = a_case()
    case = events[0].subject
    await exchange.hear(*events)
    for number in range(20):
        await exchange.hear(assigned(case, decision=number + 1))
    for feed in FEEDS:
        sequences = [row["sequence"] for row in await told(exchange, feed)]
        assert sequences[0] == 1
        assert all(b == a + 1 for a, b in pairwise(sequences))


async def test_the_same_event_twice_is_told_once(exchange: Served) -> None:
    events = a_case()
    await exchange.hear(*events)
    record = exchange.record(assigned(events[0].subject))
    consumer = exchange.runtime.consumer
    assert consumer is not None
    await consumer.deliver([record])
    await consumer.deliver([record])
    assert (await types(exchange, "health-feed")).count("case.assigned") == 1
    assert CARE
    assert await loop_back(exchange) == 0
