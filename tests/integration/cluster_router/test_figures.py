"""How many of the cases that a cluster was given it gave back or passed on."""

from typing import Any

import pytest
from chassis.clock import BusinessClock
from integration.cluster_router.county import AGENCY, DESK, NORTH, SOUTH, act, later, opened
from support.service import Served, signed_in

SPAN = "?from=2000-01-01&to=2100-01-01"


async def figures(router: Served, who: dict[str, Any], query: str = SPAN) -> dict[str, dict[str, Any]]:
    """Cluster -> its figures."""
    answer = await router.client.get(f"/v1/clusters/figures{query}", headers=signed_in(**who))
    assert answer.status_code == 200, answer.text
    return {one["cluster_id"]: one for one in answer.json()["clusters"]}


async def test_cases_given_back_and_passed_on_are_counted_of_the_cluster_that_let_them_go(router: Served) -> None:
    kept, back, on = opened(), opened(), opened()
    await router.hear(kept)
    await router.hear(back)
    await router.hear(on)
    assert (await act(router, back.case_id, "return", NORTH, {"reason": "wrong-cluster"})).status_code == 200
    placed = {"cluster_id": "south-primary", "reason": "family-preference"}
    assert (await act(router, on.case_id, "override", DESK, placed)).status_code == 200
    assert await figures(router, DESK) == {
        "north-primary": {"cluster_id": "north-primary", "given": 3, "given_back": 1, "passed_on": 1},
        "south-primary": {"cluster_id": "south-primary", "given": 1, "given_back": 0, "passed_on": 0},
    }


async def test_a_time_counts_what_was_given_in_it(router: Served, clock: BusinessClock) -> None:
    await router.hear(opened())
    day = clock.now().date().isoformat()
    later(clock, days=40)
    assert (await figures(router, DESK, f"?from={day}&to={day}"))["north-primary"]["given"] == 1
    today = clock.now().date().isoformat()
    assert await figures(router, DESK, f"?from={today}&to={today}") == {}


async def test_a_team_counts_its_own_and_others_nothing(router: Served) -> None:
    await router.hear(opened())
    assert set(await figures(router, NORTH)) == {"north-primary"}
    assert await figures(router, SOUTH) == {}
    answer = await router.client.get(f"/v1/clusters/figures{SPAN}", headers=signed_in(**AGENCY))
    assert answer.status_code == 403


@pytest.mark.parametrize("query", ["", "?from=2026-01-02&to=2026-01-01", "?from=x&to=2026-01-01"])
async def test_a_time_that_is_none_is_refused(router: Served, query: str) -> None:
    answer = await router.client.get(f"/v1/clusters/figures{query}", headers=signed_in(**DESK))
    assert answer.status_code == 422 if query in {"", "?from=x&to=2026-01-01"} else 400
