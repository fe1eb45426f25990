"""Requests share a transaction, each with its own answer; a key makes a retry safe."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import pytest
from chassis.actions import Actions, Answer, IdempotencyKey, InFlight, KeyReused
from chassis.cause import Cause
from chassis.clock import new_id
from chassis.errors import Conflict, OutcomeUnknown, Refusal
from chassis.transaction import Transaction
from fastapi import Response
from support.probe import Probe, closed


@dataclass(frozen=True)
class Make:
    """Make a thing; `how` says how it should go."""

    id: str
    how: str = "well"


async def make_things(commands: Sequence[Make], tx: Transaction) -> Sequence[str | Refusal]:
    """A handler that can refuse, and can break the whole transaction."""
    outcomes: list[str | Refusal] = []
    for command in commands:
        if command.how == "refused":
            outcomes.append(Conflict("Not now."))
            continue
        if command.how == "bug":
            raise ZeroDivisionError
        if command.how == "constraint":
            await tx.rows("INSERT INTO thing (id, count) VALUES ($1, NULL)", command.id)
        await tx.rows("INSERT INTO thing (id) VALUES ($1)", command.id)
        tx.emit(closed(command.id), Cause.fresh())
        outcomes.append(command.id)
    return outcomes


def view(_: Make, result: str) -> Answer:
    """The answer."""
    return Answer(201, {"id": result, "token": new_id()}, {"Location": f"/things/{result}"})


@pytest.fixture
async def actions(probe: Probe):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """The probe's actions, at work."""
    one = probe.runtime.actions
    one.start()
    yield one
    await one.close()


def key(name: str, digest: bytes = b"d", organisation: str = "o") -> IdempotencyKey:
    """A caller's key."""
    return IdempotencyKey(organisation, name, digest)


async def attempt(actions: Actions, command: Make, idempotency: IdempotencyKey | None = None) -> Response | Exception:
    """Perform, and give back what was raised."""
    try:
        return await actions.perform(make_things, command, view=view, idempotency=idempotency)
    except Exception as error:  # noqa: BLE001  the test looks at it
        return error


async def things(probe: Probe) -> set[str]:
    """What was made."""
    return {str(row["id"]) for row in await probe.rows("SELECT id FROM thing")}


async def test_requests_that_arrive_together_share_a_transaction(probe: Probe, actions: Actions) -> None:
    answers = await asyncio.gather(*(attempt(actions, Make(f"t{n}")) for n in range(40)))
    assert all(isinstance(a, Response) and a.status_code == 201 for a in answers)
    assert len(await things(probe)) == 40
    [row] = await probe.rows("SELECT count(DISTINCT xmin::text) AS transactions FROM thing")
    assert int(str(row["transactions"])) < 20


async def test_a_refusal_is_one_members_answer_and_hurts_no_other(probe: Probe, actions: Actions) -> None:
    good, bad, fine = await asyncio.gather(
        attempt(actions, Make("a")), attempt(actions, Make("b", "refused")), attempt(actions, Make("c"))
    )
    assert isinstance(bad, Conflict)
    assert isinstance(good, Response)
    assert isinstance(fine, Response)
    assert await things(probe) == {"a", "c"}


@pytest.mark.parametrize("how", ["bug", "constraint"])
async def test_when_the_joint_transaction_fails_each_is_tried_alone(probe: Probe, actions: Actions, how: str) -> None:
    answers = await asyncio.gather(*(attempt(actions, Make(f"t{n}", how if n == 3 else "well")) for n in range(10)))
    assert [isinstance(answer, Response) for answer in answers] == [n != 3 for n in range(10)]
    assert await things(probe) == {f"t{n}" for n in range(10) if n != 3}
    assert [r["n"] for r in await probe.rows("SELECT count(*) AS n FROM outbox")] == [9]


async def test_the_same_key_and_body_returns_the_first_answer(probe: Probe, actions: Actions) -> None:
    first = await attempt(actions, Make("a"), key("k"))
    again = await attempt(actions, Make("other"), key("k"))
    assert isinstance(first, Response)
    assert isinstance(again, Response)
    assert (again.status_code, again.body, again.headers["Location"]) == (201, first.body, "/things/a")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await things(probe) == {"a"}


async def test_the_same_key_with_another_body_is_refused(probe: Probe, actions: Actions) -> None:
    await attempt(actions, Make("a"), key("k"))
    assert isinstance(await attempt(actions, Make("b"), key("k", b"other")), KeyReused)
    assert isinstance(await attempt(actions, Make("c"), key("k", b"other", "another organisation")), Response)
    assert await things(probe) == {"a", "c"}


async def test_a_key_in_flight_anywhere_is_a_conflict(probe: Probe, actions: Actions) -> None:
    async with probe.runtime.transaction() as tx:
        await tx.rows("SELECT pg_advisory_xact_lock($1)", key("k").lock)
        assert isinstance(await attempt(actions, Make("a"), key("k")), InFlight)
    assert isinstance(await attempt(actions, Make("a"), key("k")), Response)


async def test_concurrent_duplicates_make_one_thing(probe: Probe, actions: Actions) -> None:
    other = Actions(database=probe.database, tx_type=Transaction, service="referral-api")
    other.start()
    answers = await asyncio.gather(
        *(attempt(which, Make(new_id()), key("k")) for which in (actions, other) for _ in range(10))
    )
    await other.close()
    assert {type(answer) for answer in answers} <= {Response, InFlight}
    assert len({answer.body for answer in answers if isinstance(answer, Response)}) == 1
    assert len(await things(probe)) == 1


async def test_a_refusal_is_not_kept_under_the_key(probe: Probe, actions: Actions) -> None:
    assert isinstance(await attempt(actions, Make("a", "refused"), key("k")), Conflict)
    assert isinstance(await attempt(actions, Make("a"), key("k")), Response)


async def test_a_caller_who_goes_away_does_not_undo_what_was_asked(probe: Probe, actions: Actions) -> None:
    task = asyncio.create_task(actions.perform(make_things, Make("a"), view=view, idempotency=key("k")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(30):
        while await things(probe) != {"a"}:
            await asyncio.sleep(0.01)
    again = await attempt(actions, Make("b"), key("k"))
    assert isinstance(again, Response)
    assert again.headers["Location"] == "/things/a"


async def test_an_answer_lost_at_the_commit_is_never_called_a_failure(probe: Probe, actions: Actions) -> None:
    """The server dies between COMMIT and its answer: the key tells the truth afterwards."""
    admin = await asyncpg.connect(probe.admin_url.replace("+asyncpg", ""))
    await admin.execute(
        """
        CREATE FUNCTION probe.die() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
          IF NEW.id = 'dies' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
          RETURN NEW;
        END $$
        """
    )
    await admin.execute(
        "CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON probe.thing DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION probe.die()"
    )
    assert isinstance(await attempt(actions, Make("dies")), OutcomeUnknown)
    await admin.execute("DROP TRIGGER dies ON probe.thing")
    await admin.close()
    assert await things(probe) == set()
    assert isinstance(await attempt(actions, Make("dies"), key("k")), Response)
