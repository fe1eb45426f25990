"""The relay loses nothing, misorders nothing, and only one lives."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import asyncpg
import pytest
from chassis import telemetry
from chassis.cause import Cause
from chassis.event_log.interface import Appender, AppendInDoubt, Message
from chassis.relay import Cursor, republish
from chassis.worker import measure_outbox
from schemas.envelope import Envelope
from support.probe import Probe, a_case, closed


def sequences(records: Sequence[object]) -> dict[str, list[int]]:
    """Sequence numbers per subject in the order of the log, repeats left out."""
    result: defaultdict[str, list[int]] = defaultdict(list)
    for record in records:
        envelope = Envelope.from_kafka(record.key, record.headers, record.value)  # type: ignore[attr-defined]
        if envelope.subjectsequence not in result[envelope.subject]:
            result[envelope.subject].append(envelope.subjectsequence)
    return result


async def test_a_row_that_commits_after_a_higher_id_is_published_all_the_same(probe: Probe) -> None:
    slow, quick, slow_wrote, quick_seen = a_case(), a_case(), asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        async with probe.runtime.transaction() as tx:
            tx.emit(closed(slow), Cause.fresh())
            await tx.close()
            tx.emitted.clear()
            slow_wrote.set()
            await quick_seen.wait()

    task = asyncio.create_task(slowly())
    await slow_wrote.wait()
    await probe.say(closed(quick))
    assert list(sequences(await probe.relay_until(1))) == [quick]
    quick_seen.set()
    await task
    assert set(sequences(await probe.relay_until(2))) == {slow, quick}
    low, high = [r["subject"] for r in await probe.rows("SELECT subject FROM outbox ORDER BY id")]
    assert (low, high) == (slow, quick), "the case this test is about: the lower id came later"


async def test_who_began_last_and_drew_first_is_waited_for(probe: Probe) -> None:
    first, second, other = a_case(), a_case(), a_case()
    began, drew, may_commit = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def begins_first_and_draws_last() -> None:
        async with probe.runtime.transaction() as tx:
            await tx.rows("SELECT pg_current_xact_id()")
            began.set()
            await drew.wait()
            tx.emit(closed(first), Cause.fresh())

    async def begins_last_and_draws_first() -> None:
        await began.wait()
        async with probe.runtime.transaction() as tx:
            tx.emit(closed(second), Cause.fresh())
            await tx.close()
            tx.emitted.clear()
            drew.set()
            await may_commit.wait()

    async def until(count: int) -> dict[str, list[int]]:
        async with asyncio.timeout(60):
            while len(records := await probe.published()) < count:
                await asyncio.sleep(0.01)
        return sequences(records)

    stop = asyncio.Event()
    # One that has long begun: as it begins it writes, and would hide who is under way by a higher number.
    relay = asyncio.create_task(probe.relay().run(stop))
    await probe.say(closed(other))
    await until(1)
    slow = asyncio.create_task(begins_last_and_draws_first())
    await begins_first_and_draws_last()
    await until(2)
    await probe.say(closed(other))
    assert second not in await until(3)
    may_commit.set()
    await slow
    assert (await until(4))[second] == [1]
    stop.set()
    await relay


async def test_an_id_that_was_rolled_back_is_not_waited_for_for_ever(probe: Probe) -> None:
    with pytest.raises(ZeroDivisionError):
        async with probe.runtime.transaction() as tx:
            tx.emit(closed(a_case()), Cause.fresh())
            await tx.close()
            raise ZeroDivisionError
    await probe.say(closed(a_case()))
    await probe.relay_until(1)
    await probe.say(closed(a_case()))
    await probe.relay_until(2)
    await probe.say(closed(a_case()))
    await probe.relay_until(3)
    [cursor] = await probe.rows("SELECT holes FROM relay_cursor")
    assert cursor["holes"] == {}


def test_a_hole_is_kept_until_every_transaction_that_could_fill_it_has_ended() -> None:
    cursor = Cursor(10, date(2026, 1, 1), {})
    missing = cursor.missing([11, 14])
    assert missing == [12, 13]
    cursor.advance([11, 14], date(2026, 1, 1), dict.fromkeys(missing, 900))
    assert (cursor.last_id, cursor.missing([15]), cursor.missing([])) == (14, [], [])
    cursor.settle([12], 899)
    assert set(cursor.holes) == {13}
    cursor.settle([], 900)
    assert cursor.holes == {}


async def test_many_writers_with_slow_and_failing_ones_lose_and_misorder_nothing(probe: Probe) -> None:
    cases = [a_case() for _ in range(8)]
    failed = 0

    async def write(n: int) -> None:
        nonlocal failed
        try:
            async with probe.runtime.transaction() as tx:
                for case in (cases[n % 8], cases[(n * 3 + 1) % 8]):
                    tx.emit(closed(case), Cause.fresh())
                await tx.close()
                tx.emitted.clear()
                if n % 7 == 0:
                    await asyncio.sleep(0.03)
                if n % 11 == 0:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            failed += 1

    stop = asyncio.Event()
    relay = asyncio.create_task(probe.relay().run(stop))
    for start in range(0, 240, 8):
        await asyncio.gather(*(write(n) for n in range(start, start + 8)))
    stop.set()
    await relay
    [written] = await probe.rows("SELECT count(*) AS n FROM outbox")
    found = sequences(await probe.relay_until(int(str(written["n"]))))
    assert failed > 0
    assert sum(len(numbers) for numbers in found.values()) == written["n"]
    for numbers in found.values():
        assert numbers == list(range(1, len(numbers) + 1))


class Dropping:
    """An appender that writes, and then says that it does not know."""

    def __init__(self, inner: Appender, times: int) -> None:
        self._inner = inner
        self.times = times

    async def append(self, messages: Sequence[Message]) -> None:
        await self._inner.append(messages)
        if self.times:
            self.times -= 1
            raise AppendInDoubt

    async def close(self) -> None:
        await self._inner.close()


async def test_an_append_in_doubt_is_repeated_and_loses_nothing(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    dropping = Dropping(probe.log.appender("x"), 2)
    monkeypatch.setattr(probe.log, "appender", lambda _name: dropping)
    await probe.say(*(closed(a_case()) for _ in range(10)))
    records = await probe.relay_until(30)
    assert dropping.times == 0
    assert len(sequences(records)) == 10


async def test_only_one_relay_publishes_and_another_takes_over_when_it_dies(probe: Probe) -> None:
    stop_one, stop_two = asyncio.Event(), asyncio.Event()
    one = asyncio.create_task(probe.relay().run(stop_one))
    two = asyncio.create_task(probe.relay().run(stop_two))
    try:
        await probe.say(*(closed(a_case()) for _ in range(20)))
        await probe.relay_until(20)
        killer = await asyncpg.connect(probe.admin_url.replace("+asyncpg", ""))
        killed = await killer.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
        )
        await killer.close()
        assert len(killed) == 1, "exactly one of them held the lock"
        await probe.say(*(closed(a_case()) for _ in range(20)))
        await probe.relay_until(40)
    finally:
        stop_one.set()
        stop_two.set()
        await asyncio.gather(one, two)
    assert len(await probe.published()) == 40


async def test_a_fenced_relay_cannot_move_the_cursor(probe: Probe) -> None:
    await probe.say(closed(a_case()))
    await probe.relay_until(1)
    [before] = await probe.rows("SELECT epoch, last_id FROM relay_cursor")
    saved = await probe.rows(
        "UPDATE relay_cursor SET last_id = 0 WHERE name = 'referral-api' AND epoch = $1 RETURNING 1",
        int(str(before["epoch"])) - 1,
    )
    assert saved == []


async def test_lost_topics_are_rebuilt_from_the_outbox(probe: Probe) -> None:
    await probe.say(*(closed(a_case()) for _ in range(25)))
    first = await probe.relay_until(25)
    pool = await probe.log.pool()
    await pool.execute("DELETE FROM record")
    assert await republish(probe.database, probe.log, "referral-api", date(2020, 1, 1)) == 25
    again = await probe.published()
    assert sorted(r.value for r in again) == sorted(r.value for r in first)


async def test_what_waits_to_be_published_is_counted_also_while_nobody_publishes(probe: Probe) -> None:
    def waiting() -> float:
        samples = [s for metric in telemetry.OUTBOX_LAG.collect() for s in metric.samples]
        return next(s.value for s in samples if s.labels["service"] == "referral-api")

    await probe.say(closed(a_case()))
    await probe.relay_until(1)
    await measure_outbox(probe.runtime)
    assert waiting() == 0
    await probe.say(closed(a_case()), closed(a_case()))
    await measure_outbox(probe.runtime)
    assert waiting() == 2
