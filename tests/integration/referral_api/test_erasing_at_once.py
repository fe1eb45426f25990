"""Erasing a case while its child is being referred again: whichever is first, the other sees what it did."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from chassis.clock import wall_seconds
from integration.referral_api.steps import HOSPITAL, INTAKE, House
from integration.referral_api.test_erasure import closed, erase, version

_PATIENCE: Final = 30.0


async def waiting(house: House) -> int:
    """How many wait for a child's fingerprints."""
    rows = await house.served.rows("SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    return int(rows[0]["n"])


async def until_somebody_waits(house: House, task: asyncio.Task[object]) -> None:
    ends = wall_seconds() + _PATIENCE
    while not await waiting(house):
        assert not task.done(), "it did not wait"
        assert wall_seconds() < ends, "nobody ever waited"


@asynccontextmanager
async def somebody_at_work_on(house: House, case_id: str) -> AsyncIterator[None]:
    """Somebody who has the fingerprints of a case's child, as an intake and an erasure have them."""
    async with house.served.runtime.transaction() as tx:
        child = (await tx.cases.load([case_id]))[case_id].child_id
        prints = await tx.identities.prints_of([child])
        assert prints
        await tx.identities.lock(prints)
        yield


async def test_an_erasure_waits_for_a_referral_of_the_same_child_that_is_being_taken(house: House) -> None:
    sent = await closed(house)
    at = await version(house, sent["case_id"])
    async with somebody_at_work_on(house, sent["case_id"]):
        erasing = asyncio.create_task(erase(house, sent, at=at))
        await until_somebody_waits(house, erasing)
        assert not erasing.done()
    assert (await erasing).status_code == 200


async def test_a_referral_waits_for_an_erasure_of_the_same_child_and_is_not_lost(house: House) -> None:
    sent = await closed(house)
    async with somebody_at_work_on(house, sent["case_id"]):
        referring = asyncio.create_task(house.send(by=HOSPITAL))
        await until_somebody_waits(house, referring)
        assert not referring.done()
    answer = await referring
    assert answer.status_code == 201
    assert answer.json()["case_id"] != sent["case_id"]


async def test_a_child_that_comes_again_as_it_is_erased_is_one_child_still_or_new_but_never_half(house: House) -> None:
    for number in range(6):
        sent = await closed(house)
        at = await version(house, sent["case_id"])
        erased, again = await asyncio.gather(
            erase(house, sent, at=at), house.send(by={**HOSPITAL, "organisation": f"nhs-{number}"})
        )
        assert (erased.status_code, again.status_code) == (200, 201)
        case_id = again.json()["case_id"]
        rows = await house.served.rows(
            "SELECT f.child_id, (SELECT count(*) FROM fingerprint p JOIN referral r USING (referral_id)"
            " WHERE r.case_id = f.case_id) AS prints FROM case_file f WHERE case_id = $1",
            case_id,
        )
        assert rows[0]["prints"] > 0
        # Who comes third is recognised by what the second left.
        third = await house.send(by={**HOSPITAL, "organisation": f"trust-{number}"})
        assert third.json()["case_id"] == case_id
        closing = await house.post(f"/v1/cases/{case_id}/close", {"reason": "needs-met"}, by=INTAKE, key=None)
        assert closing.status_code == 200
