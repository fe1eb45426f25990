"""The README's way through every process: a referral, its case, its cluster, its messages, its timeline."""

import asyncio
import itertools
import re
from collections import Counter
from email import message_from_bytes, policy
from typing import Any, Final

from chassis.clock import new_id, wall_now, wall_seconds
from e2e.house import PATIENCE, Callers, NeverHappened, assigned, at_rest, letters, start_again, told
from support.agency import Answer, a_referral
from support.host import Host

SCHOOL: Final = "school-115482"
LEAD: Final = "Cluster lead, Gloucester primary"
SENCO: Final = "SENCO, school 115482"
#: Every child is somebody else.
_numbers = itertools.count(1)


def a_child(**child: Any) -> dict[str, Any]:
    return a_referral(next(_numbers), today=wall_now().date(), **child)


def personal(body: dict[str, Any]) -> list[str]:
    """What would tell who the child is."""
    child = body["child"]
    number = child["nhs_number"]
    return [
        child["given_name"], child["family_name"], child["date_of_birth"], child["postcode"],
        number, f"{number[:3]} {number[3:6]} {number[6:]}", child["school_urn"], body["concern"]["summary"],
        body["needs"][0]["type"],
    ]  # fmt: skip


async def a_referral_on_its_way(known: Callers, **child: Any) -> tuple[dict[str, Any], Answer]:
    """A new child's referral by the school, and the answer to it."""
    body = a_child(**child)
    answer = await (await known.agency(SCHOOL)).refer(body)
    assert answer.status == 201, answer
    return body, answer


async def test_a_referral_is_answered_with_its_place_its_version_and_what_can_be_done_next(known: Callers) -> None:
    school = await known.agency(SCHOOL)
    _, answer = await a_referral_on_its_way(known)
    assert answer.headers["location"] == f"/v1/referrals/{answer.body['referral_id']}"
    assert answer.headers["etag"] == '"1"'
    assert answer.body["status"] == "submitted"
    assert re.fullmatch(r"[0-9A-Z]{3}-[0-9A-Z]{3}-[0-9A-Z]{3}", answer.body["reference"])
    allowed = {action["name"]: action for action in answer.body["actions"] if action["allowed"]}
    assert {"amend", "withdraw", "read-case", "read-timeline"} <= allowed.keys()
    for name in ("read-case", "read-timeline"):
        assert (await school.get(allowed[name]["href"])).status == 200
    read = await school.get(answer.headers["location"])
    assert (read.status, read.headers["etag"]) == (200, '"1"')


async def test_a_case_goes_to_the_cluster_of_the_childs_school_with_reasons_and_a_sentence(known: Callers) -> None:
    school = await known.agency(SCHOOL)
    _, answer = await a_referral_on_its_way(known)
    found = (await assigned(school, answer.body["case_id"])).body
    assert (found["state"], found["cluster_id"]) == ("assigned", "gloucester-primary")
    assert found["reference"] == answer.body["reference"]
    assert found["reasons"] == ["school-member"]
    assert "Gloucester primary because" in found["sentence"]
    assert found["holder"]["kind"] == "cluster"
    assert found["trace"]["chosen"] == "gloucester-primary"


async def test_the_case_shows_its_assignment_and_who_takes_part(known: Callers, host: Host, event_log: str) -> None:
    school = await known.agency(SCHOOL)
    _, answer = await a_referral_on_its_way(known)
    await at_rest(host, event_log)
    case = (await school.get(f"/v1/cases/{answer.body['case_id']}")).body
    assert case["assignment"]["state"] == "assigned"
    assert case["assignment"]["cluster_name"] == "Gloucester primary"
    roles = {row["role"]: row["organisation_id"] for row in case["participants"] if row["until"] is None}
    assert roles["referrer"] == SCHOOL
    assert roles["holder"] == case["assignment"]["organisation_id"]


async def test_the_cluster_lead_is_told_once_by_reference_and_nothing_of_the_child(
    known: Callers, host: Host, event_log: str
) -> None:
    body, answer = await a_referral_on_its_way(known)
    await at_rest(host, event_log)
    lines = [line for line in await (await known.person(LEAD)).inbox() if line["case_id"] == answer.body["case_id"]]
    assert [line["rule"] for line in lines] == ["case-assigned"]
    assert answer.body["reference"] in lines[0]["text"]
    assert not [word for word in personal(body) if word in str(lines)]
    elsewhere = await (await known.person("Cluster lead, Stroud primary")).inbox()
    assert answer.body["case_id"] not in {line["case_id"] for line in elsewhere}


