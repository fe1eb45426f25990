"""An offer that nobody answers climbs by its clock, rung by rung, once each, and lapses: the sender keeps the case."""

import asyncio
from datetime import UTC, datetime, timedelta

from chassis.clock import BusinessClock, wall_now
from integration.cluster_router.county import NORTH, SOUTH, act, fire, get, later, opened, where
from schemas.directory import CalendarChanged
from schemas.event import Event
from schemas.routing import HandoverAccepted, HandoverDeclined, HandoverEscalated, HandoverLapsed
from support.service import Served

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OFFER = {"cluster_id": "south-primary", "reason": "moved-home"}


async def offered(router: Served) -> str:
    """A case of the north's that is offered to the south, on Monday 23 November at noon, until 3 December at noon."""
    case = opened()
    await router.hear(case)
    await act(router, case.case_id, "accept", NORTH)
    assert (await act(router, case.case_id, "handover", NORTH, OFFER)).status_code == 200
    return case.case_id


async def escalated(router: Served) -> list[int]:
    """The rungs that were climbed, in order."""
    return [event.rung for event in await router.said(HandoverEscalated) if isinstance(event, HandoverEscalated)]


async def test_an_offer_climbs_three_and_one_working_days_before_the_answer_is_due(
    router: Served, clock: BusinessClock
) -> None:
    case = await offered(router)
    # Thursday less three working days is Monday, less one Wednesday.
    for days, rungs in ((6, []), (7, [1]), (8, [1]), (9, [1, 2])):
        clock.simulate(NOON + timedelta(days=days, minutes=1), anchor=wall_now(), rate=1.0)
        await fire(router)
        assert await escalated(router) == rungs, days
    [first, _] = await router.said(HandoverEscalated)
    assert isinstance(first, HandoverEscalated)
    assert (first.case_id, first.from_cluster_id, first.to_cluster_id) == (case, "north-primary", "south-primary")
    assert first.answer_by.date() == (NOON + timedelta(days=10)).date()
    assert (await get(router, case, NORTH)).headers["ETag"] == '"3"', "nobody who reads it is told to look again"
    later(clock, days=1)
    await fire(router)
    assert len(await router.said(HandoverLapsed)) == 1
    assert await where(router, case) == ("accepted", "north-primary")
    assert await router.rows("SELECT kind FROM deadline") == []


async def test_bank_holidays_are_no_working_days(router: Served, clock: BusinessClock) -> None:
    await router.hear(
        CalendarChanged.model_validate(
            {
                "calendar_id": "county",
                "terms": [],
                "bank_holidays": ["2026-12-01", "2026-12-02"],
            }
        )
    )
    await router.hear(CalendarChanged(calendar_id="100001", terms=()))
    await offered(router)
    # Less one working day is now Monday 30 November, less three Thursday 26.
    [deadline] = await router.rows("SELECT due_at FROM deadline WHERE kind = 'handover-escalates'")
    assert deadline["due_at"].date().isoformat() == "2026-11-26"
    later(clock, days=7, minutes=1)
    await fire(router)
    assert await escalated(router) == [1, 2]


async def test_after_downtime_everything_happens_late_once_and_in_order(router: Served, clock: BusinessClock) -> None:
    case = await offered(router)
    later(clock, days=40)
    await asyncio.gather(*(fire(router) for _ in range(4)))
    said: list[Event] = await router.said(HandoverEscalated, HandoverLapsed)
    assert [type(event).__name__ for event in said] == ["HandoverEscalated", "HandoverEscalated", "HandoverLapsed"]
    assert await escalated(router) == [1, 2]
    assert await where(router, case) == ("accepted", "north-primary")


async def test_an_answer_ends_the_climb(router: Served, clock: BusinessClock) -> None:
    for what, body, event in (
        ("handover/decline", {"reason": "wrong-cluster"}, HandoverDeclined),
        ("handover/accept", {}, HandoverAccepted),
    ):
        case = await offered(router)
        assert (await act(router, case, what, SOUTH, body)).status_code == 200
        assert len(await router.said(event)) == 1
    assert await router.rows("SELECT kind FROM deadline") == []
    later(clock, days=40)
    await fire(router)
    assert await router.said(HandoverEscalated, HandoverLapsed) == []


async def test_an_answer_and_the_clock_at_once_leave_one_outcome(router: Served, clock: BusinessClock) -> None:
    case = await offered(router)
    later(clock, days=10, seconds=-1)
    await fire(router)
    later(clock, seconds=1)
    answer, _ = await asyncio.gather(act(router, case, "handover/accept", SOUTH), fire(router))
    state = await where(router, case)
    outcomes = await router.said(HandoverAccepted, HandoverLapsed)
    assert len(outcomes) == 1
    assert state == ("accepted", "south-primary" if answer.status_code == 200 else "north-primary")
    assert isinstance(outcomes[0], HandoverAccepted) == (answer.status_code == 200)
