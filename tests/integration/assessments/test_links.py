"""Answering without an account: a link is signed, opens once, for a time; every misuse is not found."""

import asyncio
import hashlib
from typing import Any

import httpx
import pytest
from assessments.api.links import Tries
from chassis.clock import BusinessClock
from integration.assessments.county import TEAM, TRUST, a_case, advice, change, get, later, post, read
from schemas.assessment import AdviceReceived
from schemas.referral import CaseClosed
from support.service import Served, keyed, signed_in

ANSWER = {"text": "Short words, pictures.", "given_by": "Educational psychologist"}


async def asked_by_link(service: Served) -> tuple[str, dict[str, Any]]:
    """A case, and advice that somebody without an account is asked for."""
    case = await a_case(service)
    body = {
        "discipline": "educational-psychology",
        "without_account": True,
        "question": "What helps in class?",
    }
    answer = await post(service, f"/v1/assessments/{case}/advice", body)
    assert (answer.status_code, answer.json()["asked_of"]) == (201, None), answer.text
    return case, answer.json()


async def link(service: Served, advice_id: str) -> str:
    """The path of a new link."""
    answer = await change(service, f"/v1/advice/{advice_id}", "link")
    assert answer.status_code == 201, answer.text
    url = httpx.URL(answer.json()["answers_url"])
    assert httpx.URL(answer.json()["url"]).path == f"/advice/{url.path.rpartition('/')[2]}", "people get a page"
    assert not url.fragment
    assert not url.query
    return url.path


