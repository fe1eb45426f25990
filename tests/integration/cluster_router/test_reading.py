"""Who reads what: lists, a cluster's board, and why a case is where it is."""

from typing import Any

import asyncpg
import pytest
from chassis.auth import Caller
from chassis.clock import BusinessClock
from cluster_router.queries import assignments
from cluster_router.queries.assignments import Wanted
from cluster_router.store import Tx
from integration.cluster_router.county import (
    AGENCY,
    DESK,
    NORTH,
    SOUTH,
    STRANGER,
    UPPER,
    act,
    changed,
    get,
    later,
    limit,
    opened,
    taking_part,
)
from schemas.referral import CaseErased
from support.database import Copy
from support.service import Served, signed_in

OFFICER = {"organisation": "county-council", "sector": "council", "roles": ("data-protection-officer",)}
#: As referral-api has them: a participating organisation's people in these roles read its cases, in others they do not.
READERS = ("agency-system", "referrer", "caseworker", "cluster-lead", "adviser", "data-protection-officer", "service")
OTHERS = ("finance-officer", "provider-staff", "safeguarding-lead")


async def ask(router: Served, path: str, who: dict[str, Any], **query: Any) -> Any:
    """The answer's status and body."""
    answer = await router.client.get(path, params=query, headers=signed_in(**who))
    return answer.status_code, answer.json()


@pytest.mark.parametrize("role", [*READERS, *OTHERS])
async def test_a_participating_organisations_roles_read_as_they_read_the_case_itself(router: Served, role: str) -> None:
    case = opened()
    await router.hear(case)
    await router.hear(taking_part(case.case_id, "nhs-trust"))
    who = {**AGENCY, "roles": (role,)}
    expected = 200 if role in READERS else 403
    for path in (f"/v1/assignments/{case.case_id}", f"/v1/assignments/{case.case_id}/trace", "/v1/assignments"):
        assert (await ask(router, path, who))[0] == expected, path


@pytest.mark.parametrize(
    ("role", "sees"), [("cluster-lead", True), ("caseworker", True), ("adviser", True), ("referrer", False)]
)
async def test_a_clusters_team_sees_its_cases_and_nobody_else_who_is_only_named_for_it(
    router: Served, role: str, sees: bool
) -> None:
    case = opened()
    await router.hear(case)
    who = {"organisation": "nhs-trust", "sector": "health", "roles": (role,), "clusters": ("north-primary",)}
    assert (await get(router, case.case_id, who)).status_code == (200 if sees else 404)
    assert len((await ask(router, "/v1/assignments", who))[1]["items"]) == sees
    assert (await ask(router, "/v1/clusters/north-primary/board", who))[0] == (200 if sees else 404)


async def test_the_list_can_be_asked_for_a_cluster_a_state_and_what_changed_since(
    router: Served, clock: BusinessClock
) -> None:
    first, second, other = opened(), opened(), opened(school_urn="100003")
    await router.hear(first, second, other)

    async def listed(who: dict[str, Any] = DESK, **query: Any) -> list[str]:
        status, body = await ask(router, "/v1/assignments", who, **query)
        assert status == 200
        return [item["case_id"] for item in body["items"]]

    assert await listed(cluster="north-primary") == [first.case_id, second.case_id]
    later(clock, hours=1)
    moment = clock.now().isoformat()
    assert await listed(since=moment) == []
    await act(router, second.case_id, "accept", NORTH)
    assert await listed(since=moment) == [second.case_id]
    assert await listed(NORTH, since=moment, state="accepted", cluster="north-primary") == [second.case_id]
    assert await listed(SOUTH) == [other.case_id]
    assert await listed(SOUTH, cluster="north-primary") == []
    await act(router, second.case_id, "handover", NORTH, {"cluster_id": "south-primary", "reason": "capacity"})
    assert set(await listed(SOUTH)) == {second.case_id, other.case_id}
    assert (await ask(router, "/v1/assignments", DESK, since="1760000000"))[0] == 422


