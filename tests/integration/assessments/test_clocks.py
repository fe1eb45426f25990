"""Clocks in business time: told of, breached once, late after downtime, excused, met, cancelled; and the figures."""

from datetime import date
from typing import Any

import pytest
from chassis.clock import BusinessClock, new_id
from integration.assessments.county import (
    DESK,
    SOUTH,
    TEAM,
    a_case,
    advice,
    at,
    change,
    fire,
    get,
    later,
    post,
    read,
)
from schemas.assessment import (
    AdviceCancelled,
    AdviceReceived,
    AssessmentCompleted,
    ClockBreached,
    ClockCancelled,
    ClockDueSoon,
    ClockExcepted,
    ClockMet,
)
from schemas.referral import CaseClosed
from support.service import Served

AWAY = {
    "exception": "away-from-area",
    "since": "2026-12-01",
    "until": "2027-01-05",
    "evidence": "Letter of 2 December.",
}


async def clocks(service: Served, case: str, **filters: str) -> list[dict[str, Any]]:
    """The clocks of a case."""
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return (await read(service, f"/v1/clocks?case={case}&{query}"))["items"]  # type: ignore[no-any-return]


async def one_left(service: Served) -> tuple[str, dict[str, Any]]:
    """A case of which one discipline has not answered."""
    case = await a_case(service)
    school = await advice(service, case, "education")
    assert (await change(service, f"/v1/advice/{school['id']}", "answer", {"text": "Done."})).status_code == 200
    [clock] = await clocks(service, case, state="running")
    return case, clock


async def test_nearing_limits_are_told_of_at_their_marks_and_the_last_day_passes_once(
    service: Served, clock: BusinessClock
) -> None:
    _, one = await one_left(service)
    assert (one["started_on"], one["due_on"]) == ("2026-11-23", "2027-01-04")
    for day in range(23, 31):
        at(clock, f"2026-11-{day}T12:00:00+00:00")
        await fire(service)
    for day in range(1, 32):
        at(clock, f"2026-12-{day:02}T12:00:00+00:00")
        await fire(service)
    for day in range(1, 11):
        at(clock, f"2027-01-{day:02}T12:00:00+00:00")
        await fire(service)
    soon = [event for event in await service.said(ClockDueSoon) if isinstance(event, ClockDueSoon)]
    assert [event.days_left for event in soon] == [14, 7, 2]
    [late] = await service.said(ClockBreached)
    assert isinstance(late, ClockBreached)
    assert (late.due_on, late.days_late, late.excused) == (date(2027, 1, 4), 1, False)
    assert await service.rows("SELECT kind FROM deadline") == []


async def test_the_last_day_lasts_until_midnight_here(service: Served, clock: BusinessClock) -> None:
    await one_left(service)
    at(clock, "2027-01-04T23:59:58+00:00")
    await fire(service)
    assert await service.said(ClockBreached) == []
    at(clock, "2027-01-05T00:00:01+00:00")
    await fire(service)
    assert len(await service.said(ClockBreached)) == 1


async def test_a_limit_that_passed_while_nobody_could_say_so_is_said_once_with_the_days(
    service: Served, clock: BusinessClock
) -> None:
    await one_left(service)
    at(clock, "2027-01-24T09:00:00+00:00")
    await fire(service)
    await fire(service)
    assert await service.said(ClockDueSoon) == [], "nobody is told that something comes near when it has passed"
    [late] = await service.said(ClockBreached)
    assert isinstance(late, ClockBreached)
    assert late.days_late == 20


async def test_advice_that_comes_late_meets_its_clock_late(service: Served, clock: BusinessClock) -> None:
    case, one = await one_left(service)
    at(clock, "2027-01-08T09:00:00+00:00")
    await fire(service)
    assert (await change(service, f"/v1/advice/{one['about']}", "answer", {"text": "Late."})).status_code == 200
    said = await service.said(ClockBreached, AdviceReceived, ClockMet)
    assert [type(event) for event in said[-3:]] == [ClockBreached, AdviceReceived, ClockMet]
    received, met = said[-2:]
    assert isinstance(received, AdviceReceived)
    assert isinstance(met, ClockMet)
    assert received.days_late == 4
    assert (met.met_on, met.in_time, met.in_time_or_excused) == (date(2027, 1, 8), False, False)
    rows = await clocks(service, case, state="met", kind="advice", due_before="2027-01-05")
    assert sorted((row["breached_on"] or "", row["in_time"]) for row in rows) == [("", True), ("2027-01-08", False)]


