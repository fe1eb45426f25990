"""A month on the simulated clock: what everybody was told is what the rules say, computed again by other code.

None missing, none twice, none at night, and no marked value in anything that left the house.
"""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from chassis.clock import BusinessClock, wall_now
from integration.notifier.events import (
    CLUSTER,
    LEAD_SCHOOL,
    REFERRING,
    assigned,
    at_school,
    calendar,
    clock,
    clock_met,
    cluster,
    desk,
    duty,
    notice,
    opened,
    person,
    provider,
    referrer,
    role,
    submitted,
)
from integration.notifier.mail import MailHost
from integration.notifier.naive import COUNTY, Away, County, expected
from integration.notifier.test_post import a_round
from notifier.app import SERVICE
from notifier.settings import Settings
from pydantic import SecretStr
from schemas.assessment import AdviceReceived, AdviceRequested, ClockBreached, PlanAgreed
from schemas.days import Calendar
from schemas.directory import RoleChanged
from schemas.event import Event
from schemas.funding import FundingAwarded, FundingRequested
from schemas.placement import DutyMet, PlacementAtRisk, PlacementOffered, RiskDismissed, RiskRaised
from schemas.referral import CaseClosed
from schemas.routing import (
    CaseAccepted,
    CaseReturned,
    HandoverAccepted,
    HandoverDeclined,
    HandoverEscalated,
    HandoverOffered,
)
from support.database import Copy
from support.service import Served, serving, signed_in

START, END = datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC)
OTHER = "forest-primary"
ROLES: tuple[RoleChanged, ...] = (
    role("lead", "cluster-lead"), role("worker"), role("second"), role("therapist", "adviser"),
    role("leaver", until=date(2026, 11, 13)), role("starter", since=date(2026, 11, 16)),
    role("alone", cluster=OTHER), desk("desk"), desk("clerk"), referrer("senco"),
    role("dsl", "safeguarding-lead", cluster=None, organisation=LEAD_SCHOOL),
    role("finance", "finance-officer", cluster=None, sector="council"),
    role("head", "head-of-service", cluster=None, sector="council"),
    role("social", "caseworker", cluster=None, organisation="childrens-services", sector="social-care"),
    role("staff", "provider-staff", cluster=None, organisation="ap-academy"),
)  # fmt: skip
AWAY = {
    "worker": Away(date(2026, 11, 9), date(2026, 11, 13), "second"),
    "alone": Away(date(2026, 11, 18), date(2026, 11, 20), None),
    "head": Away(date(2026, 11, 20), date(2026, 11, 30), "clerk"),
}
#: What stands in the events and must not stand in any message.
MARKED = (REFERRING, "115500", "SEMH", "Stroud", "childrens-services", "ap-academy", "exclu", "suspen", "governor")


class Time(BusinessClock):
    """Business time that the month sets."""

    def go_to(self, at: datetime) -> None:
        self.simulate(at, anchor=wall_now(), rate=0)


