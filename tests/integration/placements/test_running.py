"""A placement that runs: attendance, silence, reviews, risk, the end, the return; providers' checks; cases that end."""

from datetime import date
from typing import Any

import pytest
from chassis.clock import BusinessClock
from integration.placements.county import (
    DESK,
    LEAD,
    MIDDLE,
    NEAR,
    SCHOOL,
    STRANGER,
    a_case,
    a_request,
    act,
    call,
    equip,
    etag_of,
    fire,
    get,
    later,
    notified,
    offered,
    opened,
    placed,
    places,
    school,
    staff,
    taking_part,
)
from schemas.placement import (
    PlacementAtRisk,
    PlacementAttended,
    PlacementDeclined,
    PlacementEnded,
    PlacementReleased,
    PlacementRequested,
    PlacementReviewed,
    PlacementStarted,
    ReintegrationChecked,
    RiskRaised,
)
from schemas.referral import Basis, CaseClosed, CaseErased, Need, ReferralSubmitted
from schemas.routing import CaseAccepted, CaseAssigned, CaseReturned, HandoverAccepted
from support.service import Served


async def said_at_risk(served: Served) -> list[tuple[str, ...]]:
    """The reasons that were said, in order."""
    return [e.reasons for e in await served.said(PlacementAtRisk)]  # type: ignore[attr-defined]


async def week(served: Served, placement: str, monday: str, attended: int, possible: int = 10) -> None:
    """A week's attendance."""
    body = {"week": monday, "attended": attended, "possible": possible}
    await act(served, placement, "attendance", staff(NEAR), body)


async def test_a_placement_starts_with_its_distance_from_home(house: Served) -> None:
    await equip(house, NEAR)
    placement = await placed(house)
    [started] = await house.said(PlacementStarted)
    assert isinstance(started, PlacementStarted)
    assert (started.metres_from_home, started.placement_id, started.sessions_a_week) == (707, placement, 10)
    assert await places(house) == (1, 1, 0)
    seen = await get(house, f"/v1/placements/{placement}", LEAD)
    assert (seen["state"], seen["next_review_on"]) == ("started", "2027-01-04")


async def test_silence_is_said_once_until_somebody_tells(house: Served, clock: BusinessClock) -> None:
    await equip(house, NEAR)
    placement = await placed(house)
    # Seven school days after Monday 23, Friday 27 being none: Thursday 3 December.
    later(clock, days=10, hours=11)
    await fire(house)
    assert await said_at_risk(house) == []
    later(clock, hours=2)
    await fire(house)
    later(clock, days=20)
    await fire(house)
    assert await said_at_risk(house) == [("silence",)]
    await week(house, placement, "2026-12-14", 10)
    assert (await get(house, f"/v1/placements/{placement}", LEAD))["at_risk"] == []
    later(clock, days=60)
    await fire(house)
    assert await said_at_risk(house) == [("silence",), ("silence",)]


async def test_low_attendance_is_said_once_until_it_is_better(house: Served, clock: BusinessClock) -> None:
    await equip(house, NEAR)
    placement = await placed(house)
    later(clock, days=22)
    await week(house, placement, "2026-11-23", 5, 8)
    assert await said_at_risk(house) == [], "one week says nothing"
    await week(house, placement, "2026-11-30", 6)
    await week(house, placement, "2026-12-07", 6)
    assert await said_at_risk(house) == [("low-attendance",)]
    await week(house, placement, "2026-12-07", 10)
    await week(house, placement, "2026-11-30", 10)
    assert (await get(house, f"/v1/placements/{placement}", LEAD))["at_risk"] == []
    attended = await house.said(PlacementAttended)
    assert len(attended) == 5
    rows = await house.rows("SELECT week, attended FROM attendance ORDER BY week")
    assert [row["attended"] for row in rows] == [5, 10, 10]