async def letters_about(host: Host, reference: str, *, to: str) -> list[str]:
    """The letters to somebody about a case, decoded, as soon as there is one."""
    ends = wall_seconds() + PATIENCE
    while wall_seconds() < ends:
        found = []
        for content in letters(host.state):
            letter = message_from_bytes(content, policy=policy.default)
            if reference in letter["Subject"] and letter["To"] == to:
                body = letter.get_body()
                assert body is not None
                found.append(f"{content.decode()}\n{body.get_content()}")
        if found:
            return found
        await asyncio.sleep(0.1)
    raise NeverHappened(f"No letter to {to} about {reference}.")


async def test_the_cluster_lead_gets_one_letter_and_it_names_nobody(known: Callers, host: Host) -> None:
    body, answer = await a_referral_on_its_way(known)
    found = await letters_about(host, answer.body["reference"], to="cluster-lead-gloucester-primary@schools.example")
    assert len(found) == 1
    assert not [word for word in personal(body) if word in found[0]]


async def test_the_timeline_tells_what_every_service_did_in_order_and_in_plain_words(
    known: Callers, host: Host, event_log: str
) -> None:
    school = await known.agency(SCHOOL)
    body, answer = await a_referral_on_its_way(known)
    await at_rest(host, event_log)
    entries = [entry async for entry in school.items(f"/v1/cases/{answer.body['case_id']}/timeline")]
    assert {entry["source"] for entry in entries} == {"/referral-api", "/cluster-router", "/notifier"}
    first = {entry["type"]: place for place, entry in reversed(list(enumerate(entries)))}
    way = [
        first[f"jointly.{name}.v1"]
        for name in ("referral.submitted", "case.opened", "case.assigned", "notification.sent")
    ]
    assert way == sorted(way)
    for source in ("/referral-api", "/cluster-router"):
        sequences = [entry["sequence"] for entry in entries if entry["source"] == source]
        assert sequences == list(range(1, len(sequences) + 1)), source
    # One line for each thing that people were told, however many they are.
    told = [entry for entry in entries if entry["type"] == "jointly.notification.sent.v1"]
    assert all(entry["people"] >= 1 for entry in told)
    assert any(entry["people"] > 1 for entry in told)
    reasons = (await assigned(school, answer.body["case_id"])).body["reasons"]
    for entry in entries:
        assert re.fullmatch(r"[A-Z0-9].*\.", entry["text"]), entry
        assert not [code for code in (*reasons, "{", "None", "jointly.") if code in entry["text"]], entry
        assert not [word for word in personal(body) if word in entry["text"]], entry


async def test_a_cluster_takes_a_case_on_and_the_referrer_hears_of_it(
    known: Callers, host: Host, event_log: str
) -> None:
    lead, senco = await known.person(LEAD), await known.person(SENCO)
    _, answer = await a_referral_on_its_way(known)
    case_id = answer.body["case_id"]
    await at_rest(host, event_log)
    seen = await lead.get(f"/v1/assignments/{case_id}")
    accept = next(action for action in seen.body["actions"] if action["name"] == "accept")
    assert accept["allowed"]
    taken = await lead.post(accept["href"], {}, if_match=seen.headers["etag"])
    assert (taken.status, taken.body["state"]) == (200, "accepted")
    assert len(await told(senco, case_id, "referral-accepted")) == 1
    await at_rest(host, event_log)
    assert Counter(line["rule"] for line in await senco.inbox() if line["case_id"] == case_id) == {
        "referral-placed": 1,
        "referral-accepted": 1,
    }
    assert (await senco.get(f"/v1/cases/{case_id}")).body["assignment"]["state"] == "accepted"


async def test_a_retry_with_the_same_key_is_answered_as_the_first(known: Callers) -> None:
    school, body, key = await known.agency(SCHOOL), a_child(), new_id()
    first = await school.refer(body, key=key)
    again = await school.refer(body, key=key)
    assert (again.status, again.body) == (first.status, first.body)
    assert (again.headers["location"], again.headers["etag"]) == (first.headers["location"], first.headers["etag"])
    assert again.headers["idempotency-replayed"] == "true"
    other = await school.refer(a_child(), key=key)
    assert (other.status, other.code) == (422, "idempotency-key-reused")
    sent = [row async for row in school.items("/v1/referrals", reference=body["referrer"]["reference"])]
    assert len(sent) == 1