async def test_an_exception_excuses_and_never_pauses(service: Served, clock: BusinessClock) -> None:
    _, one = await one_left(service)
    answer = await post(service, f"/v1/clocks/{one['id']}/exceptions", AWAY)
    assert (answer.status_code, answer.json()["excused"]) == (201, True), answer.text
    assert "Letter" not in answer.text
    [said] = await service.said(ClockExcepted)
    assert isinstance(said, ClockExcepted)
    assert (said.exception, said.since, said.until) == ("away-from-area", date(2026, 12, 1), date(2027, 1, 5))
    assert said.due_on == date(2027, 1, 4), "the day does not move"
    at(clock, "2027-01-05T09:00:00+00:00")
    await fire(service)
    [late] = await service.said(ClockBreached)
    assert isinstance(late, ClockBreached)
    assert late.excused
    shown = await read(service, f"/v1/clocks/{one['id']}")
    assert [(e["exception"], e["recorded_by"], e["evidence"]) for e in shown["evidence"]] == [
        ("away-from-area", "team-north", "Letter of 2 December.")
    ]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"exception": "school-closed"}, "/exception"),
        ({"exception": "holiday"}, "/exception"),
        ({"until": "2026-12-20"}, "/until"),
        ({"since": "2027-02-01", "until": "2027-03-15"}, "/since"),
        ({"evidence": ""}, "/evidence"),
    ],
)
async def test_an_exception_is_one_of_the_clocks_own_and_long_enough(
    service: Served, changes: dict[str, str], pointer: str
) -> None:
    _, one = await one_left(service)
    answer = await post(service, f"/v1/clocks/{one['id']}/exceptions", AWAY | changes)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_figures_count_with_and_without_exceptions(service: Served, clock: BusinessClock) -> None:
    _, excused = await one_left(service)
    await post(service, f"/v1/clocks/{excused['id']}/exceptions", AWAY)
    await one_left(service)
    at(clock, "2027-01-05T09:00:00+00:00")
    await fire(service)
    figures = await read(service, "/v1/clocks/figures?from=2027-01-01&to=2027-01-31&cluster=north")
    assert figures["kinds"] == [{"kind": "advice", "total": 4, "in_time": 2, "in_time_or_excused": 3}]
    assert (figures["total"], figures["in_time"], figures["in_time_or_excused"]) == (4, 2, 3)
    elsewhere = await read(service, "/v1/clocks/figures?from=2027-01-01&to=2027-01-31&cluster=south", SOUTH)
    assert elsewhere["total"] == 0
    assert (await read(service, "/v1/clocks/figures?from=2027-01-01&to=2027-01-31", DESK))["total"] == 4
    assert (await get(service, "/v1/clocks/figures?from=2027-01-01&to=2027-01-31", TEAM)).status_code == 403
    assert (await get(service, "/v1/clocks/figures?from=2027-02-01&to=2027-01-31&cluster=north")).status_code == 400


@pytest.mark.parametrize(
    ("closing", "reason"), [("needs-met", "case-closed"), ("moved-away", "moved-away"), ("withdrawn", "withdrawn")]
)
async def test_a_closed_case_waits_for_nothing(
    service: Served, clock: BusinessClock, closing: str, reason: str
) -> None:
    case = await a_case(service)
    plan = {
        "stage": "my-plan", "basis": {"kind": "consent", "recorded_on": "2026-11-20"}, "agreed_on": "2026-11-23",
        "provisions": [],
    }  # fmt: skip
    assert (await post(service, f"/v1/assessments/{case}/plans", plan)).status_code == 201
    await service.hear(CaseClosed(case_id=case, reason=closing))
    ended = [event for event in await service.said(ClockCancelled) if isinstance(event, ClockCancelled)]
    assert [event.reason for event in ended] == [reason] * 3
    assert len(await service.said(AdviceCancelled)) == 2
    [done] = await service.said(AssessmentCompleted)
    assert isinstance(done, AssessmentCompleted)
    assert (done.outcome, done.needs_without_provision) == ("case-closed", ("SLCN",))
    later(clock, days=400)
    await fire(service)
    assert await service.said(ClockBreached) == []
    assert await service.rows("SELECT kind FROM deadline") == []
    refused = await post(service, f"/v1/assessments/{case}/advice", {"discipline": "health"})
    assert (refused.status_code, refused.json()["title"]) == (409, "Case closed")


async def test_clocks_come_in_pages_the_first_due_first(service: Served, clock: BusinessClock) -> None:
    cases = [await a_case(service) for _ in range(2)]
    later(clock, days=3)
    cases.append(await a_case(service))
    found, path = [], "/v1/clocks?limit=2"
    while path:
        body = await read(service, path)
        found += body["items"]
        path = f"/v1/clocks?limit=2&cursor={body['next']}" if body["next"] else ""
    assert len(found) == 6
    assert [one["due_on"] for one in found] == sorted(one["due_on"] for one in found)
    assert {one["case_id"] for one in found} == set(cases)
    cursor = (await read(service, "/v1/clocks?limit=1"))["next"]
    assert (await get(service, f"/v1/plans?cursor={cursor}")).status_code == 400
    assert len((await read(service, "/v1/clocks?due_before=2027-01-05"))["items"]) == 4
    assert (await get(service, f"/v1/clocks/{new_id()}")).status_code == 404