@pytest.mark.parametrize(
    ("who", "body", "status"),
    [
        (staff(NEAR), {"week": "2026-11-24", "attended": 1, "possible": 10}, 422),
        (staff(NEAR), {"week": "2026-11-30", "attended": 1, "possible": 10}, 422),
        (staff(NEAR), {"week": "2026-11-16", "attended": 1, "possible": 10}, 422),
        (staff(NEAR), {"week": "2026-11-23", "attended": 9, "possible": 8}, 422),
        (staff(MIDDLE), {"week": "2026-11-23", "attended": 8, "possible": 8}, 404),
        (SCHOOL, {"week": "2026-11-23", "attended": 8, "possible": 8}, 403),
    ],
)
async def test_attendance_is_of_a_week_since_the_start_and_from_the_provider(
    house: Served, who: dict[str, Any], body: dict[str, Any], status: int
) -> None:
    await equip(house, NEAR)
    placement = await placed(house)
    assert (await act(house, placement, "attendance", who, body, ok=False)).status_code == status
    assert await house.said(PlacementAttended) == []


async def test_a_review_may_find_a_risk_and_its_words_stay_here(house: Served) -> None:
    await equip(house, NEAR)
    placement = await placed(house)
    body = {"reviewed_on": "2026-11-23", "outcome": "at-risk", "notes": "CNRY-words"}
    await act(house, placement, "reviews", staff(NEAR), body)
    [reviewed] = await house.said(PlacementReviewed)
    assert isinstance(reviewed, PlacementReviewed)
    assert reviewed.next_review_on is not None
    assert (reviewed.outcome, reviewed.next_review_on.isoformat()) == ("at-risk", "2027-01-04")
    assert await said_at_risk(house) == [("review",)]
    assert "CNRY" not in str(await house.rows("SELECT data FROM outbox"))
    seen = await get(house, f"/v1/placements/{placement}", LEAD)
    assert seen["reviews"][0]["notes"] == "CNRY-words"


async def test_a_check_that_lapses_puts_its_placements_at_risk_once(house: Served, clock: BusinessClock) -> None:
    await equip(house, NEAR, 2, valid_until="2026-12-01")
    # Not on the day it is wanted from, so it is placed before the check ends.
    case = await a_case(house)
    placement = await a_request(house, case, wanted_from="2026-11-25")
    offers = await offered(house, placement, NEAR)
    await act(house, placement, f"offers/{offers[NEAR]}/accept", staff(NEAR), {})
    later(clock, days=8, hours=11)
    await fire(house)
    assert await said_at_risk(house) == []
    later(clock, hours=2)
    await fire(house)
    await fire(house)
    assert await said_at_risk(house) == [("check-lapsed",)]
    other = await a_request(house)
    answer = await act(house, other, "holds", LEAD, {"provider_id": NEAR}, ok=False)
    assert [error["code"] for error in answer.json()["errors"]] == ["safeguarding-lapsed"]


async def test_a_check_that_is_not_met_counts_at_once(house: Served) -> None:
    await equip(house, NEAR)
    await placed(house)
    check = {"kind": "safeguarding", "outcome": "not-met", "checked_on": "2026-11-23"}
    path = f"/v1/providers/{NEAR}"
    refused = await call(
        house, "PATCH", path, staff(NEAR), {"checks": [check]}, **{"If-Match": await etag_of(house, path)}
    )
    assert refused.status_code == 403, "nobody checks themselves"
    answer = await call(house, "PATCH", path, DESK, {"checks": [check]}, **{"If-Match": await etag_of(house, path)})
    assert answer.json()["failings"] == ["safeguarding-not-met"]
    await fire(house)
    assert await said_at_risk(house) == [("check-lapsed",)]


async def test_a_return_has_lasted_when_nothing_came_in_twelve_weeks(house: Served, clock: BusinessClock) -> None:
    await equip(house, NEAR, 3)
    stays, back_again, asked_again = [await a_case(house) for _ in range(3)]
    for case in (stays, back_again, asked_again):
        placement = await placed(house, case_id=case)
        body = {
            "reason": "reintegrated", "ended_on": "2026-11-23", "reintegrated_on": "2026-11-23",
            "school_urn": "100002",
        }  # fmt: skip
        assert (await act(house, placement, "end", staff(NEAR), body, ok=False)).status_code == 403
        await act(house, placement, "end", LEAD, body)
    assert await places(house) == (3, 0, 0)
    later(clock, days=30)
    await house.hear(notified(back_again, first_on="2026-12-17"))
    await a_request(house, asked_again, wanted_from="2027-01-04")
    later(clock, days=53)
    await fire(house)
    assert await house.said(ReintegrationChecked) == []
    later(clock, days=40)
    await fire(house)
    await fire(house)
    checked = {e.case_id: e.sustained for e in await house.said(ReintegrationChecked)}  # type: ignore[attr-defined]
    assert checked == {stays: True, back_again: False, asked_again: False}


