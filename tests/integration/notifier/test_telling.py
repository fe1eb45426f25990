"""Events in, inbox rows out: each person once for each fact, whatever comes twice, late or in another order."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chassis.cause import Cause
from chassis.clock import BusinessClock
from integration.notifier.events import (
    CLUSTER,
    REFERRING,
    a_case,
    assigned,
    circumstances,
    cluster,
    desk,
    opened,
    person,
    referrer,
    role,
    submitted,
)
from notifier.app import SERVICE
from notifier.handlers.telling import News, announce
from schemas.notification import NotificationSent
from schemas.referral import (
    CaseCircumstancesChanged,
    CaseClosed,
    CaseErased,
    CaseLinked,
    CaseUnlinked,
    ReferralAmended,
    ReferralInformationRequested,
)
from schemas.routing import CaseAccepted, CaseReassigned, CaseReturned, CaseUnrouted, HandoverAccepted
from support.database import Copy
from support.service import Served, serving
from unit.notifier.builders import a_fact


async def told(served: Served, case: str) -> list[tuple[str, str]]:
    rows = await served.rows(
        "SELECT person_id, rule FROM notification WHERE case_id = $1 ORDER BY at, rule, person_id", case
    )
    return [(row["person_id"], row["rule"]) for row in rows]


async def welcome_newcomers(served: Served) -> None:
    while await served.runtime.deadlines().fire():
        pass


async def test_an_assignment_is_in_the_inbox_of_the_cluster_and_of_the_referrer(notifier: Served) -> None:
    await notifier.hear(cluster(), role("lead", "cluster-lead"), role("worker"), referrer("senco"), desk("desk"))
    case, events = a_case()
    await notifier.hear(*events, assigned(case))
    assert await told(notifier, case) == [
        ("lead", "case-assigned"),
        ("worker", "case-assigned"),
        ("senco", "referral-placed"),
    ]
    sent = [e for e in await notifier.said(NotificationSent) if isinstance(e, NotificationSent)]
    assert sorted((e.person_id, e.channel, e.rule) for e in sent) == [
        ("lead", "in-app", "case-assigned"),
        ("senco", "in-app", "referral-placed"),
        ("worker", "in-app", "case-assigned"),
    ]


async def test_the_same_event_three_times_at_once_is_one_row_for_each_person(notifier: Served) -> None:
    await notifier.hear(role("lead", "cluster-lead"), role("worker"), referrer("senco"))
    case, events = a_case()
    await notifier.hear(*events)
    record = notifier.record(assigned(case))
    consumer = notifier.runtime.consumer
    assert consumer is not None
    await asyncio.gather(*(consumer.deliver([record]) for _ in range(3)))
    assert [p for p, _ in await told(notifier, case)] == ["lead", "worker", "senco"]
    assert len(await notifier.said(NotificationSent)) == 3


async def test_the_same_facts_read_again_from_the_beginning_tell_nobody_twice(notifier: Served) -> None:
    await notifier.hear(role("worker"))
    case, events = a_case()
    records = [notifier.record(event) for event in (*events, assigned(case))]
    consumer = notifier.runtime.consumer
    assert consumer is not None
    await consumer.deliver(records)
    # The inbox of events forgotten, as after a long absence: the people's inbox still knows.
    await notifier.rows("DELETE FROM inbox")
    await notifier.rows("DELETE FROM subject_seen")
    await consumer.deliver(records)
    assert await told(notifier, case) == [("worker", "case-assigned")]
    assert len(await notifier.said(NotificationSent)) == 1
    assert await notifier.rows("SELECT reason FROM parked") == []


async def test_an_assignment_heard_before_its_case_waits_for_it(notifier: Served) -> None:
    await notifier.hear(role("worker"), referrer("senco"))
    case, events = a_case()
    await notifier.hear(assigned(case))
    assert await told(notifier, case) == []
    parked = await notifier.rows("SELECT reason FROM parked")
    assert [row["reason"] for row in parked] == ["case-unknown"]
    await notifier.hear(*events)
    assert await told(notifier, case) == [("worker", "case-assigned"), ("senco", "referral-placed")]
    assert await notifier.rows("SELECT 1 FROM parked") == []


async def test_an_assignment_waits_for_the_referral_as_well(notifier: Served) -> None:
    await notifier.hear(role("worker"), referrer("senco"))
    case, _ = a_case()
    await notifier.hear(opened(case))
    await notifier.hear(assigned(case))
    assert await told(notifier, case) == []
    await notifier.hear(submitted(case))
    assert await told(notifier, case) == [("worker", "case-assigned"), ("senco", "referral-placed")]


async def test_an_immediate_referral_is_told_once_in_either_order(notifier: Served) -> None:
    await notifier.hear(desk("desk"))
    first, second = a_case()[0], a_case()[0]
    await notifier.hear(submitted(first, urgency="immediate"), opened(first, urgency="immediate"))
    await notifier.hear(opened(second, urgency="immediate"), submitted(second, urgency="immediate"))
    assert await told(notifier, first) == [("desk", "case-immediate")]
    assert await told(notifier, second) == [("desk", "case-immediate")]


async def test_a_second_immediate_referral_is_told_to_the_holder(notifier: Served) -> None:
    await notifier.hear(role("worker"), desk("desk"))
    case, events = a_case()
    await notifier.hear(*events, assigned(case))
    await notifier.hear(submitted(case, referral="another", urgency="immediate"))
    assert await told(notifier, case) == [("worker", "case-assigned"), ("worker", "referral-immediate")]


async def test_everybody_of_the_clusters_team_counts_whether_the_router_or_the_directory_says_so(
    notifier: Served,
) -> None:
    await notifier.hear(cluster("by-router"), role("by-directory"))
    case, events = a_case()
    await notifier.hear(*events, assigned(case))
    assert [p for p, _ in await told(notifier, case)] == ["by-directory", "by-router"]
    await notifier.hear(cluster())
    after, events = a_case()
    await notifier.hear(*events, assigned(after))
    assert [p for p, _ in await told(notifier, after)] == ["by-directory"]


async def test_a_case_moves_and_each_side_is_told_its_own(notifier: Served) -> None:
    await notifier.hear(role("old"), role("new", cluster="forest-primary"), desk("desk"))
    case, events = a_case()
    await notifier.hear(*events, assigned(case))
    moved = CaseReassigned(
        case_id=case, from_cluster_id=CLUSTER, cluster_id="forest-primary", organisation_id="school-1", decision=2,
        reasons=("override",), overridden_by="desk",
    )  # fmt: skip
    await notifier.hear(moved)
    await notifier.hear(CaseReturned(case_id=case, cluster_id="forest-primary", returned_by="new", reason="full"))
    amended = ReferralAmended(
        case_id=case, referral_id=f"referral-{case}", organisation_id=REFERRING, version=2, fields=("/needs",)
    )
    await notifier.hear(amended)
    # Returned: the desk holds it again, and hears what would have been the cluster's.
    assert await told(notifier, case) == [
        ("old", "case-assigned"),
        ("old", "case-moved-away"),
        ("new", "case-reassigned"),
        ("desk", "case-returned"),
        ("desk", "referral-amended"),
    ]


async def test_a_hand_over_that_is_accepted_is_told_to_the_cluster_that_held_it(notifier: Served) -> None:
    await notifier.hear(role("old"), role("new", cluster="forest-primary"))
    case, events = a_case()
    await notifier.hear(*events, assigned(case))
    await notifier.hear(
        HandoverAccepted(
            case_id=case, handover_id="h", cluster_id="forest-primary", organisation_id="school-1", accepted_by="new"
        )
    )
    assert await told(notifier, case) == [("old", "case-assigned"), ("old", "handover-accepted")]
    assert await notifier.rows("SELECT cluster_id FROM case_file WHERE case_id = $1", case) == [
        {"cluster_id": "forest-primary"}
    ]


async def test_a_referral_that_leaves_takes_its_sender_along(notifier: Served) -> None:
    await notifier.hear(
        role("worker"), referrer("senco"), role("nurse", "referrer", cluster=None, organisation="trust")
    )
    case, events = a_case()
    await notifier.hear(*events, assigned(case))
    await notifier.hear(submitted(case, referral="second", organisation="trust"))
    await notifier.hear(CaseLinked(case_id=case, referral_id="second", matched_by="nhs-number"))
    await notifier.hear(CaseUnlinked(case_id=case, referral_id="second", new_case_id="apart", reason="two-children"))
    await notifier.hear(opened("apart", referral="second"), assigned("apart"))
    assert ("nurse", "referral-placed") in await told(notifier, "apart")
    await notifier.hear(CaseAccepted(case_id=case, cluster_id=CLUSTER, organisation_id="x", accepted_by="worker"))
    assert [p for p, rule in await told(notifier, case) if rule == "referral-accepted"] == ["senco"]


async def test_a_request_for_information_names_its_day(notifier: Served) -> None:
    await notifier.hear(referrer("senco"))
    case, events = a_case()
    await notifier.hear(*events)
    asked = ReferralInformationRequested(
        case_id=case, referral_id=f"referral-{case}", request_id="r", asked_by="worker", asked_of=REFERRING,
        fields=("/concern/summary",), due_on=date(2026, 12, 4),
    )  # fmt: skip
    await notifier.hear(asked)
    rows = await notifier.rows("SELECT person_id, text FROM notification WHERE case_id = $1", case)
    assert rows == [
        {
            "person_id": "senco",
            "text": f"More information is needed for case J-{case[-4:]}. Please answer by 4 December 2026.",
        }
    ]


async def test_a_case_that_became_urgent_is_assigned_urgently(notifier: Served) -> None:
    await notifier.hear(role("worker"), desk("desk"))
    case, events = a_case()
    changed = CaseCircumstancesChanged(case_id=case, changed=("urgency",), circumstances=circumstances("urgent"))
    await notifier.hear(*events, changed)
    await notifier.hear(assigned(case))
    rows = await notifier.rows("SELECT person_id, urgent FROM notification WHERE rule = 'case-assigned'")
    assert rows == [{"person_id": "worker", "urgent": True}]


async def test_nobody_in_the_role_is_the_next_ones_to_hear_and_a_task_for_the_desk(notifier: Served) -> None:
    await notifier.hear(desk("desk"))
    case, events = a_case()
    await notifier.hear(*events, assigned(case))
    assert await told(notifier, case) == [("desk", "case-assigned")]
    unclaimed = await notifier.rows("SELECT rule, place, rung FROM address WHERE rung IS DISTINCT FROM 0 ORDER BY rule")
    assert unclaimed == [
        {"rule": "case-assigned", "place": f"cluster:{CLUSTER}", "rung": 3},
        {"rule": "referral-placed", "place": f"organisation:{REFERRING}", "rung": None},
    ]
    tasks = await notifier.rows("SELECT kind, about FROM task WHERE done_at IS NULL ORDER BY about")
    assert tasks == [
        {"kind": "unclaimed", "about": f"cluster:{CLUSTER}"},
        {"kind": "unclaimed", "about": f"organisation:{REFERRING}"},
    ]


async def test_nobody_at_all_is_kept_for_whoever_comes(notifier: Served) -> None:
    case, events = a_case()
    await notifier.hear(*events)
    await notifier.hear(CaseUnrouted(case_id=case, decision=1, reasons=("no-rule",)))
    assert await told(notifier, case) == []
    await notifier.hear(desk("desk"))
    await welcome_newcomers(notifier)
    assert await told(notifier, case) == [("desk", "case-unrouted")]
    assert await notifier.rows("SELECT 1 FROM task WHERE done_at IS NULL") == []
    assert len(await notifier.said(NotificationSent)) == 1


async def test_whoever_held_the_role_on_the_day_is_told_when_we_hear_of_it_later(notifier: Served) -> None:
    await notifier.hear(role("worker"))
    case, events = a_case()
    await notifier.hear(*events, assigned(case))
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)  # noqa: TID251
    await notifier.hear(role("known-late"), role("starts-later", since=tomorrow))
    await welcome_newcomers(notifier)
    await welcome_newcomers(notifier)
    assert await told(notifier, case) == [("known-late", "case-assigned"), ("worker", "case-assigned")]
    # Late and not urgent: the inbox is enough.
    letters = await notifier.rows("SELECT person_id FROM letter_item")
    assert [row["person_id"] for row in letters] == ["worker"]


async def test_a_case_that_has_ended_is_not_told_to_newcomers(notifier: Served) -> None:
    await notifier.hear(role("worker"))
    case, events = a_case()
    await notifier.hear(*events, assigned(case))
    await notifier.hear(CaseClosed(case_id=case, reason="helped"))
    await notifier.hear(role("newcomer"))
    await welcome_newcomers(notifier)
    assert "newcomer" not in [p for p, _ in await told(notifier, case)]


async def test_what_is_long_past_is_told_to_newcomers_only_if_nobody_heard_of_it(database: Copy) -> None:
    clock = BusinessClock()
    start = datetime(2026, 9, 1, 9, tzinfo=UTC)
    clock.simulate(start, anchor=datetime.now(UTC), rate=1)  # noqa: TID251
    async with serving(SERVICE, database, clock=clock) as served:
        await served.hear(role("worker"))
        heard, events = a_case()
        await served.hear(*events, assigned(heard))
        lost, events = a_case()
        await served.hear(*events, assigned(lost, to="forest-primary"))
        clock.simulate(start + timedelta(days=30), anchor=datetime.now(UTC), rate=1)  # noqa: TID251
        await served.hear(role("newcomer"), role("newcomer", "cluster-lead", cluster="forest-primary"))
        await welcome_newcomers(served)
        assert await told(served, heard) == [("worker", "case-assigned")]
        assert await told(served, lost) == [("newcomer", "case-assigned")]


async def test_somebody_who_left_is_not_told_and_is_told_again_when_they_are_back(notifier: Served) -> None:
    await notifier.hear(person("worker", active=False), role("worker"), desk("desk"))
    case, events = a_case()
    await notifier.hear(*events, assigned(case))
    assert await told(notifier, case) == [("desk", "case-assigned")]
    await notifier.hear(person("worker"))
    await welcome_newcomers(notifier)
    assert await told(notifier, case) == [("desk", "case-assigned"), ("worker", "case-assigned")]


async def test_many_open_facts_reach_a_newcomer_in_portions(notifier: Served) -> None:
    events = []
    for n in range(520):
        case, said = a_case(case=f"case-{n:04d}")
        events += [*said, assigned(case)]
    await notifier.hear(*events)
    await notifier.hear(role("worker"))
    await welcome_newcomers(notifier)
    rows = await notifier.rows("SELECT count(*) AS n FROM notification WHERE person_id = 'worker'")
    assert rows == [{"n": 520}]
    assert await notifier.rows("SELECT 1 FROM task WHERE done_at IS NULL AND about LIKE 'cluster:%'") == []


async def test_a_role_that_arrives_while_a_fact_is_told_waits_for_it_and_then_hears_of_it(notifier: Served) -> None:
    consumer = notifier.runtime.consumer
    assert consumer is not None
    case, events = a_case()
    await notifier.hear(*events)
    fact = a_fact(event_id="the-fact", case_id=case, at=notifier.runtime.clock.now())
    async with notifier.runtime.transaction() as tx:
        file = (await tx.cases.get([case]))[case]
        assert file.case is not None
        await announce([News(fact, file.case, Cause.fresh())], tx)
        arriving = asyncio.create_task(consumer.deliver([notifier.record(role("worker"))]))
        waiting: list[dict[str, Any]] = []
        while not waiting and not arriving.done():
            waiting = await notifier.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        assert waiting, "the role did not wait for the fact"
    await arriving
    await welcome_newcomers(notifier)
    assert ("worker", "case-assigned") in await told(notifier, case)


async def test_an_erased_case_leaves_nothing_and_what_is_said_of_it_later_is_ignored(notifier: Served) -> None:
    await notifier.hear(role("worker"), referrer("senco"))
    case, events = a_case()
    await notifier.hear(*events, assigned(case))
    await notifier.hear(CaseErased(case_id=case))
    await notifier.hear(
        CaseAccepted(case_id=case, cluster_id=CLUSTER, organisation_id="x", accepted_by="worker"),
        submitted(case, referral="late", urgency="immediate"),
    )
    for table in ("notification", "letter_item", "address", "referral", "participant"):
        assert await notifier.rows(f"SELECT * FROM {table} WHERE case_id = $1", case) == []
    assert await notifier.rows("SELECT reference, cluster_id FROM case_file WHERE case_id = $1", case) == [
        {"reference": None, "cluster_id": None}
    ]
    assert await notifier.rows("SELECT 1 FROM parked") == []
