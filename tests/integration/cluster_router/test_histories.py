"""Whatever people, records and the clock do in any order: a case has exactly one holder at every instant."""

import asyncio
from collections.abc import Iterable
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from chassis.cause import Cause
from chassis.clock import BusinessClock
from cluster_router.commands import check_decisions, transfer
from cluster_router.handlers import transfers
from integration.cluster_router.county import DESK, NORTH, SOUTH, UPPER, act, changed, fire, later, limit, opened
from schemas.event import Event
from schemas.referral import CaseClosed
from schemas.routing import (
    CaseAssigned,
    CaseReassigned,
    CaseReturned,
    CaseUnrouted,
    HandoverAccepted,
)
from support.service import Served

LEADS = {"north-primary": NORTH, "south-primary": SOUTH, "north-secondary": UPPER}
SCHOOLS = ("100001", "100003", "100004", "199999", None)
STEPS = 150


@pytest.mark.parametrize("seed", range(3))
async def test_any_history_leaves_one_holder_at_every_instant(router: Served, clock: BusinessClock, seed: int) -> None:
    random = Random(seed)  # noqa: S311  no secret
    await limit(router, "south-primary", 3)
    async with router.runtime.transaction() as tx:
        await transfers.expect_transfers(tx, Cause.fresh())
    cases: list[str] = []
    for _ in range(STEPS):
        if len(cases) < 3 or (len(cases) < 8 and random.random() < 0.2):
            case = opened(school_urn=random.choice(SCHOOLS), year_group=random.choice(["5", "6"]), age=10)
            cases.append(case.case_id)
            await router.hear(case)
        await something(router, random, cases)
        later(clock, hours=random.choice([0, 0, 0, 1, 30, 90]))
        if random.random() < 0.2:
            await asyncio.gather(fire(router), fire(router))
    await fire(router)
    await check_holders(router)
    assert await router.said(HandoverAccepted), "a history without a hand-over proves little"
    assert await check_decisions(router.runtime) > len(cases)


async def something(router: Served, random: Random, cases: list[str]) -> None:
    """One thing that may be allowed or not, or two at the same moment."""
    case = random.choice(cases)
    [row] = await router.rows("SELECT cluster, handover FROM case_file WHERE case_id = $1", case)
    # Mostly whoever may; now and then somebody who may not.
    chance = random.choice(list(LEADS.values())) if random.random() < 0.2 else None
    holder = chance or LEADS.get(row["cluster"] or "", DESK)
    receiver = chance or LEADS.get((row["handover"] or {}).get("to_cluster", ""), DESK)
    elsewhere: dict[str, Any] = {"cluster_id": random.choice(list(LEADS)), "reason": "capacity"}
    acts: tuple[tuple[tuple[str, dict[str, Any], dict[str, Any]], ...], ...] = (
        (("accept", holder, {}),),
        (("accept", holder, {}),),
        (("return", holder, {"reason": "capacity"}),),
        (("override", DESK, elsewhere),),
        (("handover", holder, elsewhere),),
        (("handover", holder, elsewhere),),
        (("handover/accept", receiver, {}),),
        (("handover", holder, elsewhere), ("handover/accept", receiver, {})),
        (("handover/decline", receiver, {"reason": "too-early"}),),
        (("handover/decline", holder, {}),),
        (("handover/accept", receiver, {}), ("override", DESK, elsewhere)),
        (("accept", holder, {}), ("return", holder, {"reason": "capacity"})),
    )
    choice = random.randrange(len(acts) + 3)
    if choice < len(acts):
        await asyncio.gather(*(act(router, case, what, who, body) for what, who, body in acts[choice]))
    elif choice == len(acts):
        await router.hear(changed(case, school_urn=random.choice(SCHOOLS), year_group="6", age=10))
    elif choice == len(acts) + 1:
        await transfer(router.runtime, random.choice([2027, 2028]))
    elif random.random() < 0.2:
        await router.hear(CaseClosed(case_id=case, reason="needs-met"))


async def check_holders(router: Served) -> None:
    """The holders as they were kept: without a gap, without an overlap, as the events tell and as they are now."""
    heard: dict[str, list[str | None]] = {}
    for event in await router.said():
        holder = holder_after(event)
        if holder is not None and heard.setdefault(event.subject, [None])[-1] != holder[0]:
            heard[event.subject].append(holder[0])
    files = {row["case_id"]: row for row in await router.rows("SELECT * FROM case_file")}
    kept: dict[str, list[dict[str, Any]]] = {}
    for row in await router.rows("SELECT * FROM tenure ORDER BY case_id, position"):
        kept.setdefault(row["case_id"], []).append(row)
    assert kept.keys() == files.keys()
    for case, held in kept.items():
        assert [one["cluster"] for one in held] == heard.get(case, [None]), case
        assert held[0]["since"] <= files[case]["opened_at"]
        assert all(before["until"] == after["since"] for before, after in pairwise(held)), case
        assert (held[-1]["until"] is None) != files[case]["closed"]
        assert held[-1]["cluster"] == files[case]["cluster"], "and whoever is written down last answers for it now"
    open_files = [row for row in files.values() if not row["closed"]]
    for row in await router.rows("SELECT id, load FROM cluster"):
        assert row["load"] == sum(one["cluster"] == row["id"] for one in open_files), row["id"]
    offered = {row["case_id"] for row in open_files if row["handover"] is not None}
    assert offered == subjects(await router.rows("SELECT subject FROM deadline WHERE kind = 'handover-lapses'"))


def subjects(rows: Iterable[dict[str, Any]]) -> set[str]:
    """What deadlines are about."""
    return {row["subject"] for row in rows}


def holder_after(event: Event) -> tuple[str | None] | None:
    """Who holds the case after an event that says so."""
    if isinstance(event, (CaseAssigned, CaseReassigned, HandoverAccepted)):
        return (event.cluster_id,)
    if isinstance(event, (CaseReturned, CaseUnrouted)):
        return (None,)
    return None
