"""The inbox over HTTP: whose it is, what it says, what may be done with it."""

from typing import Any

import pytest
from integration.notifier.events import CLUSTER, REFERRING, a_case, assigned, cluster, desk, referrer, role
from schemas.event import Event
from schemas.notification import NotificationDelivered
from schemas.referral import CaseParticipantsChanged, Participant
from support.service import Served, signed_in

PEOPLE: tuple[Event, ...] = (
    cluster(),
    role("lead", "cluster-lead"),
    role("worker"),
    referrer("senco"),
    desk("desk"),
)


async def told(served: Served, *, people: tuple[Event, ...] = PEOPLE) -> str:
    case, events = a_case()
    await served.hear(*people, *events, assigned(case))
    return case


async def listed(served: Served, query: str = "", *, status: int = 200, **claims: Any) -> Any:
    answer = await served.client.get(f"/v1/notifications{query}", headers=signed_in(**claims))
    assert answer.status_code == status, answer.text
    return answer.json()


async def marked(served: Served, id: str, *, read: bool = True, status: int = 200, **claims: Any) -> Any:
    answer = await served.client.post(f"/v1/notifications/{id}/read", json={"read": read}, headers=signed_in(**claims))
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_an_inbox_is_its_owners(notifier: Served) -> None:
    case = await told(notifier)
    page = await listed(notifier, subject="worker", roles=["caseworker"])
    [item] = page["items"]
    href = f"/v1/notifications/{item['id']}"
    assert item == {
        "id": item["id"],
        "case_id": case,
        "reference": f"J-{case[-4:]}",
        "rule": "case-assigned",
        "why": "You work for the cluster that this concerns.",
        "text": f"Case J-{case[-4:]} has been given to your cluster and waits for you to accept it.",
        "at": item["at"],
        "read_at": None,
        "urgent": False,
        "covers": None,
        "cleared_at": None,
        "cleared_because": None,
        "claimed_by": None,
        "claimed_at": None,
        "href": f"/cases/{case}",
        "actions": [
            {"name": "read", "method": "POST", "href": f"{href}/read", "allowed": True, "reason": None},
            {"name": "claim", "method": "POST", "href": f"{href}/claim", "allowed": True, "reason": None},
        ],
    }
    assert item["at"].endswith("Z")
    assert page["next"] is None
    assert (await listed(notifier, subject="nobody"))["items"] == []


async def test_nobody_without_a_token_reads_anything(notifier: Served) -> None:
    for path in ("/v1/notifications", "/v1/preferences", "/v1/notifications/tasks"):
        assert (await notifier.client.get(path)).status_code == 401


async def test_reading_is_the_delivery_and_is_said_once(notifier: Served) -> None:
    await told(notifier)
    [item] = (await listed(notifier, subject="worker"))["items"]
    read = await marked(notifier, item["id"], subject="worker")
    assert read["read_at"] is not None
    assert (await marked(notifier, item["id"], subject="worker"))["read_at"] == read["read_at"]
    assert (await marked(notifier, item["id"], read=False, subject="worker"))["read_at"] is None
    await marked(notifier, item["id"], subject="worker")
    [delivered] = await notifier.said(NotificationDelivered)
    assert isinstance(delivered, NotificationDelivered)
    assert (delivered.person_id, delivered.channel, delivered.notification_id) == ("worker", "in-app", item["id"])


async def test_a_line_of_somebody_else_is_not_there(notifier: Served) -> None:
    await told(notifier)
    [item] = (await listed(notifier, subject="worker"))["items"]
    theirs = await marked(notifier, item["id"], status=404, subject="lead")
    nobodys = await marked(notifier, "0190-none", status=404, subject="lead")
    for body in (theirs, nobodys):
        del body["instance"], body["correlation_id"]
    assert theirs == nobodys


async def test_what_is_read_leaves_the_unread(notifier: Served) -> None:
    await told(notifier)
    await told(notifier, people=())
    first, second = (await listed(notifier, "?unread=true", subject="worker"))["items"]
    await marked(notifier, first["id"], subject="worker")
    assert [i["id"] for i in (await listed(notifier, "?unread=true", subject="worker"))["items"]] == [second["id"]]
    assert len((await listed(notifier, subject="worker"))["items"]) == 2


