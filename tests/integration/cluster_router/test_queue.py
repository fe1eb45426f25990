"""What waits finds its place as soon as there is one, and a hard capacity is never exceeded."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from chassis.clock import BusinessClock
from cluster_router.commands import check_decisions
from cluster_router.handlers import routing
from integration.cluster_router.county import DESK, NORTH, act, changed, fire, later, limit, opened, school, where
from schemas.referral import CaseClosed
from schemas.routing import CaseAssigned, CaseUnrouted
from support.service import Served, keyed, signed_in

NOWHERE: dict[str, Any] = {"school_urn": None, "home": {"state": "none"}}


async def assigned(router: Served) -> list[str]:
    """The cases that were assigned, in order."""
    return [event.case_id for event in await router.said(CaseAssigned) if isinstance(event, CaseAssigned)]


async def test_a_case_that_waits_for_its_school_is_placed_when_the_school_is_known(router: Served) -> None:
    case = opened(school_urn="199999")
    await router.hear(case)
    [unrouted] = await router.said(CaseUnrouted)
    assert isinstance(unrouted, CaseUnrouted)
    assert unrouted.reasons == ("school-unknown",)
    await router.hear(school("199999", status=2, closed_on="2024-08-31", successors=[{"school_urn": "100002"}]))
    await fire(router)
    [said] = await router.said(CaseAssigned)
    assert isinstance(said, CaseAssigned)
    assert (said.cluster_id, said.reasons) == ("north-primary", ("successor-school", "school-member"))
    assert len(await router.said(CaseUnrouted)) == 1, "looking at the queue in vain says nothing"


async def test_cases_that_came_before_the_county_are_placed_when_it_is_there(empty_router: Served) -> None:
    case = opened()
    await empty_router.hear(case)
    await empty_router.hear(school("100001"))
    await fire(empty_router)
    [first, second] = await empty_router.said(CaseUnrouted)
    assert isinstance(first, CaseUnrouted)
    assert isinstance(second, CaseUnrouted)
    assert (first.reasons, second.reasons) == (("school-unknown",), ("no-rule",))


async def test_a_place_that_gets_free_goes_to_the_most_urgent_then_to_who_has_waited_longest(router: Served) -> None:
    await limit(router, "north-primary", 1)
    holder, first, second, urgent = opened(), opened(), opened(), opened(urgency="urgent")
    await router.hear(holder)
    for case in (first, second, urgent):
        await router.hear(case)
    assert await assigned(router) == [holder.case_id]
    for number, case in enumerate((holder, urgent, first), 1):
        await router.hear(CaseClosed(case_id=case.case_id, reason="needs-met"))
        await fire(router)
        order = [holder.case_id, urgent.case_id, first.case_id, second.case_id]
        assert await assigned(router) == order[: number + 1]


async def test_more_room_is_used_at_once_and_less_takes_nothing_away(router: Served) -> None:
    await limit(router, "north-primary", 1)
    cases = [opened() for _ in range(4)]
    await router.hear(*cases)
    await limit(router, "north-primary", 3)
    assert len(await assigned(router)) == 3
    await limit(router, "north-primary", 0)
    assert await router.rows("SELECT load FROM cluster WHERE id = 'north-primary'") == [{"load": 3}]
    await limit(router, "north-primary", "")
    assert len(await assigned(router)) == 4


async def test_a_place_left_by_a_return_an_override_or_a_move_goes_to_who_waits(router: Served) -> None:
    await limit(router, "north-primary", 3)
    cases = [opened() for _ in range(6)]
    for case in cases:
        await router.hear(case)
    await act(router, cases[0].case_id, "return", NORTH, {"reason": "capacity"})
    await fire(router)
    await act(router, cases[1].case_id, "override", DESK, {"cluster_id": "south-primary", "reason": "capacity"})
    await fire(router)
    await router.hear(changed(cases[2].case_id, school_urn="100003"))
    await fire(router)
    assert await assigned(router) == [case.case_id for case in cases]


async def test_a_capacity_that_is_to_begin_begins_on_its_day(router: Served, clock: BusinessClock) -> None:
    await limit(router, "north-primary", 1)
    await limit(router, "north-primary", 2, since="2026-12-01")
    await router.hear(opened(), opened())
    assert len(await assigned(router)) == 1
    later(clock, days=7, hours=13)
    await fire(router)
    assert len(await assigned(router)) == 2
    newest = await router.rows("SELECT data FROM outbox WHERE topic = 'cluster-events' ORDER BY id DESC LIMIT 1")
    assert b'"capacity":2' in newest[0]["data"]


async def test_a_long_queue_is_looked_at_part_by_part(router: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "AT_ONCE", 2)
    hopeless = [opened(school_urn="199998", urgency="immediate") for _ in range(5)]
    await router.hear(*hopeless, last := opened(school_urn="199999"))
    await router.hear(school("199999", status=2, successors=[{"school_urn": "100001"}]))
    rounds = 0
    while await router.runtime.deadlines().fire():
        rounds += 1
    assert await assigned(router) == [last.case_id]
    assert rounds == 4, "three parts of two, and a last look that finds nobody"


async def test_a_hard_capacity_is_never_exceeded_by_batches_and_people_at_once(router: Served) -> None:
    await limit(router, "north-primary", 10)
    queued = [opened(**NOWHERE) for _ in range(12)]
    await router.hear(*queued)

    async def place(case_id: str) -> int:
        answer = await router.client.post(
            f"/v1/assignments/{case_id}/override",
            json={"cluster_id": "north-primary", "reason": "continuity"},
            headers=signed_in(**DESK) | keyed() | {"If-Match": '"1"'},
        )
        return answer.status_code

    async def close(cases: Sequence[str]) -> None:
        await router.hear(*(CaseClosed(case_id=case, reason="needs-met") for case in cases))
        await fire(router)

    early = [opened() for _ in range(3)]
    await router.hear(*early)
    placing = asyncio.gather(*(place(case.case_id) for case in queued))
    await asyncio.gather(
        close([case.case_id for case in early]),
        *(router.hear(*(opened() for _ in range(4))) for _ in range(4)),
    )
    assert set(await placing) <= {200, 409}
    await fire(router)
    [row] = await router.rows("SELECT load FROM cluster WHERE id = 'north-primary'")
    [held] = await router.rows("SELECT count(*) AS n FROM case_file WHERE cluster = 'north-primary' AND NOT closed")
    assert row["load"] == held["n"] == 10
    assert await most_at_once(router, "north-primary") == 10
    numbers = [row["number"] for row in await router.rows("SELECT number FROM decision ORDER BY number")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert await check_decisions(router.runtime) == len(numbers)


async def most_at_once(router: Served, cluster: str) -> int:
    """The most cases that a cluster has ever held at once, by the tenures alone."""
    [row] = await router.rows(
        """
        SELECT coalesce(max(held), 0)::int AS most FROM (
          SELECT sum(step) OVER (ORDER BY at, step) AS held FROM (
            SELECT since AS at, 1 AS step FROM tenure WHERE cluster = $1
            UNION ALL SELECT until, -1 FROM tenure WHERE cluster = $1 AND until IS NOT NULL
          ) AS turns
        ) AS running
        """,
        cluster,
    )
    return int(row["most"])


async def test_a_case_elsewhere_is_not_asked_to_wait(router: Served) -> None:
    await limit(router, "north-primary", 0)
    north, south = opened(), opened(school_urn="100003")
    await router.hear(north, south)
    assert await where(router, south.case_id) == ("assigned", "south-primary")
    assert await where(router, north.case_id) == ("queued", None)
