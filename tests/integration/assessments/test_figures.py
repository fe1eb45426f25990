"""How soon cases begin: days until a cluster took them on, and until the child or the family was met."""

from typing import Any

from chassis.clock import BusinessClock
from integration.assessments.county import (
    DESK,
    REFERRER,
    SOUTH,
    TEAM,
    accepted,
    assigned,
    at,
    get,
    opened,
    post,
    read,
    taking_part,
)
from schemas.referral import CaseErased
from support.service import Served

SPAN = "from=2026-11-01&to=2026-11-30"


async def a_case_of(service: Served, clock: BusinessClock, cluster: str, *, opens: int, takes: int) -> str:
    """A case opened on a day of November and taken on upon another."""
    case = opened()
    at(clock, f"2026-11-{opens:02}T10:00:00+00:00")
    await service.hear(case, taking_part(case.case_id, "gp-practice"))
    await service.hear(assigned(case.case_id, cluster))
    at(clock, f"2026-11-{takes:02}T10:00:00+00:00")
    await service.hear(accepted(case.case_id, cluster))
    return case.case_id


async def asked(service: Served, case: str, on: str, who: dict[str, Any] = TEAM, **more: Any) -> None:
    """Somebody asked the child what they think."""
    whole = await read(service, f"/v1/assessments/{case}", who)
    body = {"of": "child", "asked_by": "caseworker", "asked_on": on, "method": "conversation", **more}
    answer = await post(service, f"/v1/assessments/{whole['id']}/views", body, who)
    assert answer.status_code == 201, answer.text


async def figures(service: Served, who: dict[str, Any] = DESK, query: str = SPAN) -> Any:
    """The figures."""
    return await read(service, f"/v1/assessments/figures?{query}", who)


async def test_the_days_in_the_middle_are_of_those_for_whom_it_has_happened(
    service: Served, clock: BusinessClock
) -> None:
    first = await a_case_of(service, clock, "north", opens=2, takes=4)
    second = await a_case_of(service, clock, "north", opens=2, takes=8)
    await a_case_of(service, clock, "south", opens=3, takes=4)
    at(clock, "2026-11-20T10:00:00+00:00")
    await asked(service, first, "2026-11-10", text="I like the garden.")
    await asked(service, first, "2026-11-12", text="And the pond.")
    # Nobody was met where nobody was reached.
    await asked(service, second, "2026-11-09", not_given="not-reached")
    found = await figures(service)
    assert found["whole_county"]
    assert (found["together"]["cases"], found["together"]["taken_on"], found["together"]["met"]) == (3, 3, 1)
    by_cluster = {one["cluster_id"]: one for one in found["clusters"]}
    north = by_cluster["north"]
    assert (north["cases"], north["days_to_taken_on"], north["met"], north["days_to_contact"]) == (2, 4.0, 1, 8.0)
    assert (by_cluster["south"]["days_to_taken_on"], by_cluster["south"]["days_to_contact"]) == (1.0, None)
    await asked(service, second, "2026-11-16", not_given="chose-not-to")
    assert (await figures(service))["together"]["met"] == 2


async def test_a_team_counts_its_own_whatever_it_names(service: Served, clock: BusinessClock) -> None:
    await a_case_of(service, clock, "north", opens=2, takes=4)
    await a_case_of(service, clock, "south", opens=3, takes=4)
    for query in (SPAN, f"{SPAN}&cluster=north&cluster=south"):
        found = await figures(service, SOUTH, query)
        assert ([one["cluster_id"] for one in found["clusters"]], found["together"]["cases"]) == (["south"], 1)
        assert not found["whole_county"]
    assert (await figures(service, DESK, f"{SPAN}&cluster=north"))["together"]["cases"] == 1
    for who, status in ((REFERRER, 403), (SOUTH, 403)):
        query = f"{SPAN}&cluster=north"
        assert (await get(service, f"/v1/assessments/figures?{query}", who)).status_code == status


async def test_what_was_erased_or_opened_at_another_time_is_not_counted(service: Served, clock: BusinessClock) -> None:
    gone = await a_case_of(service, clock, "north", opens=2, takes=4)
    await a_case_of(service, clock, "north", opens=3, takes=4)
    await service.hear(CaseErased(case_id=gone))
    assert (await figures(service))["together"]["cases"] == 1
    assert (await figures(service, query="from=2026-10-01&to=2026-10-31"))["together"] == {
        "cluster_id": None, "cases": 0, "taken_on": 0, "days_to_taken_on": None, "met": 0, "days_to_contact": None,
    }  # fmt: skip
    late = "from=2026-11-30&to=2026-11-01"
    assert (await get(service, f"/v1/assessments/figures?{late}", DESK)).status_code == 400
