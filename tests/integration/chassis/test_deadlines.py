"""Deadlines fire once, on business time, late rather than never; one that fails holds up no other."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from chassis.cause import Cause
from chassis.clock import BusinessClock, wall_now
from chassis.deadlines import Deadlines, Due, when
from chassis.transaction import Transaction
from support.probe import Probe, closed

START = datetime(2026, 9, 1, 9, tzinfo=UTC)


async def note(due: Sequence[Due], tx: Transaction) -> None:
    """Say that it came; the subject tells whether it fails."""
    for one in due:
        if one.payload.get("bug"):
            raise ZeroDivisionError
        tx.emit(closed(one.subject, f"late-{int(one.late.total_seconds() // 3600)}h"), one.cause)


@pytest.fixture
def clock(probe: Probe) -> BusinessClock:
    """A clock that stands still until moved."""
    probe.clock.simulate(START, anchor=wall_now(), rate=0)
    return probe.clock


def timers(probe: Probe) -> Deadlines:
    """The probe's timers, as in one process."""
    return Deadlines(
        "referral-api", [when("answer", note)], database=probe.database, tx_type=Transaction, clock=probe.clock,
    )  # fmt: skip


async def set_one(probe: Probe, subject: str, due_at: datetime, **payload: object) -> None:
    """Ask to be called."""
    async with probe.runtime.transaction() as tx:
        await tx.set_deadline("answer", subject, due_at, cause=Cause("journey"), payload=payload)


async def said(probe: Probe) -> list[tuple[object, object]]:
    """What came of it."""
    rows = await probe.rows("SELECT subject, convert_from(data, 'UTF8')::jsonb->>'reason' AS r FROM outbox ORDER BY id")
    return [(row["subject"], row["r"]) for row in rows]


async def test_it_fires_when_business_time_has_come_and_not_before(probe: Probe, clock: BusinessClock) -> None:
    await set_one(probe, "a", START + timedelta(days=3))
    assert await timers(probe).fire() == 0
    clock.simulate(START + timedelta(days=3), anchor=wall_now(), rate=0)
    assert await timers(probe).fire() == 1
    assert await timers(probe).fire() == 0
    assert await said(probe) == [("a", "late-0h")]


async def test_one_that_passed_while_nothing_ran_fires_late_once_and_says_so(
    probe: Probe, clock: BusinessClock
) -> None:
    await set_one(probe, "a", START + timedelta(hours=1))
    clock.simulate(START + timedelta(hours=49), anchor=wall_now(), rate=0)
    assert sum(await asyncio.gather(*(timers(probe).fire() for _ in range(4)))) == 1
    assert await said(probe) == [("a", "late-48h")]


async def test_setting_it_again_moves_it_and_cancelling_ends_it(probe: Probe, clock: BusinessClock) -> None:
    await set_one(probe, "a", START)
    await set_one(probe, "a", START + timedelta(days=1))
    await set_one(probe, "b", START)
    async with probe.runtime.transaction() as tx:
        await tx.cancel_deadline("answer", "b")
    assert await timers(probe).fire() == 0
    clock.simulate(START + timedelta(days=1), anchor=wall_now(), rate=0)
    assert await timers(probe).fire() == 1


async def test_one_that_fails_is_tried_later_and_holds_up_no_other(probe: Probe, clock: BusinessClock) -> None:
    await set_one(probe, "a", START - timedelta(days=1), bug=True)
    await set_one(probe, "b", START)
    await set_one(probe, "c", START)
    assert await timers(probe).fire() == 2
    assert [subject for subject, _ in await said(probe)] == ["b", "c"]
    [left] = await probe.rows("SELECT subject, attempts FROM deadline")
    assert left == {"subject": "a", "attempts": 1}


def test_simulated_time_passes_at_its_rate() -> None:
    clock, anchor = BusinessClock(), wall_now() - timedelta(seconds=10)
    clock.simulate(START, anchor=anchor, rate=3600)
    assert timedelta(hours=10) <= clock.now() - START < timedelta(hours=11)
    clock.follow_the_wall()
    assert abs(clock.now() - wall_now()) < timedelta(seconds=5)
