"""What exchange's tests say to it: cases as they are told by the other services, agreements, subscriptions."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

import httpx
from chassis.cause import Cause
from chassis.clock import new_id, wall_now
from chassis.event_log.interface import Partition, Record
from exchange.workers import PostOffice
from schemas.envelope import Envelope
from schemas.event import Event
from schemas.referral import (
    Basis,
    CaseOpened,
    CaseParticipantsChanged,
    Circumstances,
    Home,
    Need,
    Participant,
    ReferralSubmitted,
)
from schemas.routing import CaseAssigned
from support.service import Served, keyed, signed_in

DAY: Final = date(2026, 11, 20)
OFFICER: Final = signed_in(
    organisation="county-council", sector="council", roles=("data-protection-officer",), subject="officer"
)
TRUST: Final = signed_in(organisation="nhs-trust", sector="health", subject="trust")
CARE: Final = signed_in(organisation="social-care", sector="social-care", subject="care")
SCHOOL: Final = signed_in(organisation="school-115482", sector="education", subject="school")
#: Whose cases the trust hears of: those in which its sector takes part.
AGREEMENT: Final[dict[str, Any]] = {
    "id": "trust", "organisation_id": "nhs-trust", "sector": "health", "county_wide": True,
    "purposes": ["assessment", "placement"], "bases": ["public-task", "consent"],
    "since": "2026-09-01", "until": "2027-08-31",
}  # fmt: skip


async def agree(served: Served, **terms: Any) -> httpx.Response:
    """An officer records an agreement."""
    answer = await served.client.post("/v1/subscriptions/agreements", json=terms, headers=OFFICER | keyed())
    assert answer.status_code == 201, answer.text
    return answer


async def subscribe(
    served: Served, *, way: str = "http-feed", url: str | None = None, caller: dict[str, str] = TRUST,
    agreement: str = "trust", **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """A subscription; its answer's body."""
    delivery = {"way": way, **({"url": url} if url else {}), **more.pop("delivery", {})}
    body = {"agreement": agreement, "delivery": delivery, **more}
    answer = await served.client.post("/v1/subscriptions", json=body, headers=caller | keyed())
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def act(
    served: Served, id: str, what: str, body: dict[str, Any] | None = None, caller: dict[str, str] = TRUST
) -> httpx.Response:
    """Do something with a subscription, as it now is."""
    path = f"/v1/subscriptions/{id}"
    etag = (await served.client.get(path, headers=caller)).headers["ETag"]
    headers = caller | keyed() | {"If-Match": etag}
    if what == "PATCH":
        return await served.client.patch(path, json=body, headers=headers)
    if what == "DELETE":
        return await served.client.delete(path, headers=headers)
    return await served.client.post(f"{path}/{what}", json=body or {}, headers=headers)


def taking_part(case_id: str, *organisations: tuple[str, str], role: str = "referrer") -> CaseParticipantsChanged:
    """Who takes part: (organisation, sector)."""
    return CaseParticipantsChanged(
        case_id=case_id,
        participants=tuple(
            Participant(organisation_id=organisation, sector=sector, role=role, since=DAY)
            for organisation, sector in organisations
        ),
    )


EVERYBODY: Final = (("school-115482", "education"), ("nhs-trust", "health"), ("social-care", "social-care"))


def a_case(
    *organisations: tuple[str, str], case_id: str | None = None, basis: str = "public-task",
    school: str | None = "115482", needs: Sequence[str] = ("SEMH",), sender: str = "school-115482",
) -> list[Event]:  # fmt: skip
    """What is told when a case opens: as referral-api says it, who takes part last."""
    case_id, referral_id = case_id or new_id(), new_id()
    ranked = tuple(Need(type=need, rank=rank) for rank, need in enumerate(needs, 1))
    circumstances = Circumstances(
        school_urn=school, year_group="5", age=9, needs=ranked,
        home=Home(state="known", easting=384000, northing=218000), urgency="soon", risk_of_exclusion="emerging",
    )  # fmt: skip
    return [
        ReferralSubmitted(
            case_id=case_id, referral_id=referral_id, organisation_id=sender, sector="education", needs=ranked,
            requested=("assessment",), urgency="soon", risk_of_exclusion="emerging",
            basis=Basis(kind=basis, recorded_on=DAY),
        ),
        CaseOpened(case_id=case_id, reference="J-TEST-1", referral_id=referral_id, circumstances=circumstances),
        taking_part(case_id, *(organisations or EVERYBODY)),
    ]  # fmt: skip