async def test_another_agencys_referral_of_the_same_child_joins_the_case_and_cannot_tell(
    known: Callers, host: Host, event_log: str
) -> None:
    trust = await known.agency("nhs-trust")
    body, first = await a_referral_on_its_way(known)
    # The notifier hears of the assignment a moment after the router has said it.
    await at_rest(host, event_log)
    second = await trust.refer({**body, "referrer": {"name": "Nurse", "role": "Nurse", "reference": "N-1"}})
    unknown = await trust.refer(a_child())
    assert second.status == unknown.status == 201
    assert second.body["case_id"] == first.body["case_id"] != unknown.body["case_id"]
    assert second.body["referral_id"] != first.body["referral_id"]

    def shape(answer: Answer) -> object:
        own = {answer.body["case_id"], answer.body["referral_id"], answer.body["reference"]}
        text = str([answer.body, sorted(answer.headers.keys() - {"date"})])
        for word in own:
            text = text.replace(word, "…")
        return text

    assert shape(second) == shape(unknown)
    await at_rest(host, event_log)
    lines = [
        line["rule"] for line in await (await known.person(LEAD)).inbox() if line["case_id"] == first.body["case_id"]
    ]
    assert sorted(lines) == ["case-assigned", "referral-joined"]


async def test_a_stranger_finds_what_nobody_ever_made(known: Callers, host: Host, event_log: str) -> None:
    stranger = await known.agency(
        next(
            row["organisation"]
            for row in host.credentials()["systems"]
            if row["organisation"].startswith("school-") and row["organisation"] not in {SCHOOL, "school-900012"}
        )
    )
    _, answer = await a_referral_on_its_way(known)
    await at_rest(host, event_log)
    case_id, referral_id, nothing = answer.body["case_id"], answer.body["referral_id"], new_id()
    for path, id in (
        ("/v1/cases/{}", case_id),
        ("/v1/cases/{}/timeline", case_id),
        ("/v1/assignments/{}", case_id),
        ("/v1/referrals/{}", referral_id),
    ):
        there, not_there = await stranger.get(path.format(id)), await stranger.get(path.format(nothing))
        assert there.status == not_there.status == 404, path
        for said in (there, not_there):
            said.body.pop("instance")
            said.body.pop("correlation_id")
        assert there.body == not_there.body, path
    assert case_id not in {row["case_id"] async for row in stranger.items("/v1/cases")}


async def test_a_withdrawn_referral_ends_and_its_cluster_is_told(known: Callers, host: Host, event_log: str) -> None:
    school, lead = await known.agency(SCHOOL), await known.person(LEAD)
    _, answer = await a_referral_on_its_way(known)
    await at_rest(host, event_log)
    path = answer.headers["location"]
    stale = await school.post(f"{path}/withdraw", {"reason": "needs-met"}, if_match='"7"')
    assert (stale.status, stale.code) == (412, "stale")
    withdrawn = await school.post(f"{path}/withdraw", {"reason": "needs-met"}, if_match=answer.headers["etag"])
    assert (withdrawn.status, withdrawn.body["status"]) == (200, "withdrawn")
    assert (await school.get(path)).body["status"] == "withdrawn"
    assert len(await told(lead, answer.body["case_id"], "referral-withdrawn")) == 1


async def test_a_house_that_was_stopped_goes_on_where_it_was(known: Callers, host: Host, event_log: str) -> None:
    school, lead, key = await known.agency(SCHOOL), await known.person(LEAD), new_id()
    body = a_child()
    first = await school.refer(body, key=key)
    await at_rest(host, event_log)
    before = await remembered(known, first.body["case_id"])
    # Taken just before the end: whatever is not done by then is done afterwards.
    late = await school.refer(a_child())
    assert host.stop() == 0
    start_again(host, event_log)
    await at_rest(host, event_log)
    after = await remembered(known, first.body["case_id"])
    assert after == before
    replayed = await school.refer(body, key=key)
    assert replayed.body == first.body
    assert replayed.headers["idempotency-replayed"] == "true"
    for answer in (late, await school.refer(a_child())):
        await assigned(school, answer.body["case_id"])
        assert len(await told(lead, answer.body["case_id"], "case-assigned")) == 1
    await at_rest(host, event_log)
    lines = Counter((line["case_id"], line["rule"]) for line in await lead.inbox() if line["case_id"])
    assert {pair: times for pair, times in lines.items() if times > 1} == {}
    sent = Counter(
        (letter["To"], letter["Subject"])
        for letter in (message_from_bytes(content, policy=policy.default) for content in letters(host.state))
    )
    assert {pair: times for pair, times in sent.items() if times > 1} == {}
    assert "Nothing waits." in host.command("dead-letters", "list")


async def remembered(known: Callers, case_id: str) -> dict[str, object]:
    """What a case looks like to those who take part in it."""
    school, lead = await known.agency(SCHOOL), await known.person(LEAD)
    return {
        "case": (await school.get(f"/v1/cases/{case_id}")).body,
        "assignment": (await lead.get(f"/v1/assignments/{case_id}")).body,
        "inbox": [line for line in await lead.inbox() if line["case_id"] == case_id],
        "facts": [
            entry["id"]
            async for entry in school.items(f"/v1/cases/{case_id}/timeline")
            if entry["source"] != "/notifier"
        ],
    }
