"""Subscriptions: self-service under an agreement, and never beyond it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from chassis.clock import BusinessClock, wall_now
from chassis.settings import Settings
from exchange.app import SERVICE
from integration.exchange.house import (
    AGREEMENT,
    CARE,
    OFFICER,
    SCHOOL,
    TRUST,
    a_case,
    act,
    agree,
    assigned,
    read_all,
    said,
    subscribe,
    taking_part,
)
from schemas.directory import OrganisationChanged
from schemas.exchange import SubscriptionStopped
from support.database import Copy
from support.service import Served, keyed, serving, signed_in


async def post(exchange: Served, body: dict[str, Any], caller: dict[str, str] = TRUST) -> tuple[int, dict[str, Any]]:
    answer = await exchange.client.post("/v1/subscriptions", json=body, headers=caller | keyed())
    return answer.status_code, answer.json()


def pointers(problem: dict[str, Any]) -> list[str]:
    return [error["pointer"] for error in problem["errors"]]


async def test_only_an_officer_records_agreements_and_others_see_their_own(exchange: Served) -> None:
    refused = await exchange.client.post("/v1/subscriptions/agreements", json=AGREEMENT, headers=TRUST | keyed())
    assert refused.status_code == 403
    await agree(exchange, **AGREEMENT | {"id": "care", "organisation_id": "social-care", "sector": "social-care"})
    seen = await exchange.client.get("/v1/subscriptions/agreements", headers=TRUST)
    assert [one["id"] for one in seen.json()["items"]] == ["trust"]
    assert (await exchange.client.get("/v1/subscriptions/agreements/care", headers=TRUST)).status_code == 404
    everybody = await exchange.client.get("/v1/subscriptions/agreements", headers=OFFICER)
    assert [one["id"] for one in everybody.json()["items"]] == ["care", "trust"]
    twice = await exchange.client.post("/v1/subscriptions/agreements", json=AGREEMENT, headers=OFFICER | keyed())
    assert (twice.status_code, twice.json()["title"]) == (409, "Agreement known")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"purposes": ["fishing"]}, "/purposes/0"),
        ({"bases": ["whim"]}, "/bases/0"),
        ({"until": "2026-08-01"}, "/until"),
        ({"sector": "police"}, "/sector"),
    ],
)
async def test_an_agreement_that_cannot_be_names_the_field(
    exchange: Served, change: dict[str, Any], pointer: str
) -> None:
    terms = AGREEMENT | {"id": "other"} | change
    answer = await exchange.client.post("/v1/subscriptions/agreements", json=terms, headers=OFFICER | keyed())
    assert (answer.status_code, pointers(answer.json())) == (422, [pointer])


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"agreement": "nobodys"}, "Not agreed", "/agreement"),
        ({"purposes": ["early-funding"]}, "Not agreed", "/purposes/0"),
        ({"bases": ["vital-interests"]}, "Not agreed", "/bases/0"),
        ({"until": "2030-01-01"}, "Not agreed", "/until"),
        ({"filter": {"types": ["jointly.funding.paid.v1"]}}, "Invalid", "/filter/types/0"),
        ({"filter": {"types": ["jointly.person.changed.v1"]}}, "Invalid", "/filter/types/0"),
        ({"delivery": {"way": "webhook"}}, "Invalid", "/delivery/url"),
        ({"delivery": {"way": "sse", "url": "https://a.example/"}}, "Invalid", "/delivery/url"),
        ({"delivery": {"way": "webhook", "url": "https://user@a.example/"}}, "Bad address", "/delivery/url"),
        ({"delivery": {"way": "webhook", "url": "http://169.254.169.254/"}}, "Bad address", "/delivery/url"),
    ],
)
async def test_a_subscription_beyond_its_agreement_is_refused_and_names_the_field(
    exchange: Served, change: dict[str, Any], code: str, pointer: str
) -> None:
    status, problem = await post(exchange, {"agreement": "trust", "delivery": {"way": "http-feed"}} | change)
    assert (status, problem["title"], pointers(problem)) == (422, code, [pointer])


async def test_another_agencys_subscription_is_not_there_and_its_agreement_cannot_be_used(exchange: Served) -> None:
    made = await subscribe(exchange)
    path = f"/v1/subscriptions/{made['id']}"
    for method, where in (("GET", ""), ("GET", "/health"), ("GET", "/deliveries"), ("GET", "/replays"), ("DELETE", "")):
        answer = await exchange.client.request(method, path + where, headers=CARE | {"If-Match": '"1"'})
        assert answer.status_code == 404, where
    for where in ("/pause", "/test", "/keys", "/redrive"):
        answer = await exchange.client.post(path + where, json={}, headers=CARE | keyed() | {"If-Match": '"1"'})
        assert answer.status_code == 404, where
    assert (await exchange.client.get(f"/v1/events?subscription={made['id']}", headers=CARE)).status_code == 404
    assert (await exchange.client.get(f"/v1/events/stream?subscription={made['id']}", headers=CARE)).status_code == 404
    assert (await exchange.client.get("/v1/subscriptions", headers=CARE)).json()["items"] == []
    status, problem = await post(exchange, {"agreement": "trust", "delivery": {"way": "http-feed"}}, CARE)
    assert (status, problem["title"]) == (422, "Not agreed")


async def test_what_may_be_done_is_listed_and_changes_need_the_version_read(exchange: Served) -> None:
    made = await subscribe(exchange)
    path = f"/v1/subscriptions/{made['id']}"
    allowed = {action["name"] for action in made["actions"] if action["allowed"]}
    assert allowed == {"pause", "test", "replay", "change", "end"}
    assert (await exchange.client.post(f"{path}/pause", json={}, headers=TRUST)).status_code == 428
    stale = await exchange.client.post(f"{path}/pause", json={}, headers=TRUST | {"If-Match": '"7"'})
    assert stale.status_code == 412
    paused = await act(exchange, made["id"], "pause")
    assert paused.json()["state"] == "paused"
    assert (await act(exchange, made["id"], "pause")).json()["title"] == "Out of turn"
    assert (await act(exchange, made["id"], "resume")).json()["state"] == "active"
    seen = await exchange.client.get(path, headers=OFFICER)
    assert {action["reason"] for action in seen.json()["actions"]} == {"Only its organisation may."}


async def test_a_filter_narrows_and_can_be_changed(exchange: Served) -> None:
    made = await subscribe(exchange, filter={"types": ["jointly.case.opened.v1"], "needs": ["SLCN"]})
    await exchange.hear(*a_case(needs=["SEMH"]), *a_case(needs=["SEMH", "SLCN"]))
    [event] = await read_all(exchange, made["id"])
    assert [need["type"] for need in event["data"]["circumstances"]["needs"]] == ["SEMH", "SLCN"]
    changed = await act(exchange, made["id"], "PATCH", {"filter": {"schools": ["115482"], "clusters": ["north"]}})
    assert changed.json()["filter"]["schools"] == ["115482"]
    events = a_case()
    await exchange.hear(*events, assigned(events[0].subject, "south"), assigned(events[0].subject, "north", 2))
    assert [e["data"].get("cluster_id") for e in await read_all(exchange, made["id"])][1:] == ["north"]


async def test_a_school_hears_of_its_own_cases_and_of_no_others(exchange: Served) -> None:
    terms = AGREEMENT | {"id": "mis", "organisation_id": "school-115482", "sector": "education", "county_wide": False}
    await agree(exchange, **terms)
    made = await subscribe(exchange, caller=SCHOOL, agreement="mis")
    own, other = a_case(), a_case(("school-100001", "education"), sender="school-100001")
    await exchange.hear(*own, *other)
    assert {event["subject"] for event in await read_all(exchange, made["id"], SCHOOL)} == {own[0].subject}


async def test_a_subscription_hears_on_the_bases_agreed_alone(exchange: Served) -> None:
    made = await subscribe(exchange, bases=["consent"])
    first, second = a_case(basis="public-task"), a_case(basis="consent")
    await exchange.hear(*first, *second)
    assert {event["subject"] for event in await read_all(exchange, made["id"])} == {second[0].subject}


async def test_it_stops_by_itself_when_the_agreement_lapses_and_goes_on_when_it_is_renewed(
    exchange: Served, clock: BusinessClock
) -> None:
    made = await subscribe(exchange)
    await exchange.hear(*a_case())
    clock.simulate(datetime(2027, 8, 31, 22, 59, tzinfo=UTC), anchor=wall_now(), rate=1.0)
    assert await exchange.runtime.deadlines().fire() == 0
    clock.simulate(datetime(2027, 8, 31, 23, 1, tzinfo=UTC), anchor=wall_now(), rate=1.0)
    while await exchange.runtime.deadlines().fire():
        pass
    seen = (await exchange.client.get(f"/v1/subscriptions/{made['id']}", headers=TRUST)).json()
    assert seen["state"] == "suspended"
    assert seen["reason"] in {"agreement-ended", "subscription-ended"}
    assert len(await said(exchange, SubscriptionStopped)) == 1
    await exchange.hear(*a_case())
    assert await read_all(exchange, made["id"]) == [], "neither what comes nor what came"
    assert (await act(exchange, made["id"], "resume")).json()["title"] == "No right"
    longer = await exchange.client.patch(
        "/v1/subscriptions/agreements/trust", json={"until": "2028-08-31"}, headers=OFFICER | {"If-Match": '"1"'}
    )
    assert longer.json()["in_force"] is True
    assert (await act(exchange, made["id"], "PATCH", {"until": "2028-01-01"})).status_code == 200
    assert (await act(exchange, made["id"], "resume")).json()["state"] == "active"
    events = a_case()
    await exchange.hear(*events)
    assert {event["subject"] for event in await read_all(exchange, made["id"])} >= {events[0].subject}


async def test_an_agreement_that_is_ended_today_stops_everything_that_rests_on_it(exchange: Served) -> None:
    made = await subscribe(exchange)
    answer = await exchange.client.patch(
        "/v1/subscriptions/agreements/trust", json={"until": "2026-11-22"}, headers=OFFICER | {"If-Match": '"1"'}
    )
    assert answer.json()["in_force"] is False
    seen = (await exchange.client.get(f"/v1/subscriptions/{made['id']}", headers=TRUST)).json()
    assert (seen["state"], seen["reason"]) == ("suspended", "agreement-ended")


async def test_an_organisation_that_left_hears_nothing_more(exchange: Served) -> None:
    made = await subscribe(exchange)
    gone = OrganisationChanged(
        organisation_id="nhs-trust", name="The trust", sector="health", kind="nhs-trust", active=False
    )
    await exchange.hear(gone)
    await exchange.hear(*a_case())
    assert (await exchange.client.get(f"/v1/subscriptions/{made['id']}", headers=TRUST)).json()["state"] == "suspended"
    assert await exchange.rows("SELECT 1 FROM entry WHERE stream_id = $1", made["id"]) == []


async def test_it_ends_and_what_was_told_stays_in_the_ledger(exchange: Served) -> None:
    made = await subscribe(exchange)
    await exchange.hear(*a_case())
    assert (await act(exchange, made["id"], "DELETE")).json()["state"] == "ended"
    assert len(await exchange.rows("SELECT 1 FROM entry WHERE stream_id = $1", made["id"])) == 3
    assert await exchange.rows("SELECT 1 FROM interest WHERE stream_id = $1", made["id"]) == []
    assert (await act(exchange, made["id"], "resume")).json()["title"] == "Out of turn"


async def test_a_topic_of_its_own_for_an_agreement(exchange: Served) -> None:
    made = await subscribe(exchange, way="kafka")
    assert made["delivery"]["topic"] == "agreement-trust-feed"
    status, problem = await post(exchange, {"agreement": "trust", "delivery": {"way": "kafka"}})
    assert (status, problem["title"]) == (409, "Conflict")
    events = a_case()
    await exchange.hear(*events)
    rows = await exchange.rows("SELECT * FROM outbox WHERE topic = 'agreement-trust-feed' ORDER BY id")
    assert [row["sequence"] for row in rows] == [1, 2, 3]
    assert {row["source"] for row in rows} == {"/exchange/agreement-trust-feed"}


async def test_the_sharing_rules_are_listed_for_everybody_signed_in(exchange: Served) -> None:
    answer = await exchange.client.get("/v1/subscriptions/rules", headers=signed_in(roles=("referrer",)))
    rules = answer.json()
    assert rules["version"] == "2026-09"
    assert all(rule["why"].endswith(".") for rule in rules["items"])
    opened = [rule for rule in rules["items"] if rule["type"] == "jointly.case.opened.v1"]
    assert {sector for rule in opened for sector in rule["sectors"]} == {"education", "health", "social-care"}
    assert not any("home" in field for rule in rules["items"] for field in rule["fields"])


async def test_in_production_a_receiver_inside_is_refused(database: Copy, clock: BusinessClock) -> None:
    settings = SERVICE.settings(env="production", **Settings().model_dump(include={"state"}))
    async with serving(SERVICE, database, clock=clock, settings=settings) as exchange:
        await agree(exchange, **AGREEMENT)
        for url in (
            "https://127.0.0.1/", "https://10.0.0.1/", "https://[::1]/", "https://localhost/", "https://2130706433/",
            "https://0x7f.1/", "https://0177.0.0.1/", "https://[::ffff:127.0.0.1]/", "http://a.example/",
            "https://a.example:8000/",
        ):  # fmt: skip
            status, problem = await post(exchange, {"agreement": "trust", "delivery": {"way": "webhook", "url": url}})
            assert (status, problem["title"]) == (422, "Bad address"), url


async def test_nobody_is_told_of_a_case_in_which_only_the_council_takes_part(exchange: Served) -> None:
    made = await subscribe(exchange)
    events = a_case(("county-council", "council"))
    await exchange.hear(*events)
    assert await read_all(exchange, made["id"]) == []
    await exchange.hear(taking_part(events[0].subject, ("gp-1", "health")))
    [event] = await read_all(exchange, made["id"])
    assert event["type"] == "jointly.case.participants-changed.v1"
