"""Letters over a real mail server: at least once, always the same Message-ID, and nobody waits for somebody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from chassis.clock import wall_now
from integration.notifier.events import a_case, assigned, desk, person, role
from integration.notifier.mail import MailHost, own_certificate, password_is
from notifier.app import SERVICE
from notifier.clients import carriers
from notifier.domain.post import Answer
from notifier.settings import Settings
from notifier.workers import PostRound, send_letters
from pydantic import SecretStr
from schemas.event import Event
from schemas.notification import NotificationFailed, NotificationSent
from schemas.referral import CaseErased
from support.database import Copy
from support.service import Served, serving


@asynccontextmanager
async def posting(database: Copy, url: str, **settings: object) -> AsyncIterator[Served]:
    chosen = Settings(smtp_url=SecretStr(url), mail_from="jointly@county.example", **settings)  # type: ignore[arg-type]
    async with serving(SERVICE, database, settings=chosen) as served:
        yield served


def a_round(served: Served) -> PostRound:
    settings = served.runtime.settings
    assert isinstance(settings, Settings)
    assert settings.smtp_url is not None
    new = carriers(settings.smtp_url.get_secret_value(), state=settings.state, name="jointly.test")
    return PostRound(served.runtime, new())


async def a_letter_each(served: Served, *people: Event) -> str:
    """Tell people of a case; everybody gets a letter."""
    case, events = a_case()
    await served.hear(*people, *events, assigned(case))
    while await a_round(served).make():
        pass
    return case


async def due_now(served: Served) -> None:
    """Let time pass until every waiting letter is due."""
    await served.rows("UPDATE letter SET next_at = $1 WHERE state = 'waiting'", wall_now())


async def states(served: Served) -> dict[str, str]:
    rows = await served.rows("SELECT person_id, state FROM letter")
    return {row["person_id"]: row["state"] for row in rows}


async def send_all(served: Served) -> list[Answer]:
    answers = []
    post = a_round(served)
    while (answer := await post.next_letter()) is not None:
        answers.append(answer)
    await post.carrier.rest()
    return answers


async def test_a_letter_says_what_changed_and_never_who(database: Copy) -> None:
    host = MailHost()
    async with host.listening(), posting(database, host.url()) as served:
        case = await a_letter_each(served, person("worker"), role("worker"))
        assert await send_all(served) == [Answer.ACCEPTED]
        [(recipient, letter)] = host.taken
        assert recipient == "worker@staff.example"
        assert letter["Subject"] == f"Case J-{case[-4:]} is with your cluster"
        assert letter["From"] == "jointly@county.example"
        assert letter["Auto-Submitted"] == "auto-generated"
        payload = letter.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert f"http://127.0.0.1:8000/cases/{case}\r\n" in payload.decode()
        assert "115500" not in letter.as_string()
        assert "Stroud" not in letter.as_string()
        sent = [e for e in await served.said(NotificationSent) if getattr(e, "channel", "") == "email"]
        assert len(sent) == 1
        receipts = await served.rows("SELECT number, answer, code, reply FROM attempt")
        assert receipts == [{"number": 1, "answer": "accepted", "code": 250, "reply": "2.0.0 queued as 12345"}]


async def test_killed_between_sending_and_recording_it_is_sent_again_as_the_same_letter(database: Copy) -> None:
    host = MailHost()
    async with host.listening(), posting(database, host.url()) as served:
        await a_letter_each(served, person("worker"), role("worker"))
        before = a_round(served)
        claimed = await before.take()
        assert claimed is not None
        await before.carry(claimed)
        # Killed here. While its lease lasts nobody touches the letter; then somebody does.
        after = a_round(served)
        assert await after.next_letter() is None
        await due_now(served)
        assert await after.next_letter() is Answer.ACCEPTED
        await before.carrier.rest()
        await after.carrier.rest()
        first, second = host.taken
        assert first[1]["Message-ID"] == second[1]["Message-ID"]
        assert first[1].as_bytes() == second[1].as_bytes()
        assert len([e for e in await served.said(NotificationSent) if getattr(e, "channel", "") == "email"]) == 1


async def test_killed_before_sending_it_is_sent_once(database: Copy) -> None:
    host = MailHost()
    async with host.listening(), posting(database, host.url()) as served:
        await a_letter_each(served, person("worker"), role("worker"))
        assert await a_round(served).take() is not None
        await due_now(served)
        assert await send_all(served) == [Answer.ACCEPTED]
        assert len(host.taken) == 1


async def test_a_sleeper_who_records_late_neither_sends_nor_says_it_twice(database: Copy) -> None:
    host = MailHost()
    async with host.listening(), posting(database, host.url()) as served:
        await a_letter_each(served, person("worker"), role("worker"))
        sleeper = a_round(served)
        claimed = await sleeper.take()
        assert claimed is not None
        attempt = await sleeper.carry(claimed)
        await due_now(served)
        assert await send_all(served) == [Answer.ACCEPTED]
        await sleeper.note(claimed, attempt)
        await sleeper.carrier.rest()
        assert len([e for e in await served.said(NotificationSent) if getattr(e, "channel", "") == "email"]) == 1
        assert await served.rows("SELECT number FROM attempt ORDER BY number") == [{"number": 1}, {"number": 2}]


async def test_not_now_is_tried_again_later_and_then_arrives(database: Copy) -> None:
    host = MailHost(on_recipient=lambda _: "450 4.7.1 greylisted, come back")
    async with host.listening(), posting(database, host.url()) as served:
        await a_letter_each(served, person("worker"), role("worker"))
        assert await send_all(served) == [Answer.LATER]
        [row] = await served.rows("SELECT next_at - asked_at AS pause, attempts FROM letter")
        assert 15 <= row["pause"].total_seconds() <= 20
        host.on_recipient = lambda _: None
        await due_now(served)
        assert await send_all(served) == [Answer.ACCEPTED]
        assert await states(served) == {"worker": "sent"}


async def test_a_no_for_good_becomes_a_task_and_is_said(database: Copy) -> None:
    def refuse(address: str) -> str | None:
        return "550 5.1.1 <worker@staff.example> no such user" if address.startswith("worker") else None

    host = MailHost(on_recipient=refuse)
    async with host.listening(), posting(database, host.url()) as served:
        case = await a_letter_each(served, person("worker"), role("worker"), person("other"), role("other"))
        assert sorted(await send_all(served)) == [Answer.ACCEPTED, Answer.REFUSED]
        assert await states(served) == {"worker": "failed", "other": "sent"}
        [failed] = await served.said(NotificationFailed)
        assert isinstance(failed, NotificationFailed)
        assert (failed.person_id, failed.reason, failed.channel) == ("worker", "recipient-refused", "email")
        tasks = await served.rows("SELECT case_id, person_id, reason FROM task WHERE kind = 'undelivered'")
        assert tasks == [{"case_id": case, "person_id": "worker", "reason": "recipient-refused"}]
        # The receipt is kept without the address.
        replies = await served.rows("SELECT reply FROM attempt WHERE code = 550")
        assert replies == [{"reply": "5.1.1 <<recipient>> no such user"}]


async def test_after_three_days_of_not_now_it_is_given_up(database: Copy) -> None:
    host = MailHost(on_recipient=lambda _: "452 4.2.2 mailbox full")
    async with host.listening(), posting(database, host.url()) as served:
        await a_letter_each(served, person("worker"), role("worker"))
        await served.rows("UPDATE letter SET asked_at = asked_at - interval '72 hours'")
        assert await send_all(served) == [Answer.LATER]
        assert await states(served) == {"worker": "failed"}
        [failed] = await served.said(NotificationFailed)
        assert getattr(failed, "reason", "") == "gave-up"


async def test_a_server_that_hangs_up_after_the_letter_gets_it_again_with_the_same_message_id(database: Copy) -> None:
    host = MailHost(drops_after_content=True)
    async with host.listening(), posting(database, host.url()) as served:
        await a_letter_each(served, person("worker"), role("worker"))
        assert await send_all(served) == [Answer.LATER]
        host.drops_after_content = False
        await due_now(served)
        assert await send_all(served) == [Answer.ACCEPTED]
        assert len(host.taken) == 2
        assert len(set(host.ids())) == 1


async def test_a_letter_that_breaks_the_server_holds_up_nobody(database: Copy) -> None:
    host = MailHost(on_content=lambda to: "554 5.6.0 cannot digest this" if to.startswith("poison") else None)
    people: list[Event] = [e for n in range(5) for e in (person(f"p{n}"), role(f"p{n}"))]
    async with host.listening(), posting(database, host.url()) as served:
        await a_letter_each(served, person("poison"), role("poison"), *people)
        await send_all(served)
        assert await states(served) == {"poison": "failed", **{f"p{n}": "sent" for n in range(5)}}
        # One connection served them all.
        assert host.sessions == 1


@pytest.mark.parametrize(
    "address",
    ["no address", "a@b\r\nBcc: all@staff.example", "two@x.example, three@x.example", "@", "a@", "@b", "a b@c"],
)
async def test_what_is_no_address_fails_alone_and_reaches_no_server(database: Copy, address: str) -> None:
    host = MailHost()
    async with host.listening(), posting(database, host.url()) as served:
        people: list[Event] = [role("broken"), person("fine"), role("fine")]
        await served.hear(person("broken", email=address))
        await a_letter_each(served, *people)
        await send_all(served)
        assert await states(served) == {"broken": "failed", "fine": "sent"}
        assert [to for to, _ in host.taken] == ["fine@staff.example"]


async def test_an_address_beyond_ascii_arrives(database: Copy) -> None:
    host = MailHost()
    async with host.listening(), posting(database, host.url()) as served:
        await a_letter_each(served, person("zoe", email="zoë@staff.example"), role("zoe"))
        assert await send_all(served) == [Answer.ACCEPTED]
        assert [to for to, _ in host.taken] == ["zoë@staff.example"]


async def test_a_server_that_never_answers_costs_its_patience_and_nothing_else(database: Copy) -> None:
    host = MailHost(hangs=asyncio.Event())
    async with host.listening(), posting(database, host.url("timeout=0.2")) as served:
        await a_letter_each(served, person("worker"), role("worker"))
        sending = asyncio.create_task(send_all(served))
        # Meanwhile people are told as ever.
        case = await a_letter_each(served)
        assert len(await served.rows("SELECT 1 FROM notification WHERE case_id = $1", case)) == 1
        assert set(await sending) == {Answer.LATER}
        assert await states(served) == {"worker": "waiting"}


async def test_a_server_that_is_away_fails_no_letter_and_is_noticed_when_it_is_back(database: Copy) -> None:
    host = MailHost()
    async with host.listening():
        pass
    async with posting(database, host.url()) as served:
        people: list[Event] = [e for n in range(3) for e in (person(f"p{n}"), role(f"p{n}"))]
        await a_letter_each(served, *people)
        assert set(await send_all(served)) == {Answer.SERVER_DOWN}
        [row] = await served.rows("SELECT max(next_at - asked_at) AS pause FROM letter")
        assert row["pause"].total_seconds() <= 40
        async with host.listening():
            await due_now(served)
            assert set(await send_all(served)) == {Answer.ACCEPTED}
        assert len(host.taken) == 3


async def test_a_wrong_password_fails_no_letter(database: Copy, tmp_path: Path) -> None:
    context, authority = own_certificate(tmp_path)
    host = MailHost()
    options = {"tls_context": context, "require_starttls": True, "authenticator": password_is(b"right")}
    async with host.listening(auth_required=True, **options):
        async with posting(database, host.url(f"timeout=5&ca={authority}", user="jointly:wrong@")) as served:
            await a_letter_each(served, person("worker"), role("worker"))
            assert await send_all(served) == [Answer.SERVER_DOWN]
            [receipt] = await served.rows("SELECT stage FROM attempt")
            assert receipt == {"stage": "sign-in"}
            await due_now(served)
        async with posting(database, host.url(f"timeout=5&ca={authority}", user="jointly:right@")) as served:
            assert await send_all(served) == [Answer.ACCEPTED]
    assert len(host.taken) == 1


async def test_where_encryption_is_required_nothing_leaves_without_it(database: Copy, tmp_path: Path) -> None:
    host = MailHost()
    async with host.listening(), posting(database, host.url("timeout=5&starttls=required")) as served:
        await a_letter_each(served, person("worker"), role("worker"))
        assert await send_all(served) == [Answer.SERVER_DOWN]
    context, _ = own_certificate(tmp_path)
    stranger = MailHost()
    async with (
        stranger.listening(tls_context=context, require_starttls=True),
        posting(database, stranger.url("timeout=5&starttls=required")) as served,
    ):
        await due_now(served)
        assert await send_all(served) == [Answer.SERVER_DOWN]
        assert [row["stage"] for row in await served.rows("SELECT stage FROM attempt")] == ["encrypt", "encrypt"]
    assert not host.taken
    assert not stranger.taken


async def test_who_switched_letters_off_meanwhile_gets_none(database: Copy) -> None:
    host = MailHost()
    async with host.listening(), posting(database, host.url()) as served:
        people: list[Event] = [e for name in ("off", "left", "on") for e in (person(name), role(name))]
        await a_letter_each(served, *people)
        await served.rows("INSERT INTO preference VALUES ('off', false, 1)")
        await served.hear(person("left", active=False))
        assert await send_all(served) == [Answer.ACCEPTED]
        assert await states(served) == {"off": "dropped", "left": "dropped", "on": "sent"}


async def test_a_letter_goes_to_the_address_that_the_directory_has_when_it_leaves(database: Copy) -> None:
    host = MailHost()
    async with host.listening(), posting(database, host.url()) as served:
        await a_letter_each(served, role("worker"))
        assert await send_all(served) == [Answer.LATER]
        await served.hear(person("worker", email="new@staff.example"))
        await due_now(served)
        assert await send_all(served) == [Answer.ACCEPTED]
        assert [to for to, _ in host.taken] == ["new@staff.example"]


async def test_a_letter_of_an_erased_case_is_not_sent(database: Copy) -> None:
    host = MailHost()
    async with host.listening(), posting(database, host.url()) as served:
        case = await a_letter_each(served, person("worker"), role("worker"))
        post = a_round(served)
        claimed = await post.take()
        assert claimed is not None
        await served.hear(CaseErased(case_id=case))
        # It was already in our hands: recording it brings nothing back.
        await post.note(claimed, await post.carry(claimed))
        await post.carrier.rest()
        assert await send_all(served) == []
        for table in ("letter", "attempt", "task WHERE kind = 'undelivered'"):
            assert await served.rows(f"SELECT 1 FROM {table}") == []


async def test_urgent_letters_go_first(database: Copy) -> None:
    host = MailHost()
    async with host.listening(), posting(database, host.url()) as served:
        await a_letter_each(served, person("worker"), role("worker"))
        from integration.notifier.events import opened, submitted

        await served.hear(person("desk"), desk("desk"), submitted("now"), opened("now", urgency="immediate"))
        await send_all(served)
        assert [to for to, _ in host.taken] == ["desk@staff.example", "worker@staff.example"]


async def test_without_a_mail_server_letters_are_files_one_for_each(database: Copy, tmp_path: Path) -> None:
    async with posting(database, f"file:{tmp_path}/out") as served:
        await a_letter_each(served, person("worker"), role("worker"))
        post = a_round(served)
        claimed = await post.take()
        assert claimed is not None
        await post.carry(claimed)
        await due_now(served)
        assert await send_all(served) == [Answer.ACCEPTED]
    [file] = (tmp_path / "out").iterdir()
    assert b"To: worker@staff.example\r\n" in file.read_bytes()


async def test_the_post_sends_what_is_due_until_it_is_told_to_stop(database: Copy) -> None:
    host = MailHost()
    arrived = asyncio.Event()
    people: list[Event] = [e for n in range(6) for e in (person(f"p{n}"), role(f"p{n}"))]

    def note(_: str) -> None:
        if len(host.taken) == len(people) // 2 - 1:
            arrived.set()

    host.on_content = note
    async with host.listening(), posting(database, host.url()) as served:
        await a_letter_each(served, *people)
        stop = asyncio.Event()
        post = asyncio.create_task(send_letters(served.runtime, stop))
        async with asyncio.timeout(30):
            await arrived.wait()
            stop.set()
            await post
        assert set((await states(served)).values()) == {"sent"}
        assert len(set(host.ids())) == 6
