"""What leaves the house and when: at somebody's hour, at once when urgent, not at night, in their words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from email.message import Message
from typing import Any

import pytest
from chassis.clock import BusinessClock, wall_now
from integration.notifier.events import CLUSTER, a_case, assigned, desk, person, referrer, role
from integration.notifier.mail import MailHost
from integration.notifier.test_post import a_round, due_now
from notifier.app import SERVICE
from notifier.domain.facts import COUNTY_TIME
from notifier.domain.post import Answer
from notifier.settings import Settings
from pydantic import SecretStr
from schemas.referral import CaseErased, ReferralSubmitted
from schemas.routing import CaseAccepted, CaseUnrouted
from support.database import Copy
from support.service import Served, serving, signed_in


class Time(BusinessClock):
    """Business time that a test sets, in the county's own hours."""

    def go_to(self, day: int, hour: int, minute: int = 0) -> None:
        """An hour of a day of November 2026."""
        base = datetime(2026, 11, day, hour, minute, tzinfo=COUNTY_TIME)
        self.simulate(base, anchor=wall_now(), rate=0)


@asynccontextmanager
async def county(database: Copy) -> AsyncIterator[tuple[Served, Time, MailHost]]:
    """Friday noon."""
    time, host = Time(), MailHost()
    time.go_to(20, 12)
    async with host.listening():
        settings = Settings(smtp_url=SecretStr(host.url()), mail_from="jointly@county.example", post_at_once=False)
        async with serving(SERVICE, database, clock=time, settings=settings) as served:
            await served.hear(person("worker"), role("worker"), person("desk"), desk("desk"))
            yield served, time, host


async def send(served: Served) -> list[Answer]:
    answers, post = [], a_round(served)
    while (answer := await post.next_letter()) is not None:
        answers.append(answer)
    await post.carrier.rest()
    return answers


async def prefer(served: Served, who: str, *, status: int = 200, **wish: Any) -> Any:
    mine = signed_in(subject=who, organisation="county-council")
    version = (await served.client.get("/v1/preferences", headers=mine)).headers["etag"]
    body = {"email": True, **wish}
    answer = await served.client.put("/v1/preferences", json=body, headers=mine | {"If-Match": version})
    assert answer.status_code == status, answer.text
    return answer.json()


def text(letter: Message) -> str:
    payload = letter.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


async def a_busy_day(served: Served) -> list[str]:
    """Two cases come, and one of them comes back."""
    cases = []
    for _ in range(2):
        case, events = a_case()
        await served.hear(*events, assigned(case))
        cases.append(case)
    amended = ReferralSubmitted.model_validate(
        {
            **events_of(cases[0]), "referral_id": "another", "urgency": "routine",
        }
    )  # fmt: skip
    await served.hear(amended)
    return cases


def events_of(case: str) -> dict[str, Any]:
    from integration.notifier.events import submitted

    return submitted(case).model_dump()


async def test_what_happened_on_friday_comes_together_on_monday_morning(database: Copy) -> None:
    async with county(database) as (served, time, host):
        cases = await a_busy_day(served)
        for moment in ((20, 18), (21, 9), (22, 9), (23, 7, 59)):
            time.go_to(*moment)
            assert await send(served) == []
        time.go_to(23, 8)
        assert await send(served) == [Answer.ACCEPTED]
        [(to, letter)] = host.taken
        assert (to, letter["Subject"]) == ("worker@staff.example", "2 messages about your cases")
        for case in cases:
            assert text(letter).count(f"http://127.0.0.1:8000/cases/{case}") == 1
        assert "http://127.0.0.1:8000/work" in text(letter)
        # The inbox had each of them at once.
        assert len(await served.rows("SELECT 1 FROM notification WHERE person_id = 'worker'")) == 2


async def test_nobodys_digest_falls_in_two_when_several_make_letters_at_once(database: Copy) -> None:
    async with county(database) as (served, time, _):
        for name in ("p1", "p2", "p3"):
            await served.hear(person(name), role(name))
        for _ in range(4):
            await a_busy_day(served)
        time.go_to(23, 8)
        await asyncio.gather(*(a_round(served).make() for _ in range(8)))
        rows = await served.rows("SELECT person_id, count(*) AS letters FROM letter GROUP BY 1 ORDER BY 1")
        assert rows == [{"person_id": name, "letters": 1} for name in ("p1", "p2", "p3", "worker")]
        left = await served.rows("SELECT 1 FROM letter_item WHERE letter_id IS NULL AND channel = 'email'")
        assert left == []


async def test_what_is_urgent_leaves_at_once_by_day_and_in_the_morning_after_a_night(database: Copy) -> None:
    async with county(database) as (served, time, host):
        for hour, leaves in ((18, True), (23, False)):
            time.go_to(20, hour)
            case, events = a_case()
            await served.hear(*events)
            await served.hear(CaseUnrouted(case_id=case, decision=1, reasons=("no-rule",)))
            assert (await send(served) == [Answer.ACCEPTED]) is leaves
        time.go_to(21, 7, 30)
        assert await send(served) == [Answer.ACCEPTED]
        assert len(host.taken) == 2


async def test_a_child_in_danger_may_wake_people(database: Copy) -> None:
    async with county(database) as (served, time, host):
        time.go_to(21, 3)
        from integration.notifier.events import opened, submitted

        case, _ = a_case()
        await served.hear(submitted(case, urgency="immediate"), opened(case, urgency="immediate"))
        assert await send(served) == [Answer.ACCEPTED]
        assert host.taken[0][1]["Subject"].startswith("Act now")


