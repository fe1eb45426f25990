"""What exchange says: subscriptions that stopped, recalls that nobody answered; told to who answers for them."""

from integration.notifier.events import role
from integration.notifier.test_casework import TEAM, cleared, held, told
from schemas.exchange import RecallOverdue, SubscriptionStopped
from schemas.notification import NotificationSent
from schemas.referral import CaseClosed
from support.service import Served, signed_in


async def test_a_subscription_that_stops_is_told_to_who_answers_for_it_and_to_the_council(notifier: Served) -> None:
    await notifier.hear(
        *TEAM, role("protector", "data-protection-officer", cluster=None, sector="council"),
        role("signs", "data-protection-officer", cluster=None, organisation="nhs-trust", sector="health"),
        role("runs", "operator", cluster=None, organisation="nhs-trust", sector="health"),
        role("nurse", organisation="nhs-trust", sector="health"),
    )  # fmt: skip
    stopped = {"subscription_id": "s-1", "reason": "agreement-ended"}
    await notifier.hear(SubscriptionStopped(**stopped, organisation_id="nhs-trust"))
    officer = ("protector", "subscription-stopped-officer")
    asked = {("signs", "subscription-stopped"), ("runs", "subscription-stopped"), officer}
    assert await told(notifier, "subscription:s-1") == asked
    # What is no case's is nobody's outside.
    assert await notifier.said(NotificationSent) == []
    answer = await notifier.client.get("/v1/notifications", headers=signed_in(subject="runs"))
    [item] = answer.json()["items"]
    assert (item["case_id"], item["href"], item["why"]) == (
        None,
        "/integrators/s-1",
        "This concerns your organisation.",
    )
    # Where nobody answers for it the council does, and the desk is asked to find somebody.
    await notifier.hear(SubscriptionStopped(**stopped | {"subscription_id": "s-2"}, organisation_id="a-school"))
    assert await told(notifier, "subscription:s-2") == {("protector", "subscription-stopped")}
    [vacancy] = await notifier.rows("SELECT about, reason FROM task WHERE about = 'organisation:a-school'")
    assert vacancy["reason"] == "nobody-in-the-role"


async def test_a_recall_that_is_not_answered_is_told_to_each_organisation_that_owes_an_answer(
    notifier: Served,
) -> None:
    case = await held(
        notifier, role("protector", "data-protection-officer", cluster=None, sector="council"),
        role("signs", "data-protection-officer", cluster=None, organisation="nhs-trust", sector="health"),
        role("heads", "head-of-service", cluster=None, organisation="early-help", sector="social-care"),
        role("other", "data-protection-officer", cluster=None, organisation="answered", sector="health"),
    )  # fmt: skip
    await notifier.hear(
        RecallOverdue(case_id=case, recall_id="r-1", organisation_ids=("early-help", "nhs-trust", "education-feed"))
    )
    # A feed is no organisation: for it the council's officer is asked in its place.
    assert await told(notifier, case) == {
        ("signs", "recall-overdue"), ("heads", "recall-overdue"), ("protector", "recall-overdue"),
    }  # fmt: skip
    await notifier.hear(RecallOverdue(case_id=case, recall_id="r-1", organisation_ids=("nhs-trust",)))
    assert ("protector", "recall-overdue-officer") in await told(notifier, case)
    await notifier.hear(CaseClosed(case_id=case, reason="needs-met"))
    assert (await cleared(notifier, case))["recall-overdue"] == "closed"