def a_story(chance: random.Random, number: int) -> Iterator[Event]:
    """What happens to one case, in order."""
    case, on = f"case-{number:04}", date(2026, 11, 25)
    urgency = chance.choice(["routine", "routine", "urgent", "immediate"])
    yield submitted(case, urgency=urgency)
    yield opened(case, urgency=urgency)
    yield at_school(case, social_care=chance.choice([None, "childrens-services"]))
    holder = chance.choice([CLUSTER, OTHER])
    yield assigned(case, to=holder)
    if chance.random() < 0.2:
        yield CaseReturned(case_id=case, cluster_id=holder, returned_by="lead", reason="full")
        yield assigned(case, to=(holder := CLUSTER))
    yield CaseAccepted(case_id=case, cluster_id=holder, organisation_id="x", accepted_by="worker")
    due = on + timedelta(days=chance.randrange(-8, 8))
    yield clock(case, id=f"clock-{number}", due=due)
    yield AdviceRequested(case_id=case, assessment_id="a", advice_id=f"advice-{number}", discipline="ep",
                          asked_of=REFERRING, requested_on=on, due_on=on)  # fmt: skip
    for n in range(chance.randrange(3)):
        yield notice(
            case, kind=chance.choice(["SUSP", "PERM"]), social_worker=chance.random() < 0.5, id=f"e{number}-{n}"
        )
        yield duty(case, id=f"duty-{number}-{n}", due=on + timedelta(days=chance.randrange(-6, 6)))
        if chance.random() < 0.6:
            yield DutyMet(case_id=case, exclusion_id="e", duty_id=f"duty-{number}-{n}", kind="governors-meet-15",
                          holder=REFERRING, due_on=on, met_on=on, in_time=True)  # fmt: skip
    if chance.random() < 0.5:
        yield RiskRaised(case_id=case, risk_id=f"r{number}", reasons=("x",), rules_version="1")
        yield RiskDismissed(case_id=case, risk_id=f"r{number}", dismissed_by="lead", reason="x")
    if chance.random() < 0.5:
        to = OTHER if holder == CLUSTER else CLUSTER
        way: dict[str, Any] = {"case_id": case, "handover_id": f"h{number}"}
        there: dict[str, Any] = {"from_cluster_id": holder, "to_cluster_id": to}
        yield HandoverOffered(**way, **there, reason="move", answer_by=END)
        yield HandoverEscalated(**way, **there, rung=chance.choice([1, 2]), answer_by=END)
        if chance.random() < 0.5:
            yield HandoverAccepted(**way, cluster_id=to, organisation_id="x", accepted_by="lead")
        else:
            yield HandoverDeclined(**way, **there, declined_by="alone", reason="full")
    money: dict[str, Any] = {"case_id": case, "request_id": f"f{number}", "cluster_id": holder,
                             "organisation_id": REFERRING, "amount_pence": 1, "since": on, "until": on}  # fmt: skip
    yield FundingRequested(**money, purpose="support", referred_at=START)
    yield FundingAwarded(**money, award_id="w", budget_id="b", rules_version="1")
    yield PlacementOffered(case_id=case, request_id="q", provider_id="provider-1", offer_id=f"o{number}", answer_by=END)
    yield PlacementAtRisk(case_id=case, placement_id="pl", provider_id="provider-1", reasons=("x",))
    yield AdviceReceived(case_id=case, assessment_id="a", advice_id=f"advice-{number}", discipline="ep",
                         received_on=on, due_on=on)  # fmt: skip
    yield PlanAgreed(case_id=case, plan_id="p", stage="support", cycle=1, agreed_on=on, review_on=on)
    if chance.random() < 0.5:
        yield clock_met(case, id=f"clock-{number}", due=due)
    elif chance.random() < 0.5:
        yield ClockBreached(case_id=case, clock_id=f"clock-{number}", kind="x", due_on=due, excused=False, days_late=1)
    if chance.random() < 0.4:
        yield CaseClosed(case_id=case, reason="done")


