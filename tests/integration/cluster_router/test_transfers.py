"""Each year children in Year 6 are offered to the secondary clusters: once, by the rules, and the sender holds them."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from chassis.cause import Cause
from chassis.clock import BusinessClock, wall_now
from cluster_router import commands
from cluster_router.commands import check_decisions, transfer
from cluster_router.handlers import county, transfers
from integration.cluster_router.county import (
    CLUSTERS,
    COLUMNS,
    NORTH,
    SCHOOLS,
    UPPER,
    act,
    changed,
    fire,
    get,
    later,
    limit,
    opened,
    school,
    where,
)
from schemas.referral import CaseClosed
from schemas.routing import HandoverAccepted, HandoverDeclined, HandoverLapsed, HandoverOffered
from support.service import Served

YEAR = 2027
SIXTH = {"year_group": "6", "age": 10}
HIDDEN = {"school_urn": None, "home": {"state": "restricted"}}


async def offers(router: Served) -> list[HandoverOffered]:
    """What was offered, in order."""
    return [event for event in await router.said(HandoverOffered) if isinstance(event, HandoverOffered)]


async def held(router: Served, *, accepted: bool = True, **circumstances: Any) -> str:
    """A case of the north's."""
    usual: dict[str, Any] = {**SIXTH, **circumstances}
    case = opened(**usual)
    await router.hear(case)
    if accepted:
        assert (await act(router, case.case_id, "accept", NORTH)).status_code == 200
    return case.case_id


async def test_a_child_in_year_6_is_offered_to_the_secondary_cluster_near_home(router: Served) -> None:
    case, younger = await held(router), await held(router, year_group="5", age=9)
    counts = await transfer(router.runtime, YEAR)
    assert (counts.offered, counts.left) == ({("north-primary", "north-secondary"): 1}, {})
    [offer] = await offers(router)
    assert (offer.case_id, offer.from_cluster_id, offer.to_cluster_id) == (case, "north-primary", "north-secondary")
    assert (offer.reason, (offer.answer_by.date() - datetime(2026, 11, 23, tzinfo=UTC).date()).days) == (
        "phase-transfer",
        28,
    )
    assert await where(router, case) == ("accepted", "north-primary"), "the sender holds it"
    assert (await get(router, case, UPPER)).status_code == 200, "the receiver sees it"
    assert (await get(router, younger, UPPER)).status_code == 404
    loads = await router.rows("SELECT id, load FROM cluster WHERE load > 0")
    assert loads == [{"id": "north-primary", "load": 2}], "an offer takes no place"
    assert (await act(router, case, "handover/accept", UPPER)).status_code == 200
    assert await where(router, case) == ("accepted", "north-secondary")
    assert await check_decisions(router.runtime) == 3


async def test_it_is_offered_once_a_year_whatever_came_of_it(router: Served, clock: BusinessClock) -> None:
    declined, lapsed = await held(router), await held(router)
    await transfer(router.runtime, YEAR)
    await act(router, declined, "handover/decline", UPPER, {"reason": "too-early"})
    later(clock, days=29)
    await fire(router)
    assert len(await router.said(HandoverDeclined)) == len(await router.said(HandoverLapsed)) == 1
    again = await transfer(router.runtime, YEAR)
    assert (again.offered, again.left) == ({}, {})
    assert await where(router, lapsed) == ("accepted", "north-primary")
    following = await transfer(router.runtime, YEAR + 1)
    assert following.offered.total() == 2, "who was left behind is offered again in the next year"


async def test_a_dry_run_says_what_would_be_and_changes_nothing(router: Served) -> None:
    await held(router)
    await held(router, accepted=False)
    before = await router.rows("SELECT version FROM case_file ORDER BY case_id")
    counts = await transfer(router.runtime, YEAR, dry_run=True)
    assert counts.offered == {("north-primary", "north-secondary"): 1}
    assert counts.left == {"not-accepted": 1}
    assert await offers(router) == []
    assert await router.rows("SELECT version FROM case_file ORDER BY case_id") == before
    assert await router.rows("SELECT 1 FROM transfer") == await router.rows("SELECT 1 FROM deadline") == []


async def test_what_cannot_be_offered_is_counted_by_its_reason_and_tried_again(router: Served) -> None:
    hidden, waiting, offered = await held(router), await held(router, accepted=False), await held(router)
    await router.hear(changed(hidden, ("home",), **{**SIXTH, **HIDDEN}))
    await act(router, offered, "handover", NORTH, {"cluster_id": "south-primary", "reason": "capacity"})
    counts = await transfer(router.runtime, YEAR)
    assert counts.left == {"home-restricted": 1, "not-accepted": 1, "offered-already": 1}
    assert await check_decisions(router.runtime) == 4, "what changes nothing uses up no number"
    await act(router, waiting, "accept", NORTH)
    again = await transfer(router.runtime, YEAR)
    assert again.offered == {("north-primary", "north-secondary"): 1}


async def test_a_child_at_a_school_that_goes_on_is_placed_by_the_school(router: Served) -> None:
    await router.hear(school("100005", phase=7, northing=300_000), school("100006", phase=3))
    rows = [
        ("far", "Far primary", "primary", "Far", "100005", "100005", "2022-04-01", ""),
        ("far-up", "Far secondary", "secondary", "Far", "100005", "100005", "2022-04-01", ""),
        ("middle", "Middle", "primary", "Far", "100006", "100006", "2022-04-01", ""),
    ]
    async with router.runtime.transaction() as tx:
        await county.import_clusters(tx, [dict(zip(COLUMNS, row, strict=True)) for row in rows], Cause.fresh())
    lead = {"organisation": "school-100005", "roles": ("cluster-lead",), "clusters": ("far", "middle"), "subject": "f"}
    for urn in ("100005", "100006"):
        case = opened(school_urn=urn, year_group="6", age=10)
        await router.hear(case)
        assert (await act(router, case.case_id, "accept", lead)).status_code == 200
    counts = await transfer(router.runtime, YEAR)
    assert counts.offered == {("far", "far-up"): 1}
    assert counts.left == {transfers.STAYS: 1}, "a middle school keeps its children in Year 7"