async def test_a_placement_that_breaks_down_raises_a_risk(house: Served) -> None:
    await equip(house, NEAR)
    case = await a_case(house)
    placement = await placed(house, case_id=case)
    await act(house, placement, "end", staff(NEAR), {"reason": "broke-down", "ended_on": "2026-11-23"})
    [ended] = await house.said(PlacementEnded)
    assert isinstance(ended, PlacementEnded)
    assert (ended.reason, ended.reintegrated_on) == ("broke-down", None)
    [raised] = await house.said(RiskRaised)
    assert isinstance(raised, RiskRaised)
    assert raised.reasons == ("placement-broke-down",)
    assert await places(house) == (1, 0, 0)
    again = await act(house, placement, "end", LEAD, {"reason": "completed", "ended_on": "2026-11-23"}, ok=False)
    assert (again.status_code, again.json()["title"]) == (409, "Out of turn")


@pytest.mark.parametrize("accepted_first", [True, False])
async def test_a_referral_that_asks_for_a_place_opens_a_request_once_a_cluster_takes_the_case(
    house: Served, *, accepted_first: bool
) -> None:
    case = opened("case-1")
    referral = ReferralSubmitted(
        case_id="case-1", referral_id="r", organisation_id="school-100002", sector="education",
        needs=(Need(type="SEMH", rank=1),), requested=("placement",), urgency="soon", risk_of_exclusion="none",
        basis=Basis(kind="public-task", recorded_on=date(2026, 11, 20)),
    )  # fmt: skip
    accepted = CaseAccepted(case_id="case-1", cluster_id="north", organisation_id="school-100001", accepted_by="lead")
    await house.hear(*((case, accepted, referral) if accepted_first else (referral, case, accepted)))
    [requested] = await house.said(PlacementRequested)
    assert isinstance(requested, PlacementRequested)
    # Five school days after Monday 23, Friday 27 being none.
    assert (requested.organisation_id, requested.wanted_from.isoformat()) == ("school-100002", "2026-12-01")
    await house.hear(
        HandoverAccepted(
            case_id="case-1", handover_id="h", cluster_id="south", organisation_id="school-100009", accepted_by="x"
        )
    )
    assert len(await house.said(PlacementRequested)) == 1


async def test_who_holds_the_case_places_the_child(house: Served) -> None:
    await equip(house, NEAR)
    case = await a_case(house)
    placement = await a_request(house, case)
    await house.hear(CaseReturned(case_id=case, cluster_id="north", returned_by="lead", reason="capacity"))
    assert (await call(house, "GET", f"/v1/placements/{placement}", LEAD)).status_code == 404
    await house.hear(
        CaseAssigned(
            case_id=case, cluster_id="south", organisation_id="school-100009", decision=2, rules_version="1",
            reasons=("school",),
        )
    )  # fmt: skip
    south = {**LEAD, "clusters": ("south",)}
    assert (await act(house, placement, "holds", south, {"provider_id": NEAR})).status_code == 200


async def test_a_route_before_its_case_waits(house: Served) -> None:
    await house.hear(
        CaseAssigned(
            case_id="case-9", cluster_id="north", organisation_id="school-100001", decision=1, rules_version="1",
            reasons=("school",),
        )
    )  # fmt: skip
    assert [row["reason"] for row in await house.rows("SELECT reason FROM parked")] == ["case-unknown"]
    await house.hear(opened("case-9"))
    assert await house.rows("SELECT cluster_id FROM case_file") == [{"cluster_id": "north"}]