async def test_a_board_shows_load_age_hand_overs_homes_and_schools(router: Served, clock: BusinessClock) -> None:
    await limit(router, "north-primary", 20)
    old, new, taken = opened(), opened(school_urn="100002"), opened(home={"state": "restricted"}, school_urn=None)
    await router.hear(old)
    later(clock, days=3)
    mine, theirs = opened(home={"state": "known", "easting": 382_000, "northing": 217_000}), opened(school_urn="100003")
    await router.hear(new, mine, theirs, taken)
    await act(router, mine.case_id, "accept", NORTH)
    await act(router, mine.case_id, "handover", NORTH, {"cluster_id": "south-primary", "reason": "capacity"})
    await act(router, theirs.case_id, "accept", SOUTH)
    later(clock, days=5)
    await act(router, theirs.case_id, "handover", SOUTH, {"cluster_id": "north-primary", "reason": "moved-home"})
    later(clock, days=2)

    status, board = await ask(router, "/v1/clusters/north-primary/board", NORTH)
    assert (status, board["load"], board["capacity"], board["hard"]) == (200, 3, 20, True)
    assert board["states"] == [{"state": "accepted", "cases": 1}, {"state": "assigned", "cases": 2}]
    # From Monday 23 November and Thursday 26 to Thursday 3 December.
    assert [(one["case_id"], one["working_days"]) for one in board["unaccepted"]["oldest"]] == [
        (old.case_id, 8), (new.case_id, 5),
    ]  # fmt: skip
    assert [tuple(one.values()) for one in board["unaccepted"]["ages"]] == [(1, 0), (3, 0), (5, 1), (None, 1)]
    [out], [inn] = board["outgoing"]["next"], board["incoming"]["next"]
    assert (out["case_id"], out["to_cluster_id"], out["rung"], board["outgoing"]["overdue"]) == (
        mine.case_id, "south-primary", 1, 1,
    )  # fmt: skip
    assert (inn["case_id"], inn["from_cluster_id"], inn["rung"], board["incoming"]["overdue"]) == (
        theirs.case_id, "south-primary", 0, 0,
    )  # fmt: skip
    assert [tuple(one.values()) for one in board["homes"]] == [(383_000, 218_000, 2), (382_000, 217_000, 1)]
    assert [(one["school_urn"], one["leads"], one["cases"]) for one in board["schools"]] == [
        ("100001", True, 2), ("100002", False, 1),
    ]  # fmt: skip
    assert (board["schools"][0]["easting"], board["schools"][0]["northing"]) == (383_000, 218_000)
    [seen] = await router.rows("SELECT actor FROM audit WHERE what = 'board'")
    assert seen == {"actor": "n"}


async def test_a_board_is_its_own_teams_and_whoever_sees_every_case(router: Served) -> None:
    await router.hear(opened())
    path = "/v1/clusters/north-primary/board"
    for who, expected in ((SOUTH, 404), (STRANGER, 404), (AGENCY, 404), (DESK, 200), (OFFICER, 200)):
        assert (await ask(router, path, who))[0] == expected, who
    assert (await ask(router, path, OFFICER))[1]["homes"] == [], "a square is for those who work the case"
    assert (await ask(router, path, DESK))[1]["homes"] != []
    assert (await ask(router, "/v1/clusters/nowhere/board", DESK))[0] == 404