async def test_a_letter_that_could_not_leave_by_day_does_not_leave_at_night(database: Copy) -> None:
    async with county(database) as (served, time, host):
        case, events = a_case()
        await served.hear(*events)
        await served.hear(CaseUnrouted(case_id=case, decision=1, reasons=("no-rule",)))
        host.on_recipient = lambda _: "451 4.3.0 later"
        assert await send(served) == [Answer.LATER]
        host.on_recipient = lambda _: None
        time.go_to(20, 22)
        await due_now(served)
        assert await send(served) == []
        time.go_to(21, 9)
        await due_now(served)
        assert await send(served) == [Answer.ACCEPTED]
        assert len(set(host.ids())) == 1


async def test_what_was_claimed_or_cleared_before_the_digest_is_not_in_it(database: Copy) -> None:
    async with county(database) as (served, time, host):
        first, second = await a_busy_day(served)
        await served.hear(CaseAccepted(case_id=first, cluster_id=CLUSTER, organisation_id="x", accepted_by="worker"))
        time.go_to(23, 8)
        await send(served)
        [(_, letter)] = host.taken
        assert letter["Subject"] == f"Case J-{second[-4:]} is with your cluster"


async def test_an_erased_case_goes_from_a_digest_that_could_not_leave_yet(database: Copy) -> None:
    async with county(database) as (served, time, host):
        first, second = await a_busy_day(served)
        time.go_to(23, 8)
        host.on_recipient = lambda _: "451 4.3.0 later"
        assert await send(served) == [Answer.LATER]
        await served.hear(CaseErased(case_id=first))
        host.on_recipient = lambda _: None
        await due_now(served)
        assert await send(served) == [Answer.ACCEPTED]
        [(_, letter)] = host.taken
        assert first not in text(letter)
        assert second in text(letter)


async def test_everybody_has_it_as_they_want_it(database: Copy) -> None:
    async with county(database) as (served, time, host):
        saved = await prefer(
            served, "worker", language="pl", digest_hour=16, quiet={"since": "21:00", "until": "06:00"},
            roles={"cluster-lead": {"digest": "at-once"}},
        )  # fmt: skip
        assert (saved["language"], saved["digest_hour"], saved["quiet"]) == (
            "pl", 16, {"since": "21:00", "until": "06:00"},
        )  # fmt: skip
        case, events = a_case()
        await served.hear(*events, assigned(case))
        [row] = await served.rows("SELECT text, why FROM notification WHERE person_id = 'worker'")
        assert row == {
            "text": f"Sprawa J-{case[-4:]} trafiła do Waszego zespołu i czeka na przyjęcie.",
            "why": "Pracujesz w zespole, którego to dotyczy.",
        }
        time.go_to(20, 15)
        assert await send(served) == []
        time.go_to(20, 16)
        assert await send(served) == [Answer.ACCEPTED]
        assert "Zaloguj się" in text(host.taken[0][1])
        # As a lead they want it at once.
        await served.hear(role("worker", "cluster-lead"))
        case, events = a_case()
        await served.hear(*events, assigned(case))
        assert await send(served) == [Answer.ACCEPTED]


async def test_who_covers_gets_the_messages_and_the_other_finds_them_in_the_inbox(database: Copy) -> None:
    async with county(database) as (served, time, host):
        await served.hear(person("cover"))
        await prefer(served, "worker", absence={"since": "2026-11-16", "until": "2026-11-27", "cover": "cover"})
        case, events = a_case()
        await served.hear(*events, assigned(case), referrer("senco"))
        rows = await served.rows("SELECT person_id, covers FROM notification WHERE rule = 'case-assigned' ORDER BY 1")
        assert rows == [{"person_id": "cover", "covers": "worker"}, {"person_id": "worker", "covers": None}]
        time.go_to(23, 8)
        await send(served)
        assert [to for to, _ in host.taken] == ["cover@staff.example"]
        await served.hear(person("cover", active=False))
        another, events = a_case()
        await served.hear(*events, assigned(another))
        rows = await served.rows("SELECT person_id FROM notification WHERE case_id = $1 ORDER BY 1", another)
        # Nobody covers any more: the desk stands in.
        assert [row["person_id"] for row in rows] == ["desk", "senco", "worker"]


@pytest.mark.parametrize("cover", ["worker", "stranger", "elsewhere"])
async def test_only_a_colleague_can_cover(database: Copy, cover: str) -> None:
    async with county(database) as (served, _, _):
        await served.hear(person("elsewhere").model_copy(update={"organisation_id": "nhs-trust"}))
        refused = await prefer(served, "worker", status=422, absence={"since": "2026-11-16", "cover": cover})
        assert refused["errors"][0]["pointer"] == "/absence/cover"


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"digest": "weekly"}, "/digest"),
        ({"digest_hour": 24}, "/digest_hour"),
        ({"language": "tlh"}, "/language"),
        ({"quiet": {"since": "25:00", "until": "06:00"}}, "/quiet/since"),
        ({"absence": {"since": "2026-11-16", "until": "2026-11-15"}}, "/absence"),
        ({"mobile": "call me"}, "/mobile"),
        ({"roles": {"caseworker": {"digest": "never"}}}, "/roles/caseworker/digest"),
    ],
)
async def test_a_wish_that_cannot_be_kept_is_named(database: Copy, wish: dict[str, Any], pointer: str) -> None:
    async with county(database) as (served, _, _):
        refused = await prefer(served, "worker", status=422, **wish)
        assert refused["errors"][0]["pointer"] == pointer


def test_the_days_of_these_tests_are_what_they_say() -> None:
    assert [date(2026, 11, day).strftime("%A") for day in (20, 21, 23)] == ["Friday", "Saturday", "Monday"]
