"""Families: a link that expires and asks for a second fact, what they say by it, and whom nobody may write to."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from chassis.clock import BusinessClock, wall_now
from integration.notifier.events import CLUSTER, a_case, assigned, calendar, role
from integration.notifier.mail import MailHost
from integration.notifier.stub import KEY, Notify
from integration.notifier.test_channels import by_notify, receipt, send
from integration.notifier.test_post import a_round
from notifier.app import SERVICE
from notifier.domain.post import Answer
from notifier.settings import Settings
from pydantic import SecretStr
from schemas.assessment import AssessmentOpened
from schemas.notification import NotificationEvent
from schemas.referral import CaseErased
from schemas.routing import CaseAccepted
from support.database import Copy
from support.service import Served, keyed, serving, signed_in

WORKER: dict[str, Any] = {"subject": "worker", "roles": ["caseworker"], "clusters": [CLUSTER]}
ADDRESS = "carer@family.example"
FACT = "The blue canal boat"


class Time(BusinessClock):
    """Business time that a test sets."""

    def go_to(self, at: datetime) -> None:
        self.simulate(at, anchor=wall_now(), rate=0)


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@asynccontextmanager
async def posting(database: Copy, **settings: Any) -> AsyncIterator[tuple[Served, MailHost, Time, str]]:
    host, time = MailHost(), Time()
    time.go_to(NOON)
    async with host.listening():
        chosen = Settings(
            smtp_url=SecretStr(host.url()), mail_from="jointly@county.example", post_at_once=False, **settings
        )
        async with serving(SERVICE, database, clock=time, settings=chosen) as served:
            case, events = a_case()
            await served.hear(role("worker"), *events, assigned(case))
            await served.hear(
                CaseAccepted(case_id=case, cluster_id=CLUSTER, organisation_id="x", accepted_by="worker"),
                AssessmentOpened(
                    case_id=case, assessment_id="a", cluster_id=CLUSTER, organisation_id="x", needs=("SEMH",),
                    disciplines=(),
                ),
            )  # fmt: skip
            await served.rows("DELETE FROM letter_item")
            yield served, host, time, case


async def invite(served: Served, case: str, *, status: int = 201, key: str | None = None, **changes: Any) -> Any:
    who = changes.pop("who", WORKER)
    body = {
        "case_id": case, "contact_id": "contact-1", "channel": "email", "address": ADDRESS, "second_fact": FACT,
        **changes,
    }  # fmt: skip
    answer = await served.client.post(
        "/v1/notifications/family-links", json=body, headers=signed_in(**who) | keyed(key)
    )
    assert answer.status_code == status, answer.text
    return answer.json()


async def token_sent(served: Served, host: MailHost) -> str:
    """The token in the newest message to the family."""
    assert await a_round(served).next_letter() is Answer.ACCEPTED
    recipient, letter = host.taken[-1]
    assert recipient == ADDRESS
    payload = letter.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().partition("/family/")[2].split()[0]


async def opened(served: Served, token: str, *, status: int = 200, fact: str = FACT, **said: Any) -> Any:
    answer = await served.client.post(f"/v1/notifications/family/{token}", json={"second_fact": fact, **said})
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_family_sees_how_things_go_in_plain_words_and_nobodys_name(database: Copy) -> None:
    async with posting(database) as (served, host, _, case):
        made = await invite(served, case)
        assert (made["state"], made["message"]) == ("working", "waiting")
        assert ADDRESS not in json.dumps(made)
        token = await token_sent(served, host)
        seen = await opened(served, token, fact="  the BLUE canal  boat ")
        assert [stage["code"] for stage in seen["stages"]] == ["received", "with-team", "taken-on", "assessing"]
        assert seen["stages"][-1]["text"] == "The team is finding out what would help."
        assert case not in json.dumps(seen)
        letter = host.taken[0][1]
        assert case not in letter.as_string()
        assert f"J-{case[-4:]}" not in letter.as_string()
        listed = await served.client.get(f"/v1/notifications/family-links?case={case}", headers=signed_in(**WORKER))
        assert [item["message"] for item in listed.json()["items"]] == ["sent"]


async def test_the_address_is_sealed_until_the_message_has_gone_and_forgotten_then(database: Copy) -> None:
    async with posting(database) as (served, host, _, case):
        await invite(served, case)
        [row] = await served.rows("SELECT sealed, fact_hash, token_hash FROM family_link")
        assert row["sealed"] is not None
        assert ADDRESS.encode() not in row["sealed"]
        token = await token_sent(served, host)
        [row] = await served.rows("SELECT * FROM family_link")
        assert row["sealed"] is None
        everything = json.dumps(
            [
                {name: str(value) for name, value in each.items()}
                for table in ("family_link", "letter", "letter_item", "attempt", "outbox", "idempotency", "audit")
                for each in await served.rows(f"SELECT * FROM {table}")
            ]
        )
        for secret in (ADDRESS, token, FACT, "canal"):
            assert secret not in everything
        # No person of the directory: the house is told nothing of it.
        assert [e for e in await served.said() if isinstance(e, NotificationEvent) and "family" in e.person_id] == []


async def test_a_retry_with_the_same_key_sends_no_second_link(database: Copy) -> None:
    async with posting(database) as (served, _, _, case):
        first = await invite(served, case, key="the-same-key")
        assert (await invite(served, case, key="the-same-key"))["id"] == first["id"]
        assert len(await served.rows("SELECT 1 FROM family_link")) == 1


async def test_wrong_answers_are_counted_also_when_many_come_at_once(database: Copy) -> None:
    async with posting(database) as (served, host, _, case):
        await invite(served, case)
        token = await token_sent(served, host)
        await opened(served, token, fact="wrong", status=404)
        await opened(served, token)
        # The right answer made the mistake good: five again, whoever asks how many at a time.
        answers = await asyncio.gather(*(opened(served, token, fact=f"guess {n}", status=404) for n in range(12)))
        assert len({answer["detail"] for answer in answers}) == 1
        await opened(served, token, status=404)
        listed = await served.client.get(f"/v1/notifications/family-links?case={case}", headers=signed_in(**WORKER))
        assert [item["state"] for item in listed.json()["items"]] == ["locked"]


async def test_a_link_ends_by_its_time_or_by_whoever_sent_it(database: Copy) -> None:
    async with posting(database) as (served, host, time, case):
        made = await invite(served, case)
        token = await token_sent(served, host)
        time.go_to(NOON + timedelta(days=28, seconds=1))
        await opened(served, token, status=404)
        time.go_to(NOON)
        await opened(served, token)
        url = f"/v1/notifications/family-links/{made['id']}"
        stranger = signed_in(subject="x", roles=["caseworker"], clusters=["forest-primary"])
        codes = [(await served.client.delete(url, headers=h)).status_code for h in (stranger, signed_in(**WORKER))]
        assert codes == [404, 204]
        await opened(served, token, status=404)
        await opened(served, "A" * 43, status=404)


async def test_what_a_family_says_is_read_by_those_who_work_with_it_and_goes_with_the_case(database: Copy) -> None:
    async with posting(database) as (served, host, _, case):
        await invite(served, case)
        token = await token_sent(served, host)
        await opened(served, token, helped="not-yet", views="She likes the mornings.")
        await opened(served, token, helped="yes", listened="in-part")

        async def answers(**who: Any) -> Any:
            answer = await served.client.get(f"/v1/notifications/family-answers?case={case}", headers=signed_in(**who))
            return answer.status_code, [(i["kind"], i["code"], i["text"]) for i in answer.json().get("items", ())]

        code, said = await answers(**WORKER)
        assert (code, sorted(said, key=str)) == (
            200,
            [("helped", "yes", None), ("listened", "in-part", None), ("views", None, "She likes the mornings.")],
        )
        assert (await answers(subject="x", roles=["caseworker"], clusters=["forest-primary"]))[0] == 404
        assert (await answers(subject="x", roles=["referrer"], clusters=[CLUSTER]))[0] == 403
        noted = await served.rows("SELECT what FROM audit WHERE case_id = $1", case)
        assert {"family-link", "family-answers"} <= {row["what"] for row in noted}
        await served.hear(CaseErased(case_id=case))
        await opened(served, token, status=404)
        assert await served.rows("SELECT 1 FROM family_link") == []
        # The counts stay, without whose.
        left = await served.rows("SELECT case_id, link_id, text, code FROM family_answer ORDER BY code")
        assert left == [{"case_id": None, "link_id": None, "text": None, "code": code} for code in ("in-part", "yes")]


async def test_whom_the_case_says_never_to_contact_gets_nothing(database: Copy) -> None:
    async with posting(database) as (served, _, _, case):
        await invite(served, case)
        url = f"/v1/notifications/safe-contact/{case}"
        mine = signed_in(**WORKER)
        version = (await served.client.get(url, headers=mine)).headers["etag"]
        rules = {
            "contacts": [
                {"contact_id": "contact-1", "never": True},
                {"contact_id": "contact-2", "channels": ["letter"]},
            ]
        }
        said = await served.client.put(url, json=rules, headers=mine | {"If-Match": version})
        assert said.status_code == 200, said.text
        stale = await served.client.put(url, json=rules, headers=mine | {"If-Match": version})
        assert stale.status_code == 412
        # What was on its way is stopped.
        assert await a_round(served).next_letter() is None
        assert [row["sealed"] for row in await served.rows("SELECT sealed FROM family_link")] == [None]
        refused = await invite(served, case, status=409)
        assert (refused["title"], refused["errors"][0]["pointer"]) == ("Never contact", "/contact_id")
        refused = await invite(served, case, contact_id="contact-2", status=409)
        assert refused["errors"][0]["pointer"] == "/channel"
        await invite(served, case, contact_id="contact-3")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"channel": "sms"}, "/channel"),
        ({"address": "no address"}, "/address"),
        ({"second_fact": "abc"}, "/second_fact"),
        ({"language": "tlh"}, "/language"),
    ],
)
async def test_an_invitation_that_cannot_be_sent_is_named(
    database: Copy, changes: dict[str, Any], pointer: str
) -> None:
    async with posting(database) as (served, _, _, case):
        refused = await invite(served, case, status=422, **changes)
        assert refused["errors"][0]["pointer"] == pointer


async def test_only_who_works_with_a_family_writes_to_it(database: Copy) -> None:
    async with posting(database) as (served, _, _, case):
        await invite(served, case, status=404, who={**WORKER, "clusters": ["forest-primary"]})
        await invite(served, case, status=403, who={**WORKER, "roles": ["referrer"]})
        await invite(served, "no-such-case", status=404)


async def test_a_letter_by_post_and_a_bounce_become_known(database: Copy) -> None:
    with Notify().listening() as notify:
        assert isinstance(notify, Notify)
        assert KEY
        async with posting(database, **by_notify(notify, "letter", "sms")) as (served, _, _, case):
            address = "A Carer-Test\n1 Some Street\nGloucester\nGL1 1AA"
            await invite(served, case, channel="letter", address=address, language="pl")
            assert await send(served, "letter") == [Answer.ACCEPTED]
            [(_, said)] = notify.taken
            assert said["personalisation"]["address_line_4"] == "GL1 1AA"
            assert "Link działa do 18 grudnia 2026" in said["personalisation"]["body"]
            await invite(served, case, channel="sms", address="07700 900222")
            assert await send(served, "sms") == [Answer.ACCEPTED]
            await receipt(served, notify.taken[1][1]["reference"], "permanent-failure")
            tasks = await served.client.get("/v1/notifications/tasks", headers=signed_in(**WORKER))
            [task] = tasks.json()["items"]
            assert (task["kind"], task["case_id"], task["person_id"]) == ("family-undelivered", case, None)
            done = f"/v1/notifications/tasks/{task['id']}/done"
            stranger = signed_in(subject="x", roles=["caseworker"], clusters=["forest-primary"])
            codes = [(await served.client.post(done, headers=h)).status_code for h in (stranger, signed_in(**WORKER))]
            assert codes == [404, 204]


async def test_what_all_families_said_is_summed_up_so_that_it_names_nobody(database: Copy) -> None:
    async with posting(database) as (served, _, _, _):
        await served.hear(calendar())
        rows = [("a", "helped", "yes")] * 7 + [("a", "helped", "no")] * 6 + [("b", "helped", "yes")] * 4
        for n, (cluster, kind, code) in enumerate(rows):
            await served.rows(
                "INSERT INTO family_answer (id, cluster_id, kind, code, at) VALUES ($1, $2, $3, $4, $5)",
                str(n), cluster, kind, code, NOON,
            )  # fmt: skip
        answer = await served.client.get("/v1/notifications/feedback-summary", headers=signed_in(subject="forum"))
        assert answer.json() == {
            "suppressed_below": 5,
            "items": [
                {"cluster_id": "a", "term": "term from 2026-11-02", "question": "helped", "answers": 13,
                 "counts": {"yes": 7, "no": 6, "not-yet": 0}},
                {"cluster_id": "b", "term": "term from 2026-11-02", "question": "helped", "answers": None,
                 "counts": {"yes": None, "no": None, "not-yet": None}},
            ],
        }  # fmt: skip


def test_the_link_lives_for_four_weeks() -> None:
    assert (date(2026, 12, 18) - NOON.date()).days == 28
