"""Text messages, Notify's receipts, teams' rooms and notices in the browser, over real HTTP servers."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import http_ece  # type: ignore[import-untyped]
from chassis.clock import new_id
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from integration.notifier.events import CLUSTER, a_case, assigned, desk, person, role
from integration.notifier.stub import KEY, Host, Notify
from integration.notifier.test_post import due_now
from notifier.app import SERVICE
from notifier.domain.post import Answer
from notifier.domain.rules import Channel
from notifier.settings import Settings
from notifier.workers import PostRound, ask_once, carrier_of
from pydantic import SecretStr
from schemas.event import Event
from schemas.notification import NotificationDelivered, NotificationFailed, NotificationSent
from schemas.routing import CaseUnrouted
from support.database import Copy
from support.service import Served, keyed, serving, signed_in

TOKEN = "a token of Notify's callbacks"
COUNCIL = {"sector": "council", "roles": ["caseworker"], "subject": "desk", "organisation": "county-council"}


@asynccontextmanager
async def reachable(database: Copy, **settings: Any) -> AsyncIterator[Served]:
    async with serving(SERVICE, database, settings=Settings(**settings)) as served:
        yield served


def by_notify(host: Host, *channels: str) -> dict[str, Any]:
    return {
        "notify_key": SecretStr(KEY), "notify_url": host.url, "notify_callback_token": SecretStr(TOKEN),
        "notify_templates": {channel: new_id() for channel in channels},
    }  # fmt: skip


async def prefer(served: Served, who: str, *, status: int = 200, **wish: Any) -> Any:
    mine = signed_in(subject=who, organisation="county-council")
    version = (await served.client.get("/v1/preferences", headers=mine)).headers["etag"]
    answer = await served.client.put(
        "/v1/preferences", json={"email": True, **wish}, headers=mine | {"If-Match": version}
    )
    assert answer.status_code == status, answer.text
    return answer.json()


async def something_urgent(served: Served, *people: Event) -> str:
    """Tell the desk something that cannot wait."""
    case, events = a_case()
    await served.hear(*people, *events)
    await served.hear(CaseUnrouted(case_id=case, decision=1, reasons=("no-rule",)))
    return case


async def send(served: Served, channel: str) -> list[Answer]:
    settings = served.runtime.settings
    assert isinstance(settings, Settings)
    post = PostRound(served.runtime, carrier_of(settings, Channel(channel)), channel=channel)
    answers = []
    while (answer := await post.next_letter()) is not None:
        answers.append(answer)
    return answers


async def receipt(served: Served, reference: str, status: str, *, token: str = TOKEN) -> int:
    body = {
        "id": new_id(), "reference": reference, "to": "07700900111", "status": status, "notification_type": "sms",
        "created_at": "2026-11-23T12:00:00.000000Z", "completed_at": None, "sent_at": None, "template_id": new_id(),
        "template_version": 1, "something_new": {"of": "theirs"},
    }  # fmt: skip
    answer = await served.client.post(
        "/v1/notifications/receipts/notify", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    return answer.status_code


MOBILE: dict[str, Any] = {"channels": ["sms"], "mobile": "07700 900111"}


async def test_a_text_message_says_what_the_line_says_and_where_to_read_on(database: Copy) -> None:
    with Notify().listening() as notify:
        assert isinstance(notify, Notify)
        async with reachable(database, **by_notify(notify, "sms")) as served:
            await served.hear(person("desk"), desk("desk"))
            await prefer(served, "desk", **MOBILE)
            case = await something_urgent(served)
            assert await send(served, "sms") == [Answer.ACCEPTED]
            [(channel, said)] = notify.taken
            assert (channel, said["phone_number"]) == ("sms", "07700 900111")
            assert said["personalisation"]["body"] == (
                f"No cluster could be found for case J-{case[-4:]}. A person must decide where it goes."
                f" Sign in: http://127.0.0.1:8000/cases/{case}"
            )
            sent = [e for e in await served.said(NotificationSent) if getattr(e, "channel", "") == "sms"]
            assert len(sent) == 1
            # Its receipt comes back, twice, and then it contradicts itself.
            for status in ("sending", "delivered", "delivered", "permanent-failure"):
                assert await receipt(served, said["reference"], status) == 204
            [delivered] = await served.said(NotificationDelivered)
            assert getattr(delivered, "channel", "") == "sms"
            assert await served.said(NotificationFailed) == []


async def test_a_number_that_does_not_exist_becomes_somebodys_task(database: Copy) -> None:
    with Notify().listening() as notify:
        assert isinstance(notify, Notify)
        async with reachable(database, **by_notify(notify, "sms")) as served:
            await served.hear(person("desk"), desk("desk"))
            await prefer(served, "desk", **MOBILE)
            case = await something_urgent(served)
            await send(served, "sms")
            await receipt(served, notify.taken[0][1]["reference"], "permanent-failure")
            [failed] = await served.said(NotificationFailed)
            assert (getattr(failed, "reason", ""), failed.subject) == ("permanent-failure", case)
            listed = await served.client.get("/v1/notifications/tasks", headers=signed_in(**COUNCIL))
            task = next(t for t in listed.json()["items"] if t["kind"] == "undelivered")
            assert (task["case_id"], task["person_id"], task["reason"]) == (case, "desk", "permanent-failure")
            url = f"/v1/notifications/tasks/{task['id']}"
            colleague = {**COUNCIL, "subject": "colleague"}
            codes = [
                (await served.client.post(f"{url}/{verb}", headers=signed_in(**who))).status_code
                for verb, who in (("claim", COUNCIL), ("claim", COUNCIL), ("claim", colleague), ("done", COUNCIL))
            ]
            assert codes == [204, 204, 409, 204]


async def test_a_receipt_that_is_faster_than_our_own_note_is_not_lost(database: Copy) -> None:
    with Notify().listening() as notify:
        assert isinstance(notify, Notify)
        async with reachable(database, **by_notify(notify, "sms")) as served:
            await served.hear(person("desk"), desk("desk"))
            await prefer(served, "desk", **MOBILE)
            await something_urgent(served)
            settings = served.runtime.settings
            assert isinstance(settings, Settings)
            post = PostRound(served.runtime, carrier_of(settings, Channel.SMS), channel="sms")
            claimed = await post.take()
            assert claimed is not None
            attempt = await post.carry(claimed)
            assert await receipt(served, notify.taken[0][1]["reference"], "delivered") == 204
            await post.note(claimed, attempt)
            said = [type(e) for e in await served.said() if getattr(e, "channel", "") == "sms"]
            assert said == [NotificationSent, NotificationDelivered]
            assert await send(served, "sms") == []


async def test_a_receipt_that_never_came_is_asked_for(database: Copy) -> None:
    with Notify().listening() as notify:
        assert isinstance(notify, Notify)
        async with reachable(database, **by_notify(notify, "sms")) as served:
            await served.hear(person("desk"), desk("desk"))
            await prefer(served, "desk", **MOBILE)
            await something_urgent(served)
            await send(served, "sms")
            assert await ask_once(served.runtime, ["sms"]) == 0
            await served.rows("UPDATE letter SET ended_at = ended_at - interval '2 hours'")
            assert await ask_once(served.runtime, ["sms"]) == 0
            notify.statuses[notify.taken[0][1]["reference"]] = "delivered"
            assert await ask_once(served.runtime, ["sms"]) == 1
            assert await ask_once(served.runtime, ["sms"]) == 0
            assert len(await served.said(NotificationDelivered)) == 1


async def test_only_notify_can_say_what_became_of_its_messages(database: Copy) -> None:
    async with reachable(database, notify_callback_token=SecretStr(TOKEN)) as served:
        assert await receipt(served, "x", "delivered", token="another") == 401
        assert await receipt(served, "x", "delivered") == 204
        assert (await served.client.post("/v1/notifications/receipts/notify", json={})).status_code == 401
        broken = await served.client.post(
            "/v1/notifications/receipts/notify", json={"id": 1}, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert broken.status_code == 422
    async with reachable(database) as served:
        assert await receipt(served, "x", "delivered", token="") == 401


async def test_too_many_at_once_and_their_trouble_fail_nothing_and_a_refusal_fails_one(database: Copy) -> None:
    with Notify().listening() as notify:
        assert isinstance(notify, Notify)
        async with reachable(database, **by_notify(notify, "sms")) as served:
            await served.hear(person("desk"), desk("desk"))
            await prefer(served, "desk", **MOBILE)
            await something_urgent(served)
            for status, stage in ((429, "hello"), (500, "hello"), (403, "sign-in")):
                notify.next = [status]
                assert await send(served, "sms") == [Answer.SERVER_DOWN]
                [last] = await served.rows("SELECT stage, code, reply FROM attempt ORDER BY number DESC LIMIT 1")
                assert (last["stage"], last["code"]) == (stage, status)
                await due_now(served)
            notify.next = [400]
            assert await send(served, "sms") == [Answer.REFUSED]
            assert [row["state"] for row in await served.rows("SELECT state FROM letter WHERE channel = 'sms'")] == [
                "failed"
            ]
            assert notify.taken == []


async def test_a_reply_that_was_lost_makes_no_second_message(database: Copy) -> None:
    with Notify().listening() as notify:
        assert isinstance(notify, Notify)
        async with reachable(database, **by_notify(notify, "sms")) as served:
            await served.hear(person("desk"), desk("desk"))
            await prefer(served, "desk", **MOBILE)
            await something_urgent(served)
            notify.next = [None]
            assert await send(served, "sms") == [Answer.SERVER_DOWN]
            await due_now(served)
            assert await send(served, "sms") == [Answer.ACCEPTED]
            assert len(notify.taken) == 1


async def test_notify_that_is_away_costs_nobody_a_message(database: Copy) -> None:
    with Notify().listening() as notify:
        pass
    async with reachable(database, **by_notify(notify, "email")) as served:
        await something_urgent(served, person("desk"), desk("desk"))
        assert await send(served, "email") == [Answer.SERVER_DOWN]
        with notify.listening():
            assert isinstance(notify, Notify)
            await due_now(served)
            assert await send(served, "email") == [Answer.ACCEPTED]
            [(channel, said)] = notify.taken
            assert (channel, said["email_address"]) == ("email", "desk@staff.example")
            assert said["personalisation"]["subject"].endswith("needs a person to place it")


async def test_a_channel_without_settings_is_not_offered_and_nothing_waits_for_it(database: Copy) -> None:
    async with reachable(database) as served:
        await served.hear(person("desk"), desk("desk"))
        assert (await prefer(served, "desk"))["offered"] == ["email"]
        refused = await prefer(served, "desk", status=422, **MOBILE)
        assert refused["errors"][0]["code"] == "channel-not-offered"
        await something_urgent(served)
        settings = served.runtime.settings
        assert isinstance(settings, Settings)
        await PostRound(served.runtime, carrier_of(settings, Channel.CHAT), channel="chat").tidy()
        assert {row["channel"] for row in await served.rows("SELECT channel FROM letter_item")} == {"email"}


async def test_a_text_message_needs_a_number(database: Copy) -> None:
    with Notify().listening() as notify:
        async with reachable(database, **by_notify(notify, "sms")) as served:
            refused = await prefer(served, "desk", status=422, channels=["sms"])
            assert refused["errors"][0]["pointer"] == "/mobile"


async def test_a_teams_room_hears_of_what_is_urgent_once(database: Copy) -> None:
    with Host(lambda _: (200, {})).listening() as room:
        rooms = {"council": SecretStr(f"json://127.0.0.1:{room.port}/")}
        async with reachable(database, chat_rooms=rooms) as served:
            case = await something_urgent(served, desk("desk"), desk("another"), role("worker"))
            placed = await something_urgent(served)
            # What has lost its reason is not said any more.
            await served.hear(assigned(placed))
            assert await send(served, "chat") == [Answer.ACCEPTED]
            [request] = room.requests
            assert request.json["title"] == f"Case J-{case[-4:]} needs a person to place it"
            assert f"/cases/{case}" in request.json["message"]
            assert [e for e in await served.said(NotificationSent) if getattr(e, "channel", "") == "chat"] == []


async def test_a_room_that_does_not_answer_is_tried_again(database: Copy) -> None:
    with Host(lambda _: (500, {})).listening() as room:
        rooms = {"council": SecretStr(f"json://127.0.0.1:{room.port}/")}
        async with reachable(database, chat_rooms=rooms) as served:
            await something_urgent(served, desk("desk"))
            assert await send(served, "chat") == [Answer.LATER]
            room.answers = lambda _: (200, {})
            await due_now(served)
            assert await send(served, "chat") == [Answer.ACCEPTED]


def _plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Browser:
    """A browser with keys of its own."""

    def __init__(self, url: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = b"sixteen bytes!!!"
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.subscription = {"endpoint": url, "keys": {"p256dh": _plain(point), "auth": _plain(self.secret)}}

    def read(self, body: bytes) -> str:
        """What a notice says; nobody else can."""
        opened: bytes = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
        return opened.decode()


VAPID = _plain((12345678901234567890).to_bytes(32, "big"))
PUSH: dict[str, Any] = {"vapid_key": SecretStr(VAPID), "push_hosts": ("127.0.0.1",)}


async def subscribe(served: Served, browser: Browser, *, status: int = 201) -> Any:
    mine = signed_in(subject="desk", organisation="county-council")
    answer = await served.client.post(
        "/v1/notifications/push-subscriptions", json=browser.subscription, headers=mine | keyed()
    )
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_notice_in_the_browser_can_be_read_by_that_browser_alone(database: Copy) -> None:
    with Host(lambda _: (201, {})).listening() as service:
        async with reachable(database, **PUSH) as served:
            await served.hear(person("desk"), desk("desk"))
            await prefer(served, "desk", channels=["push"])
            browser = Browser(f"{service.url}/send/1")
            await subscribe(served, browser)
            case = await something_urgent(served)
            assert await send(served, "push") == [Answer.ACCEPTED]
            [request] = service.requests
            assert case.encode() not in request.body
            assert request.headers["authorization"].startswith("vapid t=")
            notice = browser.read(request.body)
            assert f"J-{case[-4:]}" in notice
            assert f"/cases/{case}" in notice
            key = await served.client.get("/v1/notifications/push-key", headers=signed_in(subject="desk"))
            assert key.json()["application_server_key"] in request.headers["authorization"]


async def test_a_browser_that_is_gone_is_forgotten_and_another_gets_the_notice(database: Copy) -> None:
    with Host(lambda r: (410 if r.path == "/gone" else 201, {})).listening() as service:
        async with reachable(database, **PUSH) as served:
            await served.hear(person("desk"), desk("desk"))
            await prefer(served, "desk", channels=["push"])
            for path in ("gone", "here"):
                await subscribe(served, Browser(f"{service.url}/{path}"))
            await something_urgent(served)
            assert await send(served, "push") == [Answer.ACCEPTED]
            mine = signed_in(subject="desk")
            listed = await served.client.get("/v1/notifications/push-subscriptions", headers=mine)
            [left] = listed.json()["items"]
            url = f"/v1/notifications/push-subscriptions/{left['id']}"
            codes = [(await served.client.delete(url, headers=h)).status_code for h in (signed_in(subject="x"), mine)]
            assert codes == [404, 204]


async def test_notices_go_to_push_services_alone(database: Copy) -> None:
    async with reachable(database, vapid_key=SecretStr(VAPID)) as served:
        for url in (
            "http://127.0.0.1:5432/",
            "https://fcm.googleapis.com.evil.example/",
            "https://u:p@fcm.googleapis.com/",
        ):
            refused = await subscribe(served, Browser(url), status=422)
            assert refused["errors"][0]["pointer"] == "/endpoint"
        await subscribe(served, Browser("https://fcm.googleapis.com/fcm/send/1"))
    async with reachable(database) as served:
        await subscribe(served, Browser("https://fcm.googleapis.com/fcm/send/1"), status=404)


async def test_urgent_or_not_the_channel_is_the_persons(database: Copy) -> None:
    with Notify().listening() as notify:
        assert isinstance(notify, Notify)
        async with reachable(database, **by_notify(notify, "sms")) as served:
            await served.hear(person("worker"), role("worker", cluster=CLUSTER))
            case, events = a_case()
            await served.hear(*events, assigned(case))
            assert await send(served, "sms") == []
            assert {row["channel"] for row in await served.rows("SELECT channel FROM letter_item")} >= {"email"}
