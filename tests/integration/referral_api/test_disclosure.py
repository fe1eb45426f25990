"""A sector's system fetches a case: its projection, its own number of the child, only while a basis stands."""

from datetime import date
from typing import Any

import pytest
from chassis.cause import Cause
from integration.referral_api.steps import HOSPITAL, INTAKE, SCHOOL, SOCIAL_CARE, House, a_referral
from integration.referral_api.test_access import NHS, UPN, assigned
from referral_api.app import SERVICE
from referral_api.domain.disclosure import DisclosureRule, DisclosureRules
from referral_api.handlers import disclosing
from referral_api.settings import Settings
from referral_api.views.disclosure import DisclosedOut
from schemas.referral import CaseDisclosed
from support.database import Copy
from support.service import serving

CHILD = {"upn": UPN, "nhs_number": NHS}
CONSENT = {"kind": "consent", "special_category": "explicit-consent", "recorded_on": "2026-11-20"}


async def fetch(house: House, case_id: str, by: dict[str, Any], **query: str) -> dict[str, Any]:
    found = await house.read(f"/v1/cases/{case_id}", by=by, **query)
    DisclosedOut.model_validate(found)
    assert set(found) <= set(DisclosedOut.model_fields)
    return found


async def test_each_sector_gets_its_projection_and_its_own_number(house: House) -> None:
    case_id = (await house.sent(a_referral(child=CHILD)))["case_id"]
    for by in (HOSPITAL, SOCIAL_CARE):
        await house.sent(a_referral(), by=by)
    await house.served.hear(assigned(case_id))
    school = await fetch(house, case_id, SCHOOL, purpose="assessment")
    health = await fetch(house, case_id, HOSPITAL, purpose="assessment")
    care = await fetch(house, case_id, SOCIAL_CARE, purpose="safeguarding")
    assert (school["child"]["upn"], health["child"]["nhs_number"]) == (UPN, NHS)
    for found, others in ((school, NHS), (health, UPN), (care, NHS), (care, UPN)):
        assert others not in str(found)
    assert not {"nhs_number", "upn"} & set(care["child"])
    assert "postcode" not in school["child"]
    assert (health["child"]["postcode"], "school_urn" in health["child"]) == ("GL1 4AW", False)
    assert care["child"]["school_urn"] == "115482"
    assert {each["organisation_id"] for each in care["participants"]} >= {"nhs-trust", "school-115482"}
    assert school["assignment"]["cluster_id"] == "gloucester-primary"
    for found in (school, health, care):
        assert "summary" not in str(found)
        assert "contacts" not in str(found)


