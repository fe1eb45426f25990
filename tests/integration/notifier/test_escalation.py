"""Time limits and duties escalate in school days: once each, late after downtime, to whoever comes next."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

from chassis.clock import BusinessClock, wall_now, wall_seconds
from integration.notifier.events import (
    CLUSTER,
    a_case,
    assigned,
    at_school,
    calendar,
    clock,
    clock_met,
    desk,
    duty,
    referrer,
    role,
)
from notifier.app import SERVICE
from notifier.settings import Settings
from notifier.store import Tx
from schemas.assessment import ClockExcepted
from schemas.event import Event
from schemas.referral import CaseClosed
from schemas.routing import CaseAccepted
from support.database import Copy
from support.service import Served, serving

PEOPLE: tuple[Event, ...] = (
    role("lead", "cluster-lead"), role("worker"), referrer("senco"), desk("desk"),
    role("head", "head-of-service", cluster=None, sector="council"),
)  # fmt: skip


class Time(BusinessClock):
    """Business time that a test sets."""

    def go_to(self, day: date, hour: int = 12) -> None:
        """Noon of a day, UTC, unless another hour is asked for."""
        self.simulate(datetime(day.year, day.month, day.day, hour, tzinfo=UTC), anchor=wall_now(), rate=0)


@asynccontextmanager
async def county(database: Copy) -> AsyncIterator[tuple[Served, Time, str]]:
    """A case that the cluster works on, on Monday 2 November; the digest and quiet hours hold."""
    time = Time()
    time.go_to(date(2026, 11, 2))
    async with serving(SERVICE, database, clock=time, settings=Settings(post_at_once=False)) as served:
        case, events = a_case()
        await served.hear(calendar(), *PEOPLE, *events, at_school(case))
        await served.hear(assigned(case))
        await served.hear(CaseAccepted(case_id=case, cluster_id=CLUSTER, organisation_id="x", accepted_by="lead"))
        yield served, time, case


async def fire(served: Served) -> None:
    while await served.runtime.deadlines().fire():
        pass


async def read_everything(served: Served) -> None:
    await served.rows("UPDATE notification SET delivered_at = $1 WHERE delivered_at IS NULL", wall_now())


async def steps(served: Served) -> list[tuple[str, str]]:
    rows = await served.rows(
        "SELECT person_id, rule FROM notification WHERE rule ~ '^(clock|duty)-(near|day)' ORDER BY at, person_id"
    )
    return [(row["person_id"], row["rule"]) for row in rows]


async def test_worker_manager_and_head_of_service_hear_of_it_at_five_two_and_no_school_days(database: Copy) -> None:
    async with county(database) as (served, time, case):
        await served.hear(clock(case, due=date(2026, 12, 4)))
        seen = []
        for day in (26, 27, 30):
            time.go_to(date(2026, 11, day))
            await fire(served)
            seen.append(await steps(served))
            await read_everything(served)
        assert seen == [[], [("worker", "clock-near")], [("worker", "clock-near")]]
        for day in (2, 4):
            time.go_to(date(2026, 12, day))
            await fire(served)
            await read_everything(served)
        assert await steps(served) == [("worker", "clock-near"), ("lead", "clock-near-manager"), ("head", "clock-day")]
        [row] = await served.rows("SELECT text, why, urgent FROM notification WHERE person_id = 'head'")
        assert row["text"].endswith("ends on 4 December 2026, and what it waits for is not done.")
        assert (row["why"], row["urgent"]) == ("It is the council's task, and your role there.", True)


async def test_after_downtime_every_step_is_taken_late_and_once(database: Copy) -> None:
    async with county(database) as (served, time, case):
        await served.hear(clock(case, due=date(2026, 12, 4)))
        time.go_to(date(2026, 12, 7))
        await fire(served)
        await fire(served)
        assert len(await steps(served)) == 3


async def test_what_is_met_escalates_no_more_and_clears_what_was_said(database: Copy) -> None:
    async with county(database) as (served, time, case):
        await served.hear(clock(case, due=date(2026, 12, 4)))
        time.go_to(date(2026, 11, 27))
        await fire(served)
        await served.hear(clock_met(case))
        time.go_to(date(2026, 12, 4))
        await fire(served)
        assert await steps(served) == [("worker", "clock-near")]
        [row] = await served.rows("SELECT cleared_because FROM notification WHERE rule = 'clock-near'")
        assert row["cleared_because"] == "met"


async def test_a_new_calendar_moves_the_steps_that_are_ahead_and_repeats_none(database: Copy) -> None:
    async with county(database) as (served, time, case):
        await served.hear(clock(case, due=date(2026, 12, 4)))
        time.go_to(date(2026, 11, 27))
        await fire(served)
        await read_everything(served)
        # Wednesday and Thursday become INSET days: the second step is now on Monday.
        await served.hear(calendar(closed=(date(2026, 12, 2), date(2026, 12, 3))))
        time.go_to(date(2026, 11, 30))
        await fire(served)
        assert await steps(served) == [("worker", "clock-near"), ("lead", "clock-near-manager")]
        await read_everything(served)
        time.go_to(date(2026, 12, 2))
        await fire(served)
        assert len(await steps(served)) == 2


async def test_a_limit_that_gets_another_day_escalates_towards_that_one(database: Copy) -> None:
    async with county(database) as (served, time, case):
        await served.hear(clock(case, due=date(2026, 12, 4)))
        later = ClockExcepted(
            case_id=case, clock_id="clock-1", kind="ehc-decide-to-assess", due_on=date(2026, 12, 11),
            exception="x", since=date(2026, 11, 20),
        )  # fmt: skip
        await served.hear(later)
        time.go_to(date(2026, 12, 3))
        await fire(served)
        assert await steps(served) == []
        time.go_to(date(2026, 12, 4))
        await fire(served)
        assert await steps(served) == [("worker", "clock-near")]


async def test_a_duty_escalates_from_its_holder_to_the_cluster_to_the_head_of_service(database: Copy) -> None:
    async with county(database) as (served, time, case):
        await served.hear(duty(case, due=date(2026, 12, 4)))
        time.go_to(date(2026, 12, 4))
        await fire(served)
        assert set(await steps(served)) == {("senco", "duty-near"), ("lead", "duty-near-manager"), ("head", "duty-day")}


async def test_a_case_that_has_ended_escalates_no_more(database: Copy) -> None:
    async with county(database) as (served, time, case):
        await served.hear(clock(case, due=date(2026, 12, 4)))
        await served.hear(CaseClosed(case_id=case, reason="done"))
        time.go_to(date(2026, 12, 4))
        await fire(served)
        assert await steps(served) == []


async def test_something_urgent_that_nobody_looks_at_goes_back_to_the_team_and_on_up(database: Copy) -> None:
    async with county(database) as (served, time, case):
        await served.hear(clock(case, due=date(2026, 12, 4)), role("therapist", "adviser"))
        time.go_to(date(2026, 11, 27))
        await fire(served)
        # Not at the weekend.
        time.go_to(date(2026, 11, 29), hour=13)
        await fire(served)
        assert await steps(served) == [("worker", "clock-near")]
        time.go_to(date(2026, 11, 30), hour=13)
        await fire(served)
        heard = {p for p, rule in await steps(served) if rule == "clock-near"}
        assert {"worker", "therapist", "lead"} == heard
        rows = await served.rows("SELECT why FROM notification WHERE person_id = 'therapist'")
        assert rows == [{"why": "Nobody whose task this is has looked at it, so it came to you."}]


async def test_something_urgent_that_was_looked_at_stays_where_it_is(database: Copy) -> None:
    async with county(database) as (served, time, case):
        await served.hear(clock(case, due=date(2026, 12, 4)), role("therapist", "adviser"))
        time.go_to(date(2026, 11, 27))
        await fire(served)
        await served.rows("UPDATE notification SET read_at = $1, delivered_at = $1", wall_now())
        time.go_to(date(2026, 11, 30), hour=13)
        await fire(served)
        assert [p for p, rule in await steps(served) if rule == "clock-near"] == ["worker"]


@asynccontextmanager
async def somebody_speaks_of(served: Served, case: str, going_on: Callable[[], Awaitable[object]]) -> AsyncIterator[Tx]:
    """A transaction about a case, which what goes on meanwhile has to wait for; it is over before this ends."""
    async with served.runtime.transaction() as tx:
        await tx.lock_subjects([case])
        task = asyncio.ensure_future(going_on())
        ends = wall_seconds() + 30
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"
        while not await served.rows(waiting):
            assert not task.done(), "it did not wait"
            assert wall_seconds() < ends
        yield tx
    await task


async def test_what_is_met_as_its_step_comes_due_is_told_to_nobody(database: Copy) -> None:
    async with county(database) as (served, time, case):
        await served.hear(clock(case, id="clock-1", due=date(2026, 12, 4)))
        await fire(served)
        await served.rows("UPDATE deadline SET due_at = $1 WHERE subject = 'clock-1/5'", time.now())
        async with somebody_speaks_of(served, case, lambda: fire(served)) as tx:
            await tx.limits.end(["clock-1"], tx.now)
        assert await steps(served) == []


async def test_what_is_read_as_its_time_runs_out_goes_up_no_ladder(database: Copy) -> None:
    async with county(database) as (served, time, case):
        await served.hear(duty(case, due=date(2026, 12, 4)))
        lines = "SELECT person_id FROM notification WHERE rule = 'duty-started'"
        before = await served.rows(lines)
        assert before
        await fire(served)
        time.go_to(date(2026, 11, 4))
        async with somebody_speaks_of(served, case, lambda: fire(served)) as tx:
            await tx.rows("UPDATE notification SET delivered_at = $1", wall_now())
        assert await served.rows(lines) == before