def assigned(case_id: str, cluster: str = "north-primary", decision: int = 1) -> CaseAssigned:
    """The router gave the case to a cluster."""
    return CaseAssigned(
        case_id=case_id, cluster_id=cluster, organisation_id="school-100001", decision=decision,
        rules_version="2026-09", reasons=("school-in-cluster",),
    )  # fmt: skip


async def loop_back(served: Served) -> int:
    """Let exchange hear what it said itself, as its relay and consumer would. Returns how many events."""
    heard: set[str] = served.__dict__.setdefault("_looped", set())
    rows = await served.rows("SELECT * FROM outbox WHERE topic = 'exchange-events' ORDER BY id")
    fresh = [row for row in rows if row["event_id"] not in heard]
    records = []
    for row in fresh:
        heard.add(row["event_id"])
        envelope = Envelope(
            row["event_id"], row["source"], row["type"], row["subject"], row["time"], row["dataschema"],
            row["sequence"], row["correlation_id"], row["causation_id"], row["traceparent"], row["data"],
        )  # fmt: skip
        key, headers, value = envelope.to_kafka()
        records.append(Record(Partition("exchange-events", 0), len(heard), key, value, tuple(headers), wall_now()))
    consumer = served.runtime.consumer
    assert consumer is not None
    await consumer.deliver(records)
    return len(records)


async def said(served: Served, kind: type[Event]) -> list[Event]:
    """What exchange said itself, of one type."""
    rows = await told(served, "exchange-events")
    return [kind.from_json(row["data"]) for row in rows if row["type"] == kind.type]


async def told(served: Served, topic: str) -> list[dict[str, Any]]:
    """What is on its way to a topic, in order."""
    return await served.rows("SELECT * FROM outbox WHERE topic = $1 ORDER BY id", topic)


async def read_all(
    served: Served, id: str, caller: dict[str, str] = TRUST, limit: int = 100, cursor: str | None = None
) -> list[dict[str, Any]]:
    """Everything that a subscription was told, page by page."""
    events: list[dict[str, Any]] = []
    while True:
        query = {"subscription": id, "limit": str(limit), **({"cursor": cursor} if cursor else {})}
        answer = await served.client.get("/v1/events", params=query, headers=caller)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        if not page and cursor == answer.headers["Next-Cursor"]:
            return events
        events += page
        cursor = answer.headers["Next-Cursor"]


async def send_until(office: PostOffice, done: Callable[[], bool], *, rounds: int = 2_000) -> None:
    """Go round as the worker does until something is so."""
    for _ in range(rounds):
        await office.round()
        if done():
            await office.finish()
            return
        await asyncio.sleep(0.002)
    raise AssertionError("It never came to that.")


async def hurry(served: Served) -> None:
    """Whatever waits is due now: retries need no patience in tests."""
    await served.rows("UPDATE lane SET due_at = '2026-01-01T00:00:00Z', leased_until = NULL")
    await served.rows("UPDATE receiver SET rests_until = NULL")


def journey() -> Cause:
    """A cause of the tests' own."""
    return Cause.fresh()


async def health(exchange: Served, id: str) -> dict[str, Any]:
    answer = await exchange.client.get(f"/v1/subscriptions/{id}/health", headers=TRUST)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def deliveries(exchange: Served, id: str, state: str | None = None) -> list[dict[str, Any]]:
    query = {"state": state} if state else {}
    answer = await exchange.client.get(f"/v1/subscriptions/{id}/deliveries", params=query, headers=TRUST)
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def on_log(exchange: Served, topic: str) -> list[dict[str, Any]]:
    """Everything on a topic, partition by partition."""
    log = exchange.runtime.event_log
    events: list[dict[str, Any]] = []
    for partition, end in sorted((await log.end_offsets([topic])).items()):
        if end:
            records = await log.read(partition, 0, limit=100_000)
            events += [Envelope.from_kafka(r.key, r.headers, r.value).to_structured() for r in records]
    return events
