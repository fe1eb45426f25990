"""Each event has its effect once; what cannot be taken waits or is set aside, and holds up nobody else."""

import asyncio
from collections.abc import Sequence

import pytest
from chassis import arrivals
from chassis.clock import wall_now
from chassis.event_log.interface import Partition, Record
from chassis.parking import parked_events, put_back
from schemas.routing import CaseReturned
from support.probe import Probe, a_case, closed


async def spoken(probe: Probe, count: int) -> list[Record]:
    """The records of what was said, as the log hands them out."""
    return await probe.relay_until(count)


def returned(case: str) -> CaseReturned:
    """From another topic."""
    return CaseReturned(case_id=case, cluster_id="c", returned_by="p", reason="full")


async def test_an_event_delivered_many_times_at_once_is_taken_once(probe: Probe) -> None:
    case = a_case()
    await probe.say(closed(case), closed(case, "again"))
    records = await spoken(probe, 2)
    await asyncio.gather(*(probe.consumer().deliver(records) for _ in range(5)))
    await probe.consumer().deliver([*records, *records])
    assert await probe.taken(case) == ["helped", "again"]


async def test_events_of_one_subject_are_taken_in_order_however_batched(probe: Probe) -> None:
    cases = [a_case() for _ in range(5)]
    await probe.say(*(closed(case, f"r{n}") for n in range(6) for case in cases))
    records = await spoken(probe, 30)
    await probe.consumer().deliver(records)
    for case in cases:
        assert await probe.taken(case) == [f"r{n}" for n in range(6)]


async def test_what_speaks_of_an_unknown_thing_waits_and_later_events_of_its_subject_wait_behind(probe: Probe) -> None:
    waiting, other = a_case(), a_case()
    await probe.say(closed(waiting, "not-yet"), closed(waiting, "later"), closed(other))
    records = await spoken(probe, 3)
    consumer = probe.consumer()
    await consumer.deliver(records)
    assert await probe.taken(waiting) == []
    assert await probe.taken(other) == ["helped"], "other subjects go on"
    reasons = {row["reason"] for row in await parked_events(probe.database, "referral-api")}
    assert reasons == {"thing-unknown", "behind-another"}
    await probe.say(closed(waiting, "last"))
    await consumer.deliver(await spoken(probe, 4))
    assert await probe.taken(waiting) == []
    await probe.rows("INSERT INTO thing (id) VALUES ($1)", waiting)
    await consumer.retry_parked(subjects={waiting})
    assert await probe.taken(waiting) == ["not-yet", "later", "last"]
    assert await parked_events(probe.database, "referral-api") == []


async def test_what_was_waited_for_lets_the_waiting_go_on_at_once(probe: Probe) -> None:
    case = a_case()
    await probe.say(closed(case, "not-yet"))
    consumer = probe.consumer()
    await consumer.deliver(await spoken(probe, 1))
    assert await probe.taken(case) == []
    from schemas.envelope import Envelope

    key, headers, value = Envelope.of(
        returned(case), id="e-1", time=wall_now(), sequence=1, correlation_id="journey"
    ).to_kafka()
    await consumer.deliver([Record(Partition("routing-events", 0), 0, key, value, tuple(headers), wall_now())])
    assert await probe.taken(case) == ["not-yet"]


async def test_a_member_that_takes_over_does_not_overtake_what_waits(probe: Probe) -> None:
    case = a_case()
    first, second = probe.consumer(), probe.consumer()
    for consumer in (first, second):
        await consumer.retry_due()  # Nothing is parked: they look seldom from now on.
    await probe.say(closed(case, "not-yet"))
    await first.deliver(await spoken(probe, 1))
    await probe.say(closed(case, "later"))
    await second.deliver((await spoken(probe, 2))[1:])
    assert await probe.taken(case) == []
    await probe.rows("INSERT INTO thing (id) VALUES ($1)", case)
    await second.retry_parked()
    await second.retry_parked(subjects={case})
    assert await probe.taken(case) == ["not-yet", "later"]


async def test_a_poison_event_becomes_a_dead_letter_and_holds_up_only_its_subject(probe: Probe) -> None:
    bad, good = a_case(), a_case()
    await probe.say(closed(bad, "boom"), closed(bad, "later"), closed(good))
    await probe.consumer().deliver(await spoken(probe, 3))
    assert await probe.taken(good) == ["helped"]
    assert await probe.taken(bad) == []
    rows = await parked_events(probe.database, "referral-api")
    assert [(row["state"], row["reason"]) for row in rows] == [
        ("poison", "handler-failed"),
        ("waiting", "behind-another"),
    ]
    letters = await probe.rows("SELECT convert_from(data, 'UTF8') AS data FROM outbox WHERE topic LIKE '%dead-letters'")
    assert len(letters) == 1
    assert "CNRY" not in str(letters), "an exception's text may quote personal data"
    # Retried by itself it never is; not even when the consumer starts anew.
    await probe.consumer().retry_parked()
    assert await probe.taken(bad) == []


async def test_a_dead_letter_can_be_put_back_once_the_reason_is_gone(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = a_case()
    await probe.say(closed(case, "refuse"), closed(case, "later"))
    await probe.consumer().deliver(await spoken(probe, 2))
    assert [row["reason"] for row in await parked_events(probe.database, "referral-api")] == [
        "refused",
        "behind-another",
    ]
    assert await put_back(probe.database, "referral-api") == 1
    mended = probe.consumer()

    async def takes_all(events: Sequence[object], tx: object) -> None:
        from support import probe as module

        await tx.insert(  # type: ignore[attr-defined]
            module.taken,
            [{"event_id": e.id, "subject": e.subject, "reason": e.event.reason} for e in events],  # type: ignore[attr-defined]
        )

    from chassis.subscription import on
    from schemas.referral import CaseClosed

    mended._handlers[CaseClosed] = [on(CaseClosed, takes_all)]  # noqa: SLF001  a mended handler, as after a deploy
    await mended.retry_parked()
    assert await probe.taken(case) == ["refuse", "later"]


async def test_bytes_that_are_no_event_are_set_aside(probe: Probe) -> None:
    good = a_case()
    await probe.say(closed(good))
    records = await spoken(probe, 1)
    rubbish = Record(Partition("referral-events", 0), 77, b"\xff\x00", b"{not json", (("ce_id", b"\xff"),), wall_now())
    await probe.consumer().deliver([rubbish, *records])
    assert await probe.taken(good) == ["helped"]
    [row] = await parked_events(probe.database, "referral-api")
    assert row["state"] == "poison"


async def test_a_gap_in_a_subject_is_waited_for_and_then_given_up_with_an_alarm(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = a_case()
    await probe.say(*(closed(case, f"r{n}") for n in range(1, 5)))
    first, second, third, fourth = await spoken(probe, 4)
    consumer = probe.consumer()
    await consumer.deliver([first])
    await consumer.deliver([third, fourth])
    assert await probe.taken(case) == ["r1"]
    assert {row["reason"] for row in await parked_events(probe.database, "referral-api")} == {"gap", "behind-another"}
    await consumer.retry_parked(subjects={case})
    assert await probe.taken(case) == ["r1"]
    monkeypatch.setattr("chassis.parking.GAP_PATIENCE", arrivals.GAP_PATIENCE * 0)
    await consumer.retry_parked(subjects={case})
    assert await probe.taken(case) == ["r1", "r3", "r4"]
    await consumer.deliver([second])
    assert await probe.taken(case) == ["r1", "r3", "r4", "r2"], "what was lost and found is still taken"