def a_month(seed: int, cases: int) -> list[tuple[datetime, str, Event]]:
    """All that is heard, in order, each at its minute, by day and by night."""
    chance = random.Random(seed)  # noqa: S311  a story, not a secret
    heard: list[tuple[datetime, int, Event]] = []
    for number in range(cases):
        story = list(a_story(chance, number))
        at = START + timedelta(minutes=chance.randrange(10 * 24 * 60))
        for event in story:
            heard.append((at, len(heard), event))
            at += timedelta(minutes=chance.randrange(1, 18 * 24 * 60 // len(story)))
    return [(at, f"event-{n:05}", event) for n, (at, _, event) in enumerate(sorted(heard, key=lambda h: h[:2]))]


async def away(served: Served) -> None:
    for who, absence in AWAY.items():
        mine = signed_in(subject=who, organisation="county-council") | {"If-Match": '"0"'}
        said = {"since": absence.since.isoformat(), "until": absence.until.isoformat(), "cover": absence.cover}
        body = {"email": True, "absence": said}
        answer = await served.client.put("/v1/preferences", json=body, headers=mine)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("seed", [1, 2])
async def test_everybody_was_told_what_the_rules_say_and_nobody_at_night(database: Copy, seed: int) -> None:
    heard = a_month(seed, cases=12)
    now, host = Time(), MailHost()
    left: list[datetime] = []
    host.on_content = lambda _: left.append(now.now().astimezone(COUNTY))
    now.go_to(START)
    settings = Settings(smtp_url=SecretStr("smtp://"), mail_from="j@county.example", post_at_once=False)
    async with host.listening():
        settings = settings.model_copy(update={"smtp_url": SecretStr(host.url())})
        async with serving(SERVICE, database, clock=now, settings=settings) as served:
            await live_through(served, now, heard)
            rows = await served.rows("SELECT event_id, person_id, rule FROM notification")
            compare(heard, rows)
            assert await served.rows("SELECT reason FROM parked") == []
            states = await served.rows("SELECT DISTINCT state FROM letter")
            assert {row["state"] for row in states} <= {"sent", "dropped"}
    # Nothing left twice, nothing at night, nothing that says who.
    assert len(host.ids()) == len(set(host.ids())) > 50
    for at, (_, letter) in zip(left, host.taken, strict=True):
        assert time(7, 30) <= at.time() < time(19) or letter["Subject"].startswith("Act now"), (at, letter["Subject"])
        payload = letter.get_payload(decode=True)
        assert isinstance(payload, bytes)
        whole = (letter["Subject"] + payload.decode()).lower()
        assert not [mark for mark in MARKED if mark.lower() in whole]


async def live_through(served: Served, now: Time, heard: list[tuple[datetime, str, Event]]) -> None:
    """Everything in its order, on the simulated clock, a look at what is due every four hours."""
    await served.hear(calendar(), provider(), cluster(), cluster(id=OTHER), *ROLES)
    await served.hear(*(person(name) for name in sorted({r.person_id for r in ROLES})))
    await away(served)
    post, consumer = a_round(served), served.runtime.consumer
    assert consumer is not None
    waiting = list(heard)
    for moment in [*sorted({at for at, _, _ in heard} | {START + timedelta(hours=h) for h in range(0, 720, 4)}), END]:
        now.go_to(moment)
        await fire(served)
        while waiting and waiting[0][0] <= moment:
            _, id, event = waiting.pop(0)
            record = served.record(event, id=id)
            # Some of it comes twice.
            await consumer.deliver([record, record] if id.endswith("3") else [record])
        await fire(served)
        while await post.next_letter() is not None:
            pass
        # People look at what they are told, so that nothing has to go on up its ladder.
        await served.rows("UPDATE notification SET delivered_at = $1 WHERE delivered_at IS NULL", wall_now())
    await post.carrier.rest()


async def fire(served: Served) -> None:
    while await served.runtime.deadlines().fire():
        pass


def compare(heard: list[tuple[datetime, str, Event]], rows: list[dict[str, Any]]) -> None:
    """What was told is what the rules say, and each of it once."""
    school_days = Calendar.of(calendar()).is_school_day
    leads, providers = {CLUSTER: LEAD_SCHOOL, OTHER: LEAD_SCHOOL}, {"provider-1": "ap-academy"}
    naive = expected(heard, County(ROLES, leads, providers, AWAY, school_days), END)
    ours = {(row["event_id"], row["person_id"]): row["rule"] for row in rows}
    assert {key: rule for key, rule in naive.items() if ours.get(key) != rule} == {}, "missing, or by another rule"
    assert {key: rule for key, rule in ours.items() if key not in naive} == {}, "told without a rule"
    assert set(Counter((row["event_id"], row["person_id"]) for row in rows).values()) == {1}
    assert len(ours) > 300