async def test_a_case_that_ends_lets_go_of_what_was_asked_and_ends_what_runs(house: Served) -> None:
    await equip(house, NEAR, 2)
    asking, running = await a_case(house), await a_case(house)
    placement = await a_request(house, asking)
    await offered(house, placement, NEAR)
    await placed(house, case_id=running)
    assert await places(house) == (2, 1, 1)
    await house.hear(CaseClosed(case_id=asking, reason="moved-away"), CaseClosed(case_id=running, reason="needs-met"))
    assert await places(house) == (2, 0, 0)
    assert [e.reason for e in await house.said(PlacementDeclined)] == ["case-closed"]  # type: ignore[attr-defined]
    assert [e.reason for e in await house.said(PlacementReleased)] == ["case-closed"]  # type: ignore[attr-defined]
    assert [e.reason for e in await house.said(PlacementEnded)] == ["case-closed"]  # type: ignore[attr-defined]


async def test_an_erased_case_leaves_nothing_of_the_child(house: Served) -> None:
    await equip(house, NEAR)
    case = await a_case(house)
    placement = await a_request(house, case, notes="CNRY-words")
    offers = await offered(house, placement, NEAR)
    await act(house, placement, f"offers/{offers[NEAR]}/accept", staff(NEAR), {})
    await act(house, placement, "start", staff(NEAR), {"started_on": "2026-11-23"})
    await act(
        house, placement, "reviews", staff(NEAR),
        {"reviewed_on": "2026-11-23", "outcome": "on-track", "notes": "CNRY-more"},
    )  # fmt: skip
    await week(house, placement, "2026-11-23", 5, 8)
    await house.hear(CaseErased(case_id=case))
    tables = [row["relname"] for row in await house.rows(
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE nspname = 'placements' AND relkind = 'r' AND NOT relispartition"
    )]  # fmt: skip
    for table in tables:
        rows = await house.rows(f"SELECT to_jsonb(t)::text AS row FROM {table} t")
        if table != "idempotency":
            assert not [row for row in rows if "CNRY" in row["row"]], table
    [kept] = await house.rows("SELECT needs, year_group, metres_from_home, state FROM placement")
    assert kept == {"needs": [], "year_group": None, "metres_from_home": None, "state": "ended"}
    assert await places(house) == (1, 0, 0)


async def test_figures_hide_what_would_point_to_a_child(house: Served) -> None:
    await equip(house, NEAR, 6)
    for n in range(6):
        await placed(house)
        figures = await get(house, "/v1/placements/figures", STRANGER)
        [secondary, whole] = figures["distance"]
        assert secondary["placements"] == whole["placements"] == (None if n < 4 else n + 1)
    assert (secondary["mean_kilometres"], figures["smallest_count"]) == (0.7, 5)


async def test_a_provider_that_is_placed_with_cannot_be_read_by_others(house: Served) -> None:
    await equip(house, NEAR)
    case = await a_case(house)
    placement = await placed(house, case_id=case)
    assert (await call(house, "GET", f"/v1/placements/{placement}", staff(MIDDLE))).status_code == 404
    await house.hear(taking_part(case, provider="school-200003"))
    assert (await call(house, "GET", f"/v1/placements/{placement}", staff(MIDDLE))).status_code == 404
    assert len((await get(house, "/v1/placements", staff(NEAR)))["items"]) == 1
    assert (await get(house, "/v1/placements", staff(MIDDLE)))["items"] == []


async def test_every_look_and_every_act_is_noted(house: Served) -> None:
    await equip(house, NEAR)
    case = await a_case(house)
    await placed(house, case_id=case)
    rows = await house.rows("SELECT actor, action, what, case_id FROM audit WHERE case_id = $1", case)
    noted = {(row["actor"], row["action"]) for row in rows}
    assert {("lead", "requested"), ("lead", "offered"), (f"staff-of-{NEAR}", "accepted"), ("desk", "read")} <= noted


async def test_a_provider_that_closes_puts_its_placements_at_risk(house: Served) -> None:
    await equip(house, NEAR)
    await placed(house)
    await house.hear(school("200001", type="14", phase=0, status=2, closed_on="2026-11-20"))
    await fire(house)
    assert await said_at_risk(house) == [("provider-closing",)]