async def answer(
    service: Served, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Answer as somebody without an account."""
    return await service.client.post(path, json=body or ANSWER, headers=headers or {})


async def test_somebody_without_an_account_sees_what_is_asked_and_answers_once(service: Served) -> None:
    case, asked = await asked_by_link(service)
    path = await link(service, asked["id"])
    shown = await service.client.get(path)
    assert shown.json() == {
        "reference": f"J-{case[-8:]}", "discipline": "educational-psychology",
        "discipline_label": "Educational psychologist", "question": "What helps in class?", "needs": ["SLCN"],
        "due_on": "2027-01-04",
    }  # fmt: skip
    assert (shown.headers["Cache-Control"], shown.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    given = await answer(service, path)
    assert (given.status_code, given.json()) == (200, {"advice_id": asked["id"], "received_on": "2026-11-23"})
    body = await read(service, f"/v1/advice/{asked['id']}")
    assert (body["state"], body["text"], body["given_by"]) == ("received", ANSWER["text"], ANSWER["given_by"])
    assert (await answer(service, path)).status_code == 404
    assert (await service.client.get(path)).status_code == 404
    assert len(await service.said(AdviceReceived)) == 1


async def test_the_token_is_kept_nowhere(service: Served) -> None:
    _, asked = await asked_by_link(service)
    token = (await link(service, asked["id"])).rpartition("/")[2]
    assert await service.rows("SELECT digest FROM answer_link") == [{"digest": hashlib.sha256(token.encode()).digest()}]
    tables = await service.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'assessments'")
    for table in tables:
        name = table["tablename"]
        rows = await service.rows(f"SELECT t::text AS row, encode(convert_to(t::text, 'UTF8'), 'escape') FROM {name} t")
        assert token not in str(rows), name
    assert (await service.rows("SELECT count(*) AS n FROM idempotency WHERE position($1 in body) > 0", token.encode()))[
        0
    ]["n"] == 0


async def test_a_retry_of_the_making_of_a_link_gets_the_same_link(service: Served) -> None:
    _, asked = await asked_by_link(service)
    headers = {**signed_in(**TEAM), **keyed(), "If-Match": '"1"'}
    first, again = [await service.client.post(f"/v1/advice/{asked['id']}/link", json={}, headers=headers) for _ in "12"]
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert (again.headers["Idempotency-Replayed"], again.headers["ETag"]) == ("true", first.headers["ETag"])
    assert (await service.client.get(first.json()["answers_url"])).status_code == 200
    assert len(await service.rows("SELECT 1 FROM answer_link")) == 1


async def test_every_wrong_link_gets_the_same_answer(service: Served, clock: BusinessClock) -> None:
    case, asked = await asked_by_link(service)
    old = await link(service, asked["id"])
    path = await link(service, asked["id"])
    forged = path[:-2] + ("AA" if not path.endswith("AA") else "BB")
    cursor = service.runtime.cursors.encode(_caller(), "a")
    wrong = [
        old,
        forged,
        "/v1/advice/answers/x",
        f"/v1/advice/answers/{cursor}",
        f"{path}A",
        "/v1/advice/answers/" + "A" * 900,
    ]
    answers = [await service.client.get(one) for one in wrong] + [await answer(service, one) for one in wrong]
    assert {one.status_code for one in answers} == {404}
    assert len({one.json()["detail"] for one in answers}) == 1
    assert (await service.client.get(path)).status_code == 200, "the newest link is untouched"
    later(clock, days=57)
    assert (await service.client.get(path)).status_code == 404
    assert (await answer(service, path)).status_code == 404
    path = await link(service, asked["id"])
    await service.hear(CaseClosed(case_id=case, reason="needs-met"))
    assert (await answer(service, path)).status_code == 404


def _caller() -> Any:
    from chassis.auth import Caller

    return Caller(subject="s", client_id="s", organisation="answer-link", sector="council")


async def test_of_many_answers_that_come_together_one_counts(service: Served) -> None:
    _, asked = await asked_by_link(service)
    path = await link(service, asked["id"])
    answers = await asyncio.gather(*(answer(service, path, {**ANSWER, "text": f"Answer {n}."}) for n in range(20)))
    assert sorted(one.status_code for one in answers) == [200] + [404] * 19
    assert len(await service.said(AdviceReceived)) == 1


async def test_a_retry_with_its_key_gets_the_same_answer(service: Served) -> None:
    _, asked = await asked_by_link(service)
    path, key = await link(service, asked["id"]), keyed()
    first = await answer(service, path, headers=key)
    again = await answer(service, path, headers=key)
    assert (first.status_code, again.status_code, first.json()) == (200, 200, again.json())
    assert (await answer(service, path, {**ANSWER, "text": "Other."}, key)).status_code == 422
    assert len(await service.said(AdviceReceived)) == 1


async def test_a_link_answers_its_own_advice_and_nothing_else(service: Served) -> None:
    case, asked = await asked_by_link(service)
    theirs = await advice(service, case, "speech-and-language")
    refused = await change(service, f"/v1/advice/{theirs['id']}", "link")
    assert (refused.status_code, refused.json()["title"]) == (409, "Not asked by link")
    token = (await link(service, asked["id"])).rpartition("/")[2]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await service.client.get(f"/v1/advice/{asked['id']}", headers=bearer)).status_code == 401
    assert (await get(service, f"/v1/advice/{asked['id']}", TRUST)).status_code == 404


async def test_a_cancelled_request_ends_its_link(service: Served) -> None:
    _, asked = await asked_by_link(service)
    path = await link(service, asked["id"])
    assert (await change(service, f"/v1/advice/{asked['id']}", "cancel", {"reason": "not-needed"})).status_code == 200
    assert (await service.client.get(path)).status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
async def test_who_guesses_is_told_to_wait_and_a_good_link_still_opens(service: Served, method: str) -> None:
    _, asked = await asked_by_link(service)
    path = await link(service, asked["id"])
    sent = {"json": ANSWER} if method == "post" else {}
    answers = [await getattr(service.client, method)(f"/v1/advice/answers/{'x' * 30}{n}", **sent) for n in range(25)]
    assert [one.status_code for one in answers] == [404] * 20 + [429] * 5
    assert int(answers[-1].headers["Retry-After"]) == 60
    assert (await service.client.get(path)).status_code == 200


def test_the_watch_over_tries_forgets_and_stays_small() -> None:
    tries = Tries()
    for n in range(10_100):
        tries.count(f"address {n}", 1)
    assert len(tries.seen) <= 10_000