async def test_it_is_told_to_the_ledger_and_audited(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    await fetch(house, case_id, SCHOOL, purpose="placement")
    assert await house.said(CaseDisclosed) == [
        CaseDisclosed(
            case_id=case_id,
            organisation_id="school-115482",
            sector="education",
            purpose="placement",
            basis="public-task",
        )
    ]
    (row,) = await house.served.rows("SELECT organisation, what_id, reason FROM audit WHERE action = 'disclosed'")
    assert row == {
        "organisation": "school-115482", "what_id": case_id, "reason": "placement/public-task/education-support",
    }  # fmt: skip


async def test_a_basis_that_was_taken_back_ends_it_at_once(house: House) -> None:
    sent = await house.sent(a_referral(basis=CONSENT))
    path = f"/v1/cases/{sent['case_id']}"
    assert (await house.get(path, purpose="assessment")).json()["basis"] == "consent"
    assert (await house.get(path, purpose="assessment", basis="public-task")).status_code == 404
    assert (await house.get(path, purpose="safeguarding")).status_code == 404
    await house.sent(a_referral(basis=CONSENT), by=HOSPITAL)
    await house.withdraw(sent["referral_id"], reason="consent-withdrawn")
    # The hospital's consent still stands.
    assert (await house.get(path, purpose="assessment")).status_code == 200
    changed = await house.served.rows("SELECT referral_id FROM referral WHERE organisation_id = 'nhs-trust'")
    await house.withdraw(changed[0]["referral_id"], reason="consent-withdrawn", by=HOSPITAL)
    for by in (SCHOOL, HOSPITAL):
        assert (await house.get(path, by=by, purpose="assessment")).status_code == 404


async def test_a_changed_basis_is_the_one_that_counts(house: House) -> None:
    sent = await house.sent(a_referral(basis=CONSENT))
    await house.patch(sent["referral_id"], {"basis": {"kind": "legal-obligation"}})
    found = await fetch(house, sent["case_id"], SCHOOL, purpose="safeguarding")
    assert found["basis"] == "legal-obligation"


async def test_what_no_rule_lets_out_and_what_one_has_no_part_in_does_not_exist(house: House) -> None:
    case_id = (await house.sent())["case_id"]
    before = len(await house.said())
    for by, query in (
        (HOSPITAL, {"purpose": "assessment"}),
        (SCHOOL, {"purpose": "subject-access"}),
        (SCHOOL, {"purpose": "assessment", "basis": "vital-interests"}),
        ({**INTAKE, "roles": ("agency-system",)}, {"purpose": "assessment"}),
    ):
        response = await house.get(f"/v1/cases/{case_id}", by=by, **query)
        assert response.status_code == 404, (by, query)
        assert response.json()["detail"] == (await house.get("/v1/cases/nothing")).json()["detail"]
    assert len(await house.said()) == before


@pytest.mark.parametrize(("name", "code"), [("purpose", "marketing"), ("basis", "because")])
async def test_a_purpose_and_a_basis_are_of_their_registry(house: House, name: str, code: str) -> None:
    case_id = (await house.sent())["case_id"]
    asked: dict[str, Any] = {"purpose": "assessment", name: code}
    refused = await house.get(f"/v1/cases/{case_id}", **asked)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/query/{name}")


async def test_a_protected_address_stays_with_social_care(house: House) -> None:
    case_id = (await house.sent(a_referral(child={"address_restricted": True}), by=SOCIAL_CARE))["case_id"]
    for by in (SCHOOL, HOSPITAL):
        await house.sent(by=by)
    for by, sees in ((SCHOOL, False), (HOSPITAL, False), (SOCIAL_CARE, True)):
        found = await fetch(house, case_id, by, purpose="assessment")
        assert ("GL1 4AW" in str(found), "115482" in str(found.get("child"))) == (sees, sees), by


async def test_a_county_wide_system_fetches_what_its_sector_takes_part_in(database: Copy) -> None:
    system = {"organisation": "health-county-system", "sector": "health"}
    async with serving(SERVICE, database, settings=Settings(sector_systems="other, health-county-system")) as served:
        house = House(served)
        case_id = (await house.sent(a_referral(child=CHILD)))["case_id"]
        assert (await house.get(f"/v1/cases/{case_id}", by=system)).status_code == 404
        await house.sent(by=HOSPITAL)
        found = await fetch(house, case_id, system)
        assert (found["child"]["nhs_number"], found["purpose"]) == (NHS, "assessment")
        assert (await house.get(f"/v1/cases/{case_id}/timeline", by=system)).status_code == 404
        assert (await house.get(f"/v1/cases/{case_id}", by={**system, "organisation": "another"})).status_code == 404
        assert (await house.read("/v1/cases", by=system))["items"] == []


async def test_a_withdrawal_that_comes_first_wins(house: House) -> None:
    import asyncio

    from chassis.auth import Caller
    from integration.referral_api.test_races import waiting
    from referral_api.handlers.amendment import WithdrawReferral, withdraw_referrals

    sent = await house.sent(a_referral(basis=CONSENT))
    caller = Caller("s", "c", "school-115482", "education", frozenset({"agency-system"}))
    async with house.served.runtime.transaction() as tx:
        await withdraw_referrals(
            [WithdrawReferral(sent["referral_id"], 1, "consent-withdrawn", caller, Cause.fresh())], tx
        )
        fetching = asyncio.create_task(house.get(f"/v1/cases/{sent['case_id']}", purpose="assessment"))
        await waiting(house, fetching)
    assert (await fetching).status_code == 404


async def test_no_rule_however_wide_gives_another_sector_s_number(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = DisclosureRule(
        "everything", frozenset({"education", "health", "social-care"}), frozenset({"assessment"}), ("public-task",),
        ("child", "circumstances", "family", "participants", "assignment", "requested"), "",
    )  # fmt: skip
    rules = DisclosureRules("wide", date(2026, 9, 1), "assessment", (everything,))
    monkeypatch.setattr(disclosing, "disclosure_rules", lambda _: rules)
    case_id = (await house.sent(a_referral(child=CHILD)))["case_id"]
    for by, numbers in ((SCHOOL, {"upn"}), (HOSPITAL, {"nhs_number"}), (SOCIAL_CARE, set[str]())):
        await house.sent(by=by)
        found = await fetch(house, case_id, by, purpose="assessment")
        assert {"upn", "nhs_number"} & set(found["child"]) == numbers
        assert "home" not in found["circumstances"]
