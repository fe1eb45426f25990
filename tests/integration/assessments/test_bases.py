"""A basis that ended: plans and open advice that rest on it say so, and nothing more is asked or agreed on it."""

from typing import Any

from chassis.clock import new_id
from integration.assessments.county import REFERRER, a_case, advice, change, get, post, read
from integration.assessments.test_plans import CONSENT, PLAN
from schemas.assessment import AdviceRequested
from schemas.referral import CaseBasisWithdrawn, CaseErased, CaseUnlinked, ReferralAmended, ReferralSubmitted
from support.service import Served

SENDER = str(REFERRER["organisation"])
NEW = {"kind": "public-task", "special_category": "substantial-public-interest", "recorded_on": "2026-11-24"}


def referred(case: str, kind: str = "consent", *, organisation: str = SENDER) -> ReferralSubmitted:
    """A referral with its basis."""
    return ReferralSubmitted.model_validate(
        {
            "case_id": case, "referral_id": new_id(), "organisation_id": organisation, "sector": "education",
            "urgency": "routine", "needs": [{"type": "SEMH", "rank": 1}], "requested": ["assessment"],
            "risk_of_exclusion": "none", "basis": NEW | {"kind": kind},
        }
    )  # fmt: skip


def withdrawn(case: str, kind: str = "consent", *, organisation: str = SENDER) -> CaseBasisWithdrawn:
    """Whoever recorded a basis says that it ended."""
    return CaseBasisWithdrawn(case_id=case, organisation_id=organisation, kind=kind)


async def worked(service: Served) -> tuple[str, str, dict[str, Any]]:
    """A case that rests on consent, with a plan and open advice: case, plan's path, advice."""
    case = await a_case(service)
    made = await post(service, f"/v1/assessments/{case}/plans", PLAN)
    assert made.status_code == 201, made.text
    return case, made.headers["Location"], await advice(service, case, "education")


async def test_a_plan_on_consent_shows_its_end_and_can_only_be_ended(service: Served) -> None:
    case, path, _ = await worked(service)
    await service.hear(referred(case))
    await service.hear(withdrawn(case))
    assert (await read(service, path))["basis_ended_on"] is not None
    no = await change(service, path, "reviews", {"outcome": "continue", "reviewed_on": "2026-11-23"})
    assert (no.status_code, no.json()["type"].rpartition("/")[2]) == (409, "basis-withdrawn")
    # On a consent of its own another plan begins at once.
    again = await post(service, f"/v1/assessments/{case}/plans", PLAN | {"basis": CONSENT})
    assert (again.status_code, again.json()["basis_ended_on"]) == (201, None)
    end = await change(service, path, "reviews", {"outcome": "end", "reviewed_on": "2026-11-23"})
    assert (end.status_code, end.json()["state"]) == (200, "ended")


async def test_advice_that_rests_on_nothing_is_asked_of_nobody_any_more(service: Served) -> None:
    case, _, one = await worked(service)
    await service.hear(referred(case))
    path = f"/v1/advice/{one['id']}"
    await service.hear(withdrawn(case))
    asked = len(await service.said(AdviceRequested))
    found = await read(service, path)
    assert found["basis_ended_on"] is not None
    assert {act["name"] for act in found["actions"] if act["allowed"]} == {"cancel"}
    no = await change(service, path, "answer", {"text": "Too late."})
    assert (no.status_code, no.json()["type"].rpartition("/")[2]) == (409, "basis-withdrawn")
    more = await post(service, f"/v1/assessments/{case}/advice", {"discipline": "physiotherapy"})
    assert (more.status_code, more.json()["type"].rpartition("/")[2]) == (409, "basis-withdrawn")
    assert len(await service.said(AdviceRequested)) == asked
    # Another basis, and it goes on.
    amended = ReferralAmended.model_validate(
        {
            "case_id": case, "referral_id": new_id(), "organisation_id": SENDER, "version": 2,
            "fields": ["/basis"], "basis": NEW,
        }
    )  # fmt: skip
    await service.hear(amended)
    assert (await read(service, path))["basis_ended_on"] is None
    assert (await change(service, path, "answer", {"text": "In time."})).status_code == 200


async def test_a_link_to_answer_by_opens_no_longer(service: Served) -> None:
    case, _, _ = await worked(service)
    await service.hear(referred(case))
    asked = {"discipline": "physiotherapy", "without_account": True, "question": "Can she climb stairs?"}
    made = (await post(service, f"/v1/assessments/{case}/advice", asked)).json()
    link = (await change(service, f"/v1/advice/{made['id']}", "link")).json()
    way = "/v1/advice/answers/" + link["answers_url"].rpartition("/")[2]
    assert (await service.client.get(way)).status_code == 200
    await service.hear(withdrawn(case))
    assert (await service.client.get(way)).status_code == 404


async def test_while_another_basis_stands_advice_goes_on(service: Served) -> None:
    case, path, one = await worked(service)
    other = referred(case, "public-task", organisation="nhs-trust")
    await service.hear(referred(case))
    await service.hear(other)
    await service.hear(withdrawn(case))
    assert (await read(service, f"/v1/advice/{one['id']}"))["basis_ended_on"] is None
    # The plan rests on the consent alone.
    assert (await read(service, path))["basis_ended_on"] is not None
    # The other referral was another child's: what is left rests on nothing.
    await service.hear(
        CaseUnlinked(case_id=case, referral_id=other.referral_id, new_case_id=new_id(), reason="different-child")
    )
    assert (await read(service, f"/v1/advice/{one['id']}"))["basis_ended_on"] is not None


async def test_what_nobody_told_a_basis_of_is_as_before_and_an_erased_case_keeps_none(service: Served) -> None:
    case, path, one = await worked(service)
    await service.hear(withdrawn(case))
    assert (await read(service, path))["basis_ended_on"] is None
    assert (await get(service, f"/v1/advice/{one['id']}")).json()["basis_ended_on"] is None
    await service.hear(referred(case))
    await service.hear(CaseErased(case_id=case))
    await service.hear(referred(case))
    assert await service.rows("SELECT * FROM basis") == []
