"""Topics are heard in no order: who holds a case hears what happened under them, whichever was heard of first."""

from integration.notifier.events import a_case, assigned, cluster, desk, notice, person, role
from integration.notifier.test_telling import told
from schemas.placement import RiskDismissed, RiskRaised
from support.service import Served


async def test_what_happened_under_a_new_holder_but_was_heard_first_is_told_to_them(notifier: Served) -> None:
    case, events = a_case()
    await notifier.hear(
        cluster(), role("lead", "cluster-lead"), role("worker"), desk("desk"), *(person(n) for n in ("lead", "desk"))
    )
    await notifier.hear(*events)
    consumer = notifier.runtime.consumer
    assert consumer is not None
    given = notifier.record(assigned(case))
    risen = notifier.record(RiskRaised(case_id=case, risk_id="r", reasons=("x",), rules_version="1"))
    # Said after the case was given to the cluster; heard before that.
    await consumer.deliver([risen])
    assert [row for row in await told(notifier, case) if row[1] == "risk-raised"] == [("desk", "risk-raised")]
    await consumer.deliver([given])
    lines = await notifier.rows(
        "SELECT person_id, cleared_because FROM notification WHERE case_id = $1 AND rule = 'risk-raised' ORDER BY 1",
        case,
    )
    assert [tuple(line.values()) for line in lines] == [("desk", "moved"), ("lead", None), ("worker", None)]
    letters = await notifier.rows("SELECT person_id FROM letter_item WHERE rule = 'risk-raised' AND channel = 'email'")
    assert {row["person_id"] for row in letters} == {"lead", "worker"}
    # Who answers it clears it for all; told again, nothing more happens.
    await consumer.deliver([given])
    await notifier.hear(RiskDismissed(case_id=case, risk_id="r", dismissed_by="lead", reason="x"))
    lines = await notifier.rows("SELECT cleared_because FROM notification WHERE rule = 'risk-raised'")
    assert {line["cleared_because"] for line in lines} == {"moved", "reason-gone"}


async def test_who_must_hear_of_it_by_another_rule_keeps_their_line_when_the_case_moves(notifier: Served) -> None:
    case, events = a_case()
    await notifier.hear(cluster(), role("lead", "cluster-lead"), desk("desk"), person("lead"), person("desk"))
    await notifier.hear(*events)
    consumer = notifier.runtime.consumer
    assert consumer is not None
    given, told_of = notifier.record(assigned(case)), notifier.record(notice(case, kind="PERM", id="e"))
    await consumer.deliver([told_of])
    await consumer.deliver([given])
    lines = await notifier.rows(
        "SELECT person_id, rule, cleared_because FROM notification WHERE rule LIKE 'notice%' ORDER BY person_id"
    )
    # The desk held the case a moment before; of a permanent exclusion it hears in any case.
    assert [tuple(line.values()) for line in lines] == [
        ("desk", "notice-permanent-desk", None), ("lead", "notice-permanent", None),
    ]  # fmt: skip
    letters = await notifier.rows("SELECT person_id FROM letter_item WHERE rule LIKE 'notice%' AND channel = 'email'")
    assert sorted(row["person_id"] for row in letters) == ["desk", "lead"]