async def test_a_board_asks_the_same_few_questions_whatever_there_is(
    router: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    rows = Tx.rows

    async def counted(self: Tx, sql: str, *arguments: object) -> Any:
        asked.append(sql)
        return await rows(self, sql, *arguments)

    async def questions() -> int:
        asked.clear()
        monkeypatch.setattr(Tx, "rows", counted)
        assert (await ask(router, "/v1/clusters/north-primary/board", NORTH))[0] == 200
        monkeypatch.undo()
        return len(asked)

    await questions()
    few = await questions()
    await router.hear(*(opened() for _ in range(40)))
    assert await questions() == few <= 12


async def test_why_here_is_told_sentence_by_sentence(router: Served) -> None:
    await limit(router, "north-primary", 12)
    case = opened(urgency="urgent")
    await router.hear(case)
    await router.hear(taking_part(case.case_id, "nhs-trust"))
    path = f"/v1/assignments/{case.case_id}/trace"
    status, told = await ask(router, path, NORTH)
    assert status == 200
    assert told["answer"].startswith("This case goes to North primary because")
    assert told["sentences"] == [
        "School 100001 is a school of the primary phase.",
        "School 100001 belongs to North primary.",
        "The case is urgent, so that the way to school or home counted more than usual.",
        "North primary was 0.7 km away and held 0 open cases of the 12 it can hold.",
        "South primary was not taken. The child's school belongs to another cluster.",
        "The rules of version 2026-09 decided it as decision 1.",
    ]
    _, less = await ask(router, path, AGENCY)
    assert "North primary was taken." in less["sentences"]
    assert not any("km" in sentence or "urgent" in sentence for sentence in less["sentences"])
    assert (await ask(router, path, STRANGER))[0] == (await ask(router, path, UPPER))[0] == 404


async def test_the_trace_tells_what_was_before_and_what_is_offered(router: Served, clock: BusinessClock) -> None:
    case = opened()
    await router.hear(case)
    path = f"/v1/assignments/{case.case_id}/trace"
    for what, who, body in (
        ("return", NORTH, {"reason": "capacity"}),
        ("override", DESK, {"cluster_id": "south-primary", "reason": "family-preference"}),
        ("accept", SOUTH, {}),
        ("handover", SOUTH, {"cluster_id": "north-primary", "reason": "moved-home"}),
    ):
        later(clock, days=1)
        assert (await act(router, case.case_id, what, who, body)).status_code == 200
    _, told = await ask(router, path, DESK)
    assert told["answer"] == "A person placed this case with South primary: the family asked for it."
    assert told["sentences"][-3:] == [
        "By the rules it would have gone to North primary.",
        "The rules of version 2026-09 decided it as decision 2.",
        "It is offered to North primary, which has until 7 December 2026 to answer; until then it stays where it is.",
    ]
    routed = (
        "This case goes to North primary because School 100001 is a school of the primary phase, and School 100001 "
        "belongs to North primary."
    )
    assert [past["sentence"] for past in told["history"]] == [
        "The intake desk answered for it.",
        routed,
        "North primary answered for it.",
        "The intake desk answered for it again.",
        "A person placed this case with South primary: the family asked for it.",
        "South primary answered for it.",
    ]
    await router.hear(changed(case.case_id, school_urn="100003"))
    assert (await ask(router, path, DESK))[0] == 200
    await router.hear(CaseErased(case_id=case.case_id))
    _, erased = await ask(router, path, DESK)
    assert erased["sentences"] == ["This case was erased."]


CALLERS = (
    Caller("desk", "x", "county-council", "council", frozenset({"intake"}), frozenset(), frozenset()),
    Caller("n", "x", "school-100001", "education", frozenset({"cluster-lead"}), frozenset({"north-primary"}),
           frozenset()),
    Caller("a", "x", "nhs-trust", "health", frozenset({"agency-system"}), frozenset(), frozenset()),
    Caller("s", "x", "nobody", "health", frozenset({"agency-system"}), frozenset(), frozenset()),
)  # fmt: skip


async def test_a_list_of_twenty_thousand_cases_reads_no_case_that_it_does_not_show_one_by_one(
    router: Served, database: Copy
) -> None:
    await router.hear(opened())
    async with router.runtime.transaction() as tx:
        await tx.rows(
            """
            INSERT INTO case_file SELECT (c).* FROM (
              SELECT jsonb_populate_record(f, jsonb_build_object(
                'case_id', 'case-' || n, 'reference', 'J-' || n, 'opened_at', f.opened_at + n * interval '1 minute',
                'changed_at', f.opened_at + n * interval '1 minute', 'cluster', 'cluster-' || n % 100)) AS c
              FROM case_file f, generate_series(1, 20000) AS n
            ) AS made
            """
        )
        await tx.rows(
            "INSERT INTO participant SELECT 'case-' || n, CASE WHEN n % 20 = 0 THEN 'nhs-trust' ELSE 'other' END,"
            " 'referrer', '2026-01-01', NULL FROM generate_series(1, 20000) AS n"
        )
    administrator = await asyncpg.connect(database.dsn())
    await administrator.execute("ANALYZE cluster_router.case_file, cluster_router.participant")
    await administrator.close()
    async with router.runtime.transaction() as tx:
        start = (await tx.rows("SELECT min(opened_at) AS at FROM case_file"))[0]["at"]
        for caller in CALLERS:
            for wanted in (Wanted(), Wanted(cluster="cluster-7"), Wanted(state="assigned"), Wanted("queued")):
                sql, arguments = assignments.listing(caller, wanted, on=tx.now.date(), after=(start, ""), limit=51)
                plan = [row[0] for row in await tx.rows(f"EXPLAIN {sql}", *arguments)]
                assert not any("Seq Scan on case_file" in line for line in plan), (caller.subject, wanted, plan)
                # A page is read off the index in its order: nothing is fetched to be sorted away.
                sorts = any("Sort" in line for line in plan)
                assert not sorts or caller.subject != "desk" or wanted.cluster or wanted.state == "queued", plan
