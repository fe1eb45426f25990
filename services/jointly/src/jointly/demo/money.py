"""What the council's finance officer does each week of the demo's term: decide, pay, end, take back."""

from datetime import date
from random import Random
from typing import Any

from jointly.demo.agency import Refused
from jointly.demo.cast import Cast
from jointly.demo.story import happens
from jointly.demo.volumes import plan


async def decide(cast: Cast, chance: Random) -> int:
    """Requests that no rule granted are granted by a person, or declined; what the budget cannot bear waits."""
    decided = 0
    waiting = [one async for one in cast.finance.items("/v1/funding/requests", state="waiting")]
    for one in sorted(waiting, key=lambda one: (one["cluster_id"], one["amount_pence"])):
        path = f"/v1/funding/requests/{one['id']}"
        declined = happens(plan()["in_a_hundred"]["declined"], chance)
        try:
            if declined:
                await cast.finance.change(path, f"{path}/decline", {"reason": "other-source"})
            else:
                await cast.finance.change(path, f"{path}/award", {"reason": plan()["words"]["granted"]})
        except Refused as refused:
            if refused.code not in {"budget-spent", "no-budget"}:
                raise
            continue
        decided += 1
    return decided


async def pay(cast: Cast, today: date) -> int:
    """Every instalment that is due."""
    due = [one async for one in cast.finance.items("/v1/funding/payments", due_by=today.isoformat())]
    paid = 0
    for one in due:
        path = f"/v1/funding/awards/{one['award_id']}"
        said = {"instalment": one["instalment"], "paid_on": today.isoformat()}
        await cast.finance.change(path, f"{path}/payments", said)
        paid += 1
    return paid


async def take_back(cast: Cast, today: date) -> None:
    """Late in the term one award ends, and part of a payment comes back."""
    running = [one async for one in cast.finance.items("/v1/funding/awards", state="running")]
    by_sum: list[dict[str, Any]] = sorted(running, key=lambda one: (-one["paid_pence"], one["id"]))
    if by_sum and by_sum[0]["paid_pence"]:
        award = by_sum[0]
        path = f"/v1/funding/awards/{award['id']}"
        said = {"amount_pence": award["paid_pence"] // 4, "reason": "unspent", "returned_on": today.isoformat()}
        await cast.finance.change(path, f"{path}/claw-back", said)
    open_ = [one for one in by_sum[1:] if one["committed_pence"] > 0]
    if open_:
        path = f"/v1/funding/awards/{open_[0]['id']}"
        await cast.finance.change(path, f"{path}/end", {"reason": "child-moved"})
