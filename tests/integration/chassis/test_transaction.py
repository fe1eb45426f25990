"""What is done and what is said about it stand or fall together, in one order per subject."""

import asyncio

import asyncpg
import pytest
from chassis.cause import Cause
from chassis.errors import OutcomeUnknown, TryAgain
from schemas.envelope import Envelope
from support.probe import Probe, a_case, closed


async def test_what_is_said_is_numbered_without_gaps_per_subject(probe: Probe) -> None:
    one, two = a_case(), a_case()
    await probe.say(closed(one), closed(two), closed(one))
    await probe.say(closed(two), closed(one))
    rows = await probe.rows("SELECT subject, sequence FROM outbox ORDER BY id")
    assert [r["sequence"] for r in rows if r["subject"] == one] == [1, 2, 3]
    assert [r["sequence"] for r in rows if r["subject"] == two] == [1, 2]


async def test_a_rolled_back_transaction_says_nothing_and_leaves_no_number_behind(probe: Probe) -> None:
    case = a_case()

    class Never(Exception):
        pass

    with pytest.raises(Never):
        async with probe.runtime.transaction() as tx:
            tx.emit(closed(case), Cause.fresh())
            tx.audit(action="read", what="case", what_id=case, caller=None)
            await tx.close()
            raise Never
    await probe.say(closed(case))
    assert [r["sequence"] for r in await probe.rows("SELECT sequence FROM outbox")] == [1]
    assert await probe.rows("SELECT * FROM audit") == []


async def test_speakers_of_one_subject_at_the_same_time_get_one_order(probe: Probe) -> None:
    case = a_case()
    await asyncio.gather(*(probe.say(closed(case), closed(case)) for _ in range(16)))
    rows = await probe.rows("SELECT sequence FROM outbox ORDER BY id")
    assert [row["sequence"] for row in rows] == list(range(1, 33)), "ids and sequences must tell the same order"


async def test_speaking_of_several_subjects_in_any_order_never_deadlocks(probe: Probe) -> None:
    cases = [a_case() for _ in range(6)]
    await asyncio.gather(
        *(probe.say(*(closed(case) for case in (cases if n % 2 else reversed(cases)))) for n in range(12))
    )
    counts = await probe.rows("SELECT subject, max(sequence) AS n, count(*) AS c FROM outbox GROUP BY subject")
    assert {(row["n"], row["c"]) for row in counts} == {(12, 12)}


async def test_a_cancelled_transaction_is_undone_and_its_connection_given_back(probe: Probe) -> None:
    case, entered = a_case(), asyncio.Event()

    async def linger() -> None:
        async with probe.runtime.transaction() as tx:
            await tx.rows("INSERT INTO thing (id) VALUES ($1)", case)
            entered.set()
            await tx.rows("SELECT pg_sleep(60)")

    for _ in range(20):
        entered.clear()
        task = asyncio.create_task(linger())
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await probe.rows("SELECT * FROM thing") == []
    idle = await probe.rows(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE state LIKE 'idle in%' AND usename = 'probe'"
    )
    assert idle == [{"n": 0}]


@pytest.mark.parametrize("last_word", ["SELECT 1", None], ids=["while it works", "as it commits"])
async def test_a_broken_connection_means_nothing_happened_or_nobody_knows(probe: Probe, last_word: str | None) -> None:
    # The server says goodbye, and then hangs up: what is asked at any instant in between must be understood.
    killer = await asyncpg.connect(probe.admin_url.replace("+asyncpg", ""))
    for attempt in range(60):
        with pytest.raises(TryAgain if last_word else OutcomeUnknown):
            async with probe.runtime.transaction() as tx:
                await tx.rows("INSERT INTO thing (id) VALUES ($1)", a_case())
                [row] = await tx.rows("SELECT pg_backend_pid() AS pid")
                await killer.execute("SELECT pg_terminate_backend($1)", row["pid"])
                for _ in range(attempt):
                    await asyncio.sleep(0)
                if last_word:
                    await tx.rows(last_word)
    await killer.close()
    assert await probe.rows("SELECT * FROM thing") == []


async def test_the_pool_recovers_by_itself_when_every_connection_was_lost(probe: Probe) -> None:
    await asyncio.gather(*(probe.say(closed(a_case())) for _ in range(6)))
    killer = await asyncpg.connect(probe.admin_url.replace("+asyncpg", ""))
    killed = await killer.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'probe'")
    await killer.close()
    assert len(killed) > 1
    failures = 0
    async with asyncio.timeout(30):
        while True:
            try:
                await asyncio.gather(*(probe.say(closed(a_case())) for _ in range(6)))
            except TryAgain:
                failures += 1
            else:
                break
    assert failures <= 1, "once everybody has noticed, nothing fails"


async def test_bulk_insert_takes_arrays_json_and_conflicts(probe: Probe) -> None:
    from support.probe import thing

    async with probe.runtime.transaction() as tx:
        await tx.insert(thing, [{"id": "a", "count": 1, "tags": ["x", "y"]}, {"id": "b", "count": 2, "tags": []}])
        again = await tx.insert(thing, [{"id": "a", "count": 9, "tags": ["z"]}], conflict=("id",), returning=("id",))
        assert again == []
        moved = await tx.insert(
            thing,
            [{"id": "a", "count": 9, "tags": ["z"]}],
            conflict=("id",),
            update=("count",),
            returning=("id", "count"),
        )
        assert [dict(row) for row in moved] == [{"id": "a", "count": 9}]
    rows = await probe.rows("SELECT id, count, tags FROM thing ORDER BY id")
    assert rows == [{"id": "a", "count": 9, "tags": ["x", "y"]}, {"id": "b", "count": 2, "tags": []}]


async def test_an_outbox_row_becomes_a_cloud_event_with_its_cause(probe: Probe) -> None:
    case, why = a_case(), Cause("journey-1", "event-0", "00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    async with probe.runtime.transaction() as tx:
        tx.emit(closed(case, "moved-away"), why)
    [record] = await probe.relay_until(1)
    envelope = Envelope.from_kafka(record.key, record.headers, record.value)
    assert (envelope.source, envelope.type, envelope.subject) == ("/referral-api", "jointly.case.closed.v1", case)
    assert (envelope.correlationid, envelope.causationid, envelope.traceparent) == (
        why.correlation_id, why.causation_id, why.traceparent,
    )  # fmt: skip
    assert envelope.event() == closed(case, "moved-away")
