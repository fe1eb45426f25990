"""The risk of permanent exclusion: raised by rules, confirmed or dismissed by people."""

from datetime import date

from integration.placements.county import (
    DESK,
    LEAD,
    OTHER_LEAD,
    a_case,
    call,
    get,
    notified,
    opened,
)
from schemas.placement import (
    RiskConfirmed,
    RiskDismissed,
    RiskRaised,
)
from schemas.referral import Basis, CaseCircumstancesChanged, Need, ReferralSubmitted
from support.service import Served


async def test_a_risk_is_raised_once_for_new_reasons_and_the_cluster_decides(house: Served) -> None:
    case = await a_case(house)
    await house.hear(notified(case, first_on="2026-11-09", sessions=2))
    assert await house.said(RiskRaised) == []
    await house.hear(notified(case, first_on="2026-11-16", sessions=8))
    [raised] = await house.said(RiskRaised)
    assert isinstance(raised, RiskRaised)
    assert (raised.cluster_id, raised.reasons) == ("north", ("many-sessions-in-term",))
    await house.hear(notified(case, first_on="2026-11-23", sessions=1))
    assert len((await house.said(RiskRaised))[1:]) == 1, "three within six weeks is new"
    await house.hear(notified(case, first_on="2026-11-24", sessions=1))
    assert len(await house.said(RiskRaised)) == 2, "nothing new"
    listed = (await get(house, f"/v1/exclusions/risks?case={case}&state=raised", LEAD))["items"]
    assert listed[0]["because"] == ["Many sessions suspended in a term"]
    first, second = listed
    path = f"/v1/exclusions/risks/{first['id']}"
    assert (await call(house, "POST", f"{path}/confirm", DESK, {}, **{"If-Match": '"1"'})).status_code == 403
    assert (await call(house, "POST", f"{path}/confirm", OTHER_LEAD, {}, **{"If-Match": '"1"'})).status_code == 404
    answer = await call(house, "POST", f"{path}/confirm", LEAD, {}, **{"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["state"], answer.json()["decided_by"]) == (200, "confirmed", "lead")
    decided = await call(house, "POST", f"{path}/confirm", LEAD, {}, **{"If-Match": '"2"'})
    assert (decided.status_code, decided.json()["title"]) == (409, "Risk decided")
    wrong = await call(
        house,
        "POST",
        f"/v1/exclusions/risks/{second['id']}/dismiss",
        LEAD,
        {"reason": "because"},
        **{"If-Match": '"1"'},
    )
    assert wrong.json()["errors"][0]["pointer"] == "/reason"
    await call(
        house,
        "POST",
        f"/v1/exclusions/risks/{second['id']}/dismiss",
        LEAD,
        {"reason": "one-off"},
        **{"If-Match": '"1"'},
    )
    assert len(await house.said(RiskConfirmed)) == len(await house.said(RiskDismissed)) == 1


async def test_an_imminent_risk_of_the_referrers_is_raised_at_once(house: Served) -> None:
    case = await a_case(house, risk_of_exclusion="imminent")
    [raised] = await house.said(RiskRaised)
    assert isinstance(raised, RiskRaised)
    assert (raised.case_id, raised.reasons, raised.cluster_id) == (case, ("imminent-by-referrer",), None)
    referral = ReferralSubmitted(
        case_id=case, referral_id="r", organisation_id="nhs-trust", sector="health", requested=("advice",),
        needs=(Need(type="SEMH", rank=1),), urgency="soon", risk_of_exclusion="imminent",
        basis=Basis(kind="public-task", recorded_on=date(2026, 11, 20)),
    )  # fmt: skip
    await house.hear(referral)
    assert len(await house.said(RiskRaised)) == 1, "said already"
    calm = await a_case(house)
    await house.hear(referral.model_copy(update={"case_id": calm}))
    assert len(await house.said(RiskRaised)) == 2
    calm = await a_case(house)
    event = opened(calm, risk_of_exclusion="imminent").circumstances
    await house.hear(CaseCircumstancesChanged(case_id=calm, changed=("risk_of_exclusion",), circumstances=event))
    assert len(await house.said(RiskRaised)) == 3
