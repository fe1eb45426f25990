"""The demo's referrals are believable, and of nobody."""

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from jointly.demo.referrals import DemoSchool, nhs_number, referrals, upn
from referral_api.domain.identifiers import clean_nhs_number, clean_upn
from referral_api.domain.school_years import usual_year_group

SCHOOLS = [DemoSchool("115482", 2, "GL1 4AW"), DemoSchool("900060", 4, "GL50 1AA"), DemoSchool("900061", 7, "GL5 1AA")]
TODAY = date(2026, 11, 23)


def test_the_same_seed_gives_the_same_children_and_another_seed_others() -> None:
    assert referrals(50, SCHOOLS, today=TODAY, seed=7) == referrals(50, SCHOOLS, today=TODAY, seed=7)
    mine = {r.body["child"]["nhs_number"] for r in referrals(50, SCHOOLS, today=TODAY, seed=7)}
    assert mine.isdisjoint(r.body["child"]["nhs_number"] for r in referrals(50, SCHOOLS, today=TODAY, seed=8))


@given(st.integers(0, 10_000))
def test_every_child_is_plainly_synthetic(seed: int) -> None:
    for referral in referrals(20, SCHOOLS, today=TODAY, seed=seed):
        child = referral.body["child"]
        assert child["family_name"].endswith("-Test")
        assert child["nhs_number"].startswith("999")
        assert clean_nhs_number(child["nhs_number"]) == child["nhs_number"]
        assert child["upn"] is None or clean_upn(child["upn"]) == child["upn"]
        assert "T00:00" not in child["date_of_birth"]


@given(st.integers(0, 99_999))
def test_identifiers_are_valid_and_different(unique: int) -> None:
    assert clean_upn(upn(unique)) == upn(unique)
    assert clean_nhs_number(nhs_number(unique)) == nhs_number(unique)
    assert nhs_number(unique) != nhs_number((unique + 1) % 100_000)


@given(st.integers(0, 10_000), st.dates(date(2026, 1, 1), date(2031, 12, 31)))
def test_age_year_group_and_school_go_together(seed: int, today: date) -> None:
    phase = {school.urn: school.phase for school in SCHOOLS}
    for referral in referrals(20, SCHOOLS, today=today, seed=seed):
        child = referral.body["child"]
        if child["school_urn"] is None:
            continue
        born = date.fromisoformat(child["date_of_birth"])
        assert child["year_group"] == usual_year_group(born, on=today)
        wanted = {2, 7} if child["year_group"] in {"R", "1", "2", "3", "4", "5", "6"} else {4, 7}
        assert phase[child["school_urn"]] in wanted


def test_a_county_of_referrals_has_every_kind_in_it() -> None:
    made = referrals(400, SCHOOLS, today=TODAY)
    children = [referral.body["child"] for referral in made]
    assert {referral.sector for referral in made} == {"education", "health", "social-care"}
    assert Counter(child["nhs_number"] for child in children).most_common(1)[0][1] > 1
    assert any(child["school_urn"] is None for child in children)
    assert any(child["address_restricted"] for child in children)
    assert {referral.body["urgency"] for referral in made} == {"routine", "soon", "urgent", "immediate"}
    assert all(child["upn"] is None for child, r in zip(children, made, strict=True) if r.sector != "education")