async def test_the_child_goes_on_as_of_year_7_until_the_records_say_so(router: Served) -> None:
    case = await held(router)
    await transfer(router.runtime, YEAR)
    await router.hear(changed(case, ("urgency",), **SIXTH, urgency="urgent"))
    assert await router.said(HandoverLapsed) == [], "the offer stands, though the child is still in Year 6"
    await act(router, case, "handover/accept", UPPER)
    await router.hear(changed(case, ("urgency",), **SIXTH, urgency="soon"))
    assert len(await offers(router)) == 1, "and is not offered back to the primary cluster"
    await router.hear(changed(case, school_urn="100004", year_group="7", age=11))
    assert len(await offers(router)) == 1
    assert await where(router, case) == ("accepted", "north-secondary")
    assert await check_decisions(router.runtime) == 5


async def test_a_full_cluster_is_not_offered_what_it_cannot_hold(router: Served) -> None:
    await held(router)
    await limit(router, "north-secondary", 0)
    assert (await transfer(router.runtime, YEAR)).left == {"capacity-full": 1}
    await limit(router, "north-secondary", 1)
    assert (await transfer(router.runtime, YEAR)).offered.total() == 1


async def test_it_runs_by_itself_on_the_days_of_the_season(router: Served, clock: BusinessClock) -> None:
    async with router.runtime.transaction() as tx:
        await transfers.expect_transfers(tx, Cause.fresh())
    first, second = await held(router), await held(router, accepted=False)
    await fire(router)
    assert await offers(router) == []
    clock.simulate(datetime(2027, 5, 1, 3, tzinfo=UTC), anchor=wall_now(), rate=1.0)
    await fire(router)
    assert [offer.case_id for offer in await offers(router)] == [first]
    await act(router, second, "accept", NORTH)
    later(clock, days=7)
    await fire(router)
    assert [offer.case_id for offer in await offers(router)] == [first, second]
    [due] = await router.rows("SELECT due_at FROM deadline WHERE kind = 'transfers-due'")
    assert due["due_at"].date().isoformat() == "2027-05-14", "midnight here on the fifteenth"


async def test_a_run_that_downtime_kept_from_happening_happens_late_once(router: Served, clock: BusinessClock) -> None:
    async with router.runtime.transaction() as tx:
        await transfers.expect_transfers(tx, Cause.fresh())
    await held(router)
    clock.simulate(datetime(2027, 9, 20, tzinfo=UTC), anchor=wall_now(), rate=1.0)
    await asyncio.gather(*(fire(router) for _ in range(4)))
    assert len(await offers(router)) == 1
    [due] = await router.rows("SELECT due_at FROM deadline WHERE kind = 'transfers-due'")
    assert due["due_at"].date().isoformat() == "2028-04-30"


async def test_clusters_that_an_operator_brings_in_set_the_clock(empty_router: Served, tmp_path: Path) -> None:
    await empty_router.hear(*SCHOOLS)
    await commands.default_clusters(empty_router.runtime)
    due = "SELECT due_at FROM deadline WHERE kind = 'transfers-due'"
    first = await empty_router.rows(due)
    assert len(first) == 1
    await empty_router.rows("DELETE FROM deadline")
    file = tmp_path / "clusters.csv"
    file.write_text(
        "\n".join(",".join(row) for row in (COLUMNS, ("new", "New", "primary", *CLUSTERS[3][3:6], "2019-04-01", "")))
    )
    await commands.import_clusters(empty_router.runtime, file)
    assert await empty_router.rows(due) == first


async def test_a_long_run_goes_batch_by_batch_and_on_after_a_stop(
    router: Served, monkeypatch: pytest.MonkeyPatch, clock: BusinessClock
) -> None:
    monkeypatch.setattr(transfers, "AT_ONCE", 3)
    cases = [await held(router) for _ in range(7)]
    async with router.runtime.transaction() as tx:
        batch = await transfers.offer_transfers(tx, YEAR, Cause.fresh())
    assert (batch.counts.offered.total(), batch.after) == (3, sorted(cases)[2])
    await router.hear(CaseClosed(case_id=sorted(cases)[6], reason="needs-met"))
    async with router.runtime.transaction() as tx:
        await tx.set_deadline(transfers.TRANSFERS_DUE, "county", datetime(2027, 5, 1, tzinfo=UTC), cause=Cause.fresh())
    later(clock, days=200)
    await asyncio.gather(fire(router), transfer(router.runtime, YEAR), fire(router))
    assert sorted(offer.case_id for offer in await offers(router)) == sorted(cases)[:6]
    assert await router.said(HandoverAccepted) == []


async def test_what_cannot_be_offered_does_not_keep_a_run_from_going_on(
    router: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "AT_ONCE", 2)
    cases = sorted([await held(router, accepted=False) for _ in range(3)])
    async with router.runtime.transaction() as tx:
        await tx.set_deadline(transfers.TRANSFERS_DUE, "county", tx.now, cause=Cause.fresh())
    assert await router.runtime.deadlines().fire() == 1
    [row] = await router.rows("SELECT payload FROM deadline WHERE kind = 'transfers-due'")
    assert row["payload"] == {"year": YEAR, "after": cases[1]}
    assert await router.runtime.deadlines().fire() == 1
    [row] = await router.rows("SELECT payload FROM deadline WHERE kind = 'transfers-due'")
    assert row["payload"] == {}, "the next run is another day's"