async def test_pages_follow_each_other_without_a_gap_or_a_double(notifier: Served) -> None:
    cases = [await told(notifier, people=PEOPLE if n == 0 else ()) for n in range(5)]
    for query, claims in (
        ("", {"subject": "worker"}),
        (f"&cluster={CLUSTER}", {"subject": "x", "clusters": [CLUSTER]}),
    ):
        seen: list[str] = []
        cursor = ""
        while True:
            page = await listed(notifier, f"?limit=2{query}{cursor}", **claims)
            seen += [item["case_id"] for item in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert seen == list(reversed(cases))


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%00", "eyJ9"])
async def test_a_cursor_that_is_none_of_ours_is_refused(notifier: Served, cursor: str) -> None:
    await listed(notifier, f"?cursor={cursor}", status=400)


async def test_a_cursor_belongs_to_the_organisation_that_got_it(notifier: Served) -> None:
    await told(notifier)
    await told(notifier, people=())
    cursor = (await listed(notifier, "?limit=1", subject="worker"))["next"]
    await listed(notifier, f"?cursor={cursor}", status=400, subject="worker", organisation="another")


async def test_people_of_a_cluster_see_each_fact_once_and_when_somebody_read_it(notifier: Served) -> None:
    case = await told(notifier)
    team: dict[str, Any] = {"subject": "colleague", "clusters": [CLUSTER], "roles": ["caseworker"]}
    [item] = (await listed(notifier, f"?cluster={CLUSTER}", **team))["items"]
    assert (item["case_id"], item["rule"], item["read_at"]) == (case, "case-assigned", None)
    [own] = (await listed(notifier, subject="lead"))["items"]
    read = await marked(notifier, own["id"], subject="lead")
    [item] = (await listed(notifier, f"?cluster={CLUSTER}", **team))["items"]
    assert item["read_at"] == read["read_at"]
    assert (await listed(notifier, f"?cluster={CLUSTER}&unread=true", **team))["items"] == []


async def test_in_a_clusters_list_ones_own_line_can_be_marked(notifier: Served) -> None:
    await told(notifier)
    for person in ("lead", "worker"):
        who: dict[str, Any] = {"subject": person, "clusters": [CLUSTER]}
        [item] = (await listed(notifier, f"?cluster={CLUSTER}", **who))["items"]
        await marked(notifier, item["id"], **who)


async def test_another_clusters_list_is_not_there(notifier: Served) -> None:
    await told(notifier)
    await listed(notifier, f"?cluster={CLUSTER}", status=404, subject="x", clusters=["forest-primary"])
    await listed(notifier, "?cluster=no-such-cluster", status=404, subject="x", clusters=["forest-primary"])


@pytest.mark.parametrize(
    ("claims", "sees"),
    [
        ({"roles": ["agency-system"], "sector": "council", "organisation": "county-council"}, True),
        ({"roles": ["operator"]}, True),
        ({"roles": ["data-protection-officer"]}, True),
        ({"roles": ["cluster-lead"], "clusters": [CLUSTER]}, True),
        ({"roles": ["cluster-lead"], "clusters": ["forest-primary"]}, False),
        ({"roles": ["cluster-lead"], "organisation": "nhs-trust"}, True),
        ({"roles": ["caseworker"], "clusters": [CLUSTER]}, False),
        ({"roles": ["agency-system"], "sector": "health", "organisation": "nhs-trust"}, False),
        ({"roles": ["agency-system"], "organisation": REFERRING}, False),
    ],
)
async def test_what_was_told_of_a_case_is_seen_by_those_who_answer_for_it(
    notifier: Served, claims: dict[str, Any], sees: bool
) -> None:
    case = await told(notifier)
    taking_part = Participant(organisation_id="nhs-trust", sector="health", role="adviser", since="2026-01-01")  # type: ignore[arg-type]
    await notifier.hear(CaseParticipantsChanged(case_id=case, participants=(taking_part,)))
    page = await listed(notifier, f"?case={case}", status=200 if sees else 404, subject="x", **claims)
    if sees:
        # One line for each fact, however many people were told.
        assert len(page["items"]) == 1
    await listed(notifier, "?case=unknown", status=404, subject="x", **claims)


async def test_whoever_took_part_until_yesterday_sees_nothing_any_more(notifier: Served) -> None:
    case = await told(notifier)
    gone = Participant.model_validate(
        {"organisation_id": "t", "sector": "health", "role": "a", "since": "2026-01-01", "until": "2026-01-31"}
    )
    await notifier.hear(CaseParticipantsChanged(case_id=case, participants=(gone,)))
    await listed(notifier, f"?case={case}", status=404, subject="x", roles=["cluster-lead"], organisation="t")


@pytest.mark.parametrize("query", ["?case=%00", "?cluster=a%20b", "?limit=0", "?limit=201", "?unread=perhaps"])
async def test_a_parameter_that_makes_no_sense_is_named(notifier: Served, query: str) -> None:
    problem = await listed(notifier, query, status=422, roles=["operator"])
    assert problem["errors"][0]["pointer"].startswith("/query/")


async def test_a_cluster_and_a_case_at_once_make_no_sense(notifier: Served) -> None:
    problem = await listed(notifier, "?case=a&cluster=b", status=422, roles=["operator"])
    assert problem["errors"][0]["code"] == "one-list-at-a-time"


async def test_every_look_is_noted(notifier: Served) -> None:
    case = await told(notifier)
    await listed(notifier, f"?case={case}", subject="officer", roles=["data-protection-officer"])
    await listed(notifier, subject="worker")
    noted = await notifier.rows("SELECT actor, action, what, what_id, case_id FROM audit ORDER BY id")
    assert [(n["actor"], n["what_id"], n["case_id"]) for n in noted] == [
        ("officer", case, case),
        ("worker", "worker", None),
    ]


async def test_letters_can_be_switched_off_and_on_by_whoever_read_the_newest(notifier: Served) -> None:
    mine = signed_in(subject="worker")
    answer = await notifier.client.get("/v1/preferences", headers=mine)
    assert (answer.json()["email"], answer.headers["etag"]) == (True, '"0"')
    without = await notifier.client.put("/v1/preferences", json={"email": False}, headers=mine)
    assert without.status_code == 428
    off = await notifier.client.put("/v1/preferences", json={"email": False}, headers=mine | {"If-Match": '"0"'})
    assert (off.status_code, off.json()["email"], off.headers["etag"]) == (200, False, '"1"')
    stale = await notifier.client.put("/v1/preferences", json={"email": True}, headers=mine | {"If-Match": '"0"'})
    assert stale.status_code == 412
    await told(notifier)
    letters = await notifier.rows("SELECT person_id FROM letter_item ORDER BY person_id")
    assert [row["person_id"] for row in letters] == ["lead", "senco"]
    on = await notifier.client.put("/v1/preferences", json={"email": True}, headers=mine | {"If-Match": '"1"'})
    assert on.headers["etag"] == '"2"'


@pytest.mark.parametrize("body", [{}, {"email": "yes"}, {"email": 1}, {"email": True, "sms": True}, {"email": None}])
async def test_a_wish_that_says_something_else_is_refused(notifier: Served, body: dict[str, Any]) -> None:
    headers = signed_in(subject="worker") | {"If-Match": '"0"'}
    answer = await notifier.client.put("/v1/preferences", json=body, headers=headers)
    assert answer.status_code == 422


async def test_the_desk_sees_what_keeps_people_from_being_told_until_it_is_done(notifier: Served) -> None:
    await told(notifier, people=(desk("desk"),))
    council = {"sector": "council", "roles": ["caseworker"], "subject": "desk", "organisation": "county-council"}
    answer = await notifier.client.get("/v1/notifications/tasks", headers=signed_in(**council))
    tasks = answer.json()["items"]
    assert [(t["kind"], t["place"], t["facts"], t["reason"]) for t in tasks] == [
        ("unclaimed", f"cluster:{CLUSTER}", 1, "nobody-in-the-role"),
        ("unclaimed", f"organisation:{REFERRING}", 1, "nobody-in-the-role"),
    ]
    done = f"/v1/notifications/tasks/{tasks[0]['id']}/done"
    assert (await notifier.client.post(done, headers=signed_in(**council))).status_code == 204
    assert (await notifier.client.post(done, headers=signed_in(**council))).status_code == 404
    left = await notifier.client.get("/v1/notifications/tasks", headers=signed_in(**council))
    assert len(left.json()["items"]) == 1
    await told(notifier, people=())
    back = await notifier.client.get("/v1/notifications/tasks", headers=signed_in(**council))
    assert len(back.json()["items"]) == 2


@pytest.mark.parametrize(
    "claims", [{"roles": ["caseworker"], "sector": "education"}, {"roles": ["agency-system"], "sector": "council"}]
)
async def test_the_desks_tasks_are_the_desks(notifier: Served, claims: dict[str, Any]) -> None:
    answer = await notifier.client.get("/v1/notifications/tasks", headers=signed_in(**claims))
    assert answer.status_code == 403
