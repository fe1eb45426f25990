"""Suspensions and exclusions: totals, duties on their clocks, corrections, risk, and who may see and change what."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from chassis.clock import BusinessClock, new_id, wall_now
from integration.placements.county import (
    CALENDAR,
    DESK,
    HEALTH,
    LEAD,
    OTHER_LEAD,
    OTHER_SCHOOL,
    SCHOOL,
    STRANGER,
    a_case,
    call,
    etag_of,
    fire,
    get,
    later,
    notified,
    opened,
)
from schemas.placement import (
    DutyBreached,
    DutyCancelled,
    DutyDueSoon,
    DutyMet,
    DutyStarted,
    ExclusionCancelled,
    ExclusionReported,
)
from schemas.referral import CaseClosed, CaseErased
from support.service import Served


async def report(served: Served, case: str, who: dict[str, Any] = SCHOOL, **changes: Any) -> Any:
    """A suspension reported by API."""
    body = {
        "case": case, "school_urn": "100002", "kind": "SUSP", "reasons": ["DB"], "first_on": "2026-11-23",
        "sessions": 4,
    }  # fmt: skip
    answer = await call(served, "POST", "/v1/exclusions", who, body | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def totals(served: Served) -> list[tuple[int, int, int, int]]:
    """What was said: version, own sessions, in the term, in the year."""
    said = await served.said(ExclusionReported)
    return [(e.version, e.sessions, e.sessions_in_term, e.sessions_in_year) for e in said]  # type: ignore[attr-defined]


async def test_totals_run_on_over_term_and_year(house: Served) -> None:
    case = await a_case(house)
    await house.hear(notified(case, first_on="2026-10-05", sessions=3))
    await house.hear(notified(case, kind="LNCH", first_on="2026-10-12", sessions=0))
    await house.hear(notified(case, first_on="2026-11-23", sessions=4))
    await house.hear(notified(case, first_on="2027-01-05", sessions=2))
    assert await totals(house) == [(1, 3, 3, 3), (1, 1, 4, 4), (1, 4, 8, 8), (1, 2, 2, 10)]


async def test_a_notice_before_its_case_waits_and_twice_is_one(house: Served) -> None:
    case, event = new_id(), None
    event = notified(case)
    record = house.record(event, sequence=3)
    consumer = house.runtime.consumer
    assert consumer is not None
    await consumer.deliver([record])
    assert await totals(house) == []
    assert [row["reason"] for row in await house.rows("SELECT reason FROM parked")] == ["case-unknown"]
    await house.rows("DELETE FROM parked")
    await house.hear(opened(case))
    await consumer.deliver([record])
    await consumer.deliver([record])
    assert await totals(house) == [(1, 4, 4, 4)]


async def test_an_earlier_one_told_later_counts_the_others_anew(house: Served) -> None:
    case = await a_case(house)
    await house.hear(notified(case, first_on="2026-11-23", sessions=4))
    await house.hear(notified(case, first_on="2026-11-09", sessions=2))
    assert await totals(house) == [(1, 4, 4, 4), (1, 2, 2, 2), (2, 4, 6, 6)]


async def test_a_correction_is_said_again_and_later_totals_follow(house: Served) -> None:
    case = await a_case(house)
    first = await report(house, case, first_on="2026-11-09", sessions=4)
    await report(house, case, first_on="2026-11-16", sessions=2)
    path = f"/v1/exclusions/{first['id']}"
    etag = await etag_of(house, path, SCHOOL)
    assert (await call(house, "PATCH", path, SCHOOL, {"sessions": 2})).status_code == 428
    answer = await call(house, "PATCH", path, SCHOOL, {"sessions": 2}, **{"If-Match": etag})
    assert (answer.status_code, answer.json()["version"], answer.headers["ETag"]) == (200, 2, '"2"')
    stale = await call(house, "PATCH", path, SCHOOL, {"sessions": 3}, **{"If-Match": etag})
    assert stale.status_code == 412
    assert (await totals(house))[-2:] == [(2, 2, 2, 2), (2, 2, 4, 4)]


async def test_a_cancelled_one_counts_no_more_and_its_duties_go(house: Served) -> None:
    case = await a_case(house)
    long = await report(house, case, first_on="2026-11-09", sessions=12)
    await report(house, case, first_on="2026-11-23", sessions=2)
    path = f"/v1/exclusions/{long['id']}"
    answer = await call(
        house, "POST", f"{path}/cancel", SCHOOL, {"reason": "overturned-by-governors"},
        **{"If-Match": await etag_of(house, path, SCHOOL)},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["cancelled"]) == (200, "overturned-by-governors")
    [cancelled] = await house.said(ExclusionCancelled)
    assert isinstance(cancelled, ExclusionCancelled)
    assert (cancelled.sessions_in_term, cancelled.sessions_in_year) == (2, 2)
    assert [e.reason for e in await house.said(DutyCancelled)] == ["exclusion-cancelled"]  # type: ignore[attr-defined]
    assert (await totals(house))[-1] == (2, 2, 2, 2)
    assert await house.rows("SELECT * FROM deadline WHERE kind <> 'calendar-changed'") == []
    again = await call(
        house, "POST", f"{path}/cancel", SCHOOL, {"reason": "reported-in-error"},
        **{"If-Match": await etag_of(house, path, SCHOOL)},
    )  # fmt: skip
    assert (again.status_code, again.json()["title"]) == (409, "Already cancelled")


async def test_day_six_is_the_schools_for_a_suspension_and_the_councils_for_a_permanent_exclusion(
    house: Served,
) -> None:
    case, other = await a_case(house), await a_case(house)
    # Monday; Friday is an INSET day: day 6 is the Tuesday after the next Monday.
    await house.hear(notified(case, sessions=12), notified(other, kind="PERM", sessions=0))
    duties = await house.said(DutyStarted)
    said = [(d.case_id == case, d.kind, d.holder, d.due_on.isoformat()) for d in duties]  # type: ignore[attr-defined]
    assert sorted(said) == [
        (False, "education-from-day-6", "the-council", "2026-12-01"),
        (False, "governors-meet-15", "school-100002", "2026-12-15"),
        (True, "education-from-day-6", "school-100002", "2026-12-01"),
    ]


async def test_a_duty_is_due_soon_then_breached_once_each_and_can_be_met_late(
    house: Served, clock: BusinessClock
) -> None:
    case = await a_case(house)
    exclusion = await report(house, case, sessions=12)
    [duty] = exclusion["duties"]
    # Tuesday 24 is day 2, Monday 30 is day 5: school days without Friday 27.
    assert (duty["kind"], duty["due_on"], duty["school_days_left"]) == ("education-from-day-6", "2026-12-01", 5)
    later(clock, days=2, hours=11)
    await fire(house)
    assert await house.said(DutyDueSoon) == []
    later(clock, hours=2)
    await fire(house)
    [soon] = await house.said(DutyDueSoon)
    assert isinstance(soon, DutyDueSoon)
    assert soon.days_left == 2
    later(clock, days=5, hours=23)
    await fire(house)
    await fire(house)
    [breached] = await house.said(DutyBreached)
    assert isinstance(breached, DutyBreached)
    assert (breached.days_late, len(await house.said(DutyDueSoon))) == (1, 1)
    path = f"/v1/exclusions/{exclusion['id']}/duties/{duty['id']}/met"
    answer = await call(house, "POST", path, SCHOOL, {"met_on": "2026-12-02"})
    assert (answer.status_code, answer.json()["state"]) == (200, "met")
    [met] = await house.said(DutyMet)
    assert isinstance(met, DutyMet)
    assert (met.in_time, met.met_on) == (False, date(2026, 12, 2))
    again = await call(house, "POST", path, SCHOOL, {"met_on": "2026-12-02"})
    assert (again.status_code, again.json()["title"]) == (409, "Duty done")


async def test_a_duty_that_passed_while_nothing_ran_is_said_late_once(house: Served, clock: BusinessClock) -> None:
    await report(house, await a_case(house), sessions=12)
    later(clock, days=30)
    await fire(house)
    await fire(house)
    [breached] = await house.said(DutyBreached)
    assert isinstance(breached, DutyBreached)
    assert breached.days_late == 22
    assert await house.said(DutyDueSoon) == [], "beside the breach it would be noise"


async def test_a_duty_met_in_time_is_never_breached(house: Served, clock: BusinessClock) -> None:
    exclusion = await report(house, await a_case(house), sessions=12)
    path = f"/v1/exclusions/{exclusion['id']}/duties/{exclusion['duties'][0]['id']}/met"
    assert (await call(house, "POST", path, STRANGER, {"met_on": "2026-11-23"})).status_code == 404
    assert (await call(house, "POST", path, SCHOOL, {"met_on": "2026-11-24"})).status_code == 422
    assert (await call(house, "POST", path, LEAD, {"met_on": "2026-11-23"})).status_code == 200
    later(clock, days=60)
    await fire(house)
    assert await house.said(DutyBreached, DutyDueSoon) == []
    [met] = await house.said(DutyMet)
    assert isinstance(met, DutyMet)
    assert met.in_time


async def test_governors_meet_when_parents_ask_until_they_must_anyway(house: Served) -> None:
    case = await a_case(house)
    short = await report(house, case, first_on="2026-11-02", sessions=4)
    refused = await call(
        house, "POST", f"/v1/exclusions/{short['id']}/parents-asked", LEAD, {"asked_on": "2026-11-23"},
        **{"If-Match": '"1"'},
    )  # fmt: skip
    assert (refused.status_code, refused.json()["title"]) == (409, "Nothing to ask for")
    long = await report(house, case, first_on="2026-11-09", sessions=12)
    path = f"/v1/exclusions/{long['id']}"
    answer = await call(
        house, "POST", f"{path}/parents-asked", LEAD, {"asked_on": "2026-11-23"},
        **{"If-Match": await etag_of(house, path, SCHOOL)},
    )  # fmt: skip
    assert {duty["kind"]: duty["due_on"] for duty in answer.json()["duties"]} == {
        "education-from-day-6": "2026-11-16", "governors-meet-50": "2027-02-23",
    }  # fmt: skip
    corrected = await call(
        house, "PATCH", path, SCHOOL, {"first_on": "2026-09-07", "sessions": 32},
        **{"If-Match": await etag_of(house, path, SCHOOL)},
    )  # fmt: skip
    states = {(duty["kind"], duty["state"], duty["reason"]) for duty in corrected.json()["duties"]}
    assert ("governors-meet-50", "cancelled", "replaced") in states
    assert ("governors-meet-15", "open", None) in states


async def test_the_limit_of_a_school_year_comes_near_by_marks_and_is_breached(house: Served) -> None:
    case = await a_case(house)
    for first_on, sessions in (("2026-09-07", 58), ("2026-11-02", 4), ("2026-11-09", 8), ("2026-11-16", 16)):
        await house.hear(notified(case, first_on=first_on, sessions=sessions))
    limit = [e for e in await house.said(DutyStarted) if e.kind == "suspension-limit-45"]  # type: ignore[attr-defined]
    assert len(limit) == 1
    soon = [e.days_left for e in await house.said(DutyDueSoon)]  # type: ignore[attr-defined]
    assert soon == [14, 10, 2]
    await house.hear(notified(case, first_on="2026-11-30", sessions=10))
    breached = [e for e in await house.said(DutyBreached) if e.kind == "suspension-limit-45"]  # type: ignore[attr-defined]
    # 86 sessions before; the 91st lies on the third day.
    assert [e.due_on.isoformat() for e in breached] == ["2026-12-02"]  # type: ignore[attr-defined]


async def test_a_limit_that_was_kept_is_met_as_the_year_ends(house: Served, clock: BusinessClock) -> None:
    case = await a_case(house)
    await house.hear(notified(case, first_on="2026-09-07", sessions=62))
    later(clock, days=300)
    await fire(house)
    met = [e for e in await house.said(DutyMet) if e.kind == "suspension-limit-45"]  # type: ignore[attr-defined]
    assert [(e.met_on.isoformat(), e.in_time) for e in met] == [("2027-08-31", True)]  # type: ignore[attr-defined]


async def test_a_changed_calendar_moves_what_is_due(house: Served) -> None:
    case = await a_case(house)
    await house.hear(notified(case, sessions=12))
    own = CALENDAR.model_copy(update={"calendar_id": "100002", "closures": (date(2026, 11, 30), date(2026, 11, 27))})
    await house.hear(own)
    await fire(house)
    started = [e.due_on.isoformat() for e in await house.said(DutyStarted)]  # type: ignore[attr-defined]
    assert started == ["2026-12-01", "2026-12-02"]
    assert [e.reason for e in await house.said(DutyCancelled)] == ["replaced"]  # type: ignore[attr-defined]
    await house.hear(CALENDAR)
    await fire(house)
    assert len(await house.said(DutyStarted)) == 2, "the school goes by its own"


async def test_a_school_reports_by_reference_its_own_pupils_alone(house: Served) -> None:
    case = await a_case(house)
    body = {
        "case": f"J-{case[-8:]}", "school_urn": "100002", "kind": "SUSP", "reasons": ["PP", "DB"],
        "first_on": "2026-11-23", "sessions": 4,
    }  # fmt: skip
    answer = await call(house, "POST", "/v1/exclusions", SCHOOL, body)
    assert (answer.status_code, answer.json()["case_id"]) == (201, case)
    assert answer.headers["Location"] == f"/v1/exclusions/{answer.json()['id']}"
    for who, changes in ((OTHER_SCHOOL, {}), (OTHER_SCHOOL, {"school_urn": "100003"}), (HEALTH, {})):
        refused = await call(house, "POST", "/v1/exclusions", who, body | changes)
        assert refused.status_code == 404
    assert (await call(house, "POST", "/v1/exclusions", DESK, body)).status_code == 201
    key = {"Idempotency-Key": new_id()}
    twice = [await call(house, "POST", "/v1/exclusions", SCHOOL, body, **key) for _ in range(2)]
    assert twice[0].content == twice[1].content
    assert len(await totals(house)) == 3


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"kind": "XXXX"}, "/kind"),
        ({"reasons": ["DB", "OT"]}, "/reasons/1"),
        ({"reasons": []}, "/reasons"),
        ({"kind": "PERM", "sessions": 2}, "/sessions"),
        ({"sessions": 0}, "/sessions"),
        ({"first_on": "2030-01-01"}, "/first_on"),
        ({"note": "free text"}, "/note"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_field(house: Served, changes: dict[str, Any], pointer: str) -> None:
    case = await a_case(house)
    body = {
        "case": case, "school_urn": "100002", "kind": "SUSP", "reasons": ["DB"], "first_on": "2026-11-23",
        "sessions": 4,
    }  # fmt: skip
    answer = await call(house, "POST", "/v1/exclusions", SCHOOL, body | changes)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("who", "status"), [(SCHOOL, 200), (LEAD, 200), (DESK, 200), (OTHER_LEAD, 404), (HEALTH, 404), (STRANGER, 404)]
)
async def test_who_sees_an_exclusion(house: Served, who: dict[str, Any], status: int) -> None:
    case = await a_case(house)
    exclusion = await report(house, case)
    assert (await call(house, "GET", f"/v1/exclusions/{exclusion['id']}", who)).status_code == status
    listed = await get(house, f"/v1/exclusions?case={case}", who)
    assert len(listed["items"]) == (status == 200)


async def test_a_closed_case_has_no_duties_and_an_erased_one_no_exclusions(house: Served) -> None:
    case = await a_case(house)
    await house.hear(notified(case, sessions=12))
    await house.hear(CaseClosed(case_id=case, reason="moved-away"))
    assert [e.reason for e in await house.said(DutyCancelled)] == ["case-closed"]  # type: ignore[attr-defined]
    body = {
        "case": case, "school_urn": "100002", "kind": "SUSP", "reasons": ["DB"], "first_on": "2026-11-23",
        "sessions": 4,
    }  # fmt: skip
    answer = await call(house, "POST", "/v1/exclusions", SCHOOL, body)
    assert (answer.status_code, answer.json()["title"]) == (409, "Case closed")
    await house.hear(CaseErased(case_id=case))
    for table in ("exclusion", "duty", "risk", "participant"):
        assert await house.rows(f"SELECT * FROM {table}") == []
    [kept] = await house.rows("SELECT circumstances, reference, erased FROM case_file")
    assert kept == {"circumstances": None, "reference": None, "erased": True}


async def test_pages_of_exclusions_hold_each_once(house: Served) -> None:
    case = await a_case(house)
    for day in range(9, 14):
        await report(house, case, first_on=f"2026-11-{day:02}", sessions=1)
    seen, cursor = [], ""
    while cursor is not None:
        page = await get(house, f"/v1/exclusions?limit=2{cursor and '&cursor=' + cursor}", SCHOOL)
        seen += [item["first_on"] for item in page["items"]]
        cursor = page["next"]
    assert seen == [f"2026-11-{day:02}" for day in range(9, 14)]


async def test_in_summer_the_sixth_day_lies_in_september(house: Served, clock: BusinessClock) -> None:
    clock.simulate(datetime(2027, 7, 19, 9, tzinfo=UTC), anchor=wall_now(), rate=1.0)
    await house.hear(notified(await a_case(house), first_on="2027-07-19", sessions=12))
    [started] = await house.said(DutyStarted)
    assert isinstance(started, DutyStarted)
    # Three days in July; the term begins on Thursday 2 September.
    assert started.due_on == date(2027, 9, 6)
