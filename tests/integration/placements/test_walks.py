"""Random walks of many placements at once through the whole service: the books balance after every step."""

import asyncio
from random import Random
from typing import Any

import pytest
from chassis.clock import BusinessClock
from integration.placements.county import (
    FAR,
    LEAD,
    MIDDLE,
    NEAR,
    a_case,
    a_request,
    call,
    equip,
    fire,
    get,
    later,
    staff,
)
from schemas.placement import ProviderCapacityChanged
from support.service import Served

PROVIDERS = (NEAR, MIDDLE, FAR)

_BOOKS = """
SELECT p.places, p.taken, p.held,
  (SELECT count(*) FROM hold h WHERE h.place_id = p.id AND h.state = 'held') AS holds,
  (SELECT count(*) FROM placement c WHERE c.place_id = p.id AND c.state IN ('accepted', 'started')) AS placed
FROM place p
"""
_LOOSE = """
SELECT count(*) AS count FROM offer o JOIN hold h ON h.id = o.hold_id
WHERE o.state = 'open' AND h.state <> 'held'
"""
_TWICE = """
SELECT count(*) AS count FROM (SELECT placement_id FROM offer WHERE state = 'accepted' GROUP BY 1 HAVING count(*) > 1) x
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_books_balance_whatever_happens_at_once(house: Served, clock: BusinessClock, seed: int) -> None:
    random = Random(seed)  # noqa: S311  a walk that can be walked again
    for provider in PROVIDERS:
        await equip(house, provider, random.randint(1, 2))
    cases = [await a_case(house) for _ in range(8)]
    walkers = [await a_request(house, case) for case in cases]
    for _ in range(8):
        answers = await asyncio.gather(*(step(house, id, Random(random.random())) for id in walkers))  # noqa: S311
        assert {status for status in answers if status is not None} <= {200, 403, 404, 409, 412}
        if random.random() < 0.3:
            later(clock, hours=random.choice((1, 50, 80)))
        await fire(house)
        for row in await house.rows(_BOOKS):
            assert (row["held"], row["taken"]) == (row["holds"], row["placed"])
            assert row["taken"] + row["held"] <= row["places"]
        assert await house.rows(_LOOSE) == [{"count": 0}], "an offer without a place"
        assert await house.rows(_TWICE) == [{"count": 0}], "two providers have accepted one child"
    said = {e.provider_id: e.places for e in await house.said(ProviderCapacityChanged)}  # type: ignore[attr-defined]
    for row in await house.rows("SELECT provider_id, places - taken - held AS free FROM place"):
        assert [places.open for places in said[row["provider_id"]]] == [row["free"]], "the last word is the truth"


async def step(house: Served, placement: str, random: Random) -> int | None:
    """Something that fits the state the placement was in a moment ago; another may have been quicker."""
    seen = await get(house, f"/v1/placements/{placement}", LEAD)
    etag = await call(house, "GET", f"/v1/placements/{placement}", LEAD)
    headers = {"If-Match": etag.headers["ETag"]}
    open_ = [offer for offer in seen["offers"] if offer["state"] == "open"]
    held = [hold for hold in seen["holds"] if hold["state"] == "held"]
    today = house.runtime.clock.now().date().isoformat()
    choices: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    if seen["state"] == "requested":
        choices += [("holds", LEAD, {"provider_id": random.choice(PROVIDERS)})]
        choices += [("offers", LEAD, {"provider_ids": random.sample(PROVIDERS, random.randint(1, 3))})]
        choices += [(f"holds/{hold['id']}/release", LEAD, {}) for hold in held]
        for offer in open_:
            choices += [(f"offers/{offer['id']}/accept", staff(offer["provider_id"]), {})] * 2
            choices += [(f"offers/{offer['id']}/decline", staff(offer["provider_id"]), {"reason": "full"})]
    elif seen["state"] == "accepted":
        choices += [("start", LEAD, {"started_on": today})]
    elif seen["state"] == "started":
        choices += [("end", LEAD, {"reason": "completed", "ended_on": today})]
    if not choices:
        return None
    # Some send the same thing twice at once, with two keys.
    what, who, body = random.choice(choices)
    calls = [call(house, "POST", f"/v1/placements/{placement}/{what}", who, body, **headers) for _ in range(2)]
    return max(answer.status_code for answer in await asyncio.gather(*calls))
