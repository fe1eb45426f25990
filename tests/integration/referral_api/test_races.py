"""What arrives while something else about the same child is being done: it waits, and then goes by how things are."""

import asyncio
from typing import Any

from chassis.auth import Caller
from chassis.cause import Cause
from integration.referral_api.steps import HOSPITAL, INTAKE, SOCIAL_CARE, House, a_referral
from referral_api.handlers.amendment import WithdrawReferral, withdraw_referrals
from referral_api.handlers.identity import DecideMatch, decide_matches
from schemas.referral import CaseOpened

LIKE = {"given_name": "Zoey"}
SCHOOL = Caller("s", "c", "school-115482", "education", frozenset({"agency-system"}))
DESK = Caller("person-intake", "c", "county-council", "council", frozenset({"caseworker"}))


async def waiting(house: House, work: "asyncio.Task[Any]") -> None:
    """Until something waits for a lock of ours."""
    async with asyncio.timeout(20):
        while not await house.served.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert not work.done(), "it did not wait"


async def test_a_referral_that_arrives_while_two_children_become_one_joins_the_case_that_stays(house: House) -> None:
    first = await house.sent()
    await house.sent(a_referral(child=LIKE), by=HOSPITAL)
    (match,) = (await house.read("/v1/possible-matches", by=INTAKE))["items"]
    async with house.served.runtime.transaction() as tx:
        await decide_matches([DecideMatch(match["match_id"], same=True, caller=DESK, cause=Cause.fresh())], tx)
        sending = asyncio.create_task(house.sent(a_referral(child=LIKE), by=SOCIAL_CARE))
        await waiting(house, sending)
    assert (await sending)["case_id"] == first["case_id"]
    assert len(await house.served.rows("SELECT DISTINCT child_id FROM referral")) == 1


async def test_a_referral_that_arrives_while_its_case_ends_opens_the_next_one(house: House) -> None:
    first = await house.sent()
    async with house.served.runtime.transaction() as tx:
        await withdraw_referrals(
            [WithdrawReferral(first["referral_id"], 1, "family-declined", SCHOOL, Cause.fresh())], tx
        )
        sending = asyncio.create_task(house.sent(by=HOSPITAL))
        await waiting(house, sending)
    second = await sending
    assert second["case_id"] != first["case_id"]
    assert (await house.read(f"/v1/cases/{second['case_id']}", by=HOSPITAL))["status"] == "open"
    assert len(await house.said(CaseOpened)) == 2


async def test_a_change_that_arrives_while_the_referral_is_withdrawn_is_refused(house: House) -> None:
    first = await house.sent()
    async with house.served.runtime.transaction() as tx:
        await withdraw_referrals(
            [WithdrawReferral(first["referral_id"], 1, "family-declined", SCHOOL, Cause.fresh())], tx
        )
        changing = asyncio.create_task(house.patch(first["referral_id"], {"urgency": "urgent"}))
        await waiting(house, changing)
    assert (await changing).status_code == 412
