"""What a demo term is made of is decided by its seed, and by the real county's statistics where they are at hand."""

import csv
from datetime import date
from io import StringIO
from pathlib import Path

from jointly.county import casework
from jointly.county.staff import DemoCluster, DemoProvider
from jointly.demo.referrals import DemoSchool, referrals
from jointly.demo.story import Story, stories
from jointly.demo.volumes import volumes

SCHOOLS = [DemoSchool("115482", 2, "GL1 4AW"), DemoSchool("900060", 4, "GL50 1AA")]
TODAY = date(2026, 9, 7)


def a_term(seed: int, count: int = 40) -> list[Story]:
    return stories(referrals(count, SCHOOLS, today=TODAY, seed=seed), seed)


def plan_of(story: Story) -> tuple[object, ...]:
    return story.arrives, story.returned, tuple(story.suspensions), story.larger_sum, story.statutory, story.placed


def test_the_same_seed_plays_the_same_term_and_another_seed_another() -> None:
    assert list(map(plan_of, a_term(3))) == list(map(plan_of, a_term(3)))
    assert list(map(plan_of, a_term(3))) != list(map(plan_of, a_term(4)))


def test_every_term_has_what_a_term_must_have() -> None:
    for seed in range(20):
        term = a_term(seed)
        assert sum(story.statutory for story in term) == 1
        assert sum(story.placed for story in term) >= 3
        assert any(story.silent for story in term)
        assert any(story.unanswered for story in term)
        assert sum(story.handed_over for story in term) == 2
        assert all(story.can_be_suspended for story in term if story.suspensions)


def test_without_statistics_the_bundled_shares_count() -> None:
    bundled = volumes(None)
    assert not bundled.real
    assert bundled.shares == {}
    assert bundled.requests_a_year > 0


def test_with_statistics_the_county_s_own_shares_count(reference_data: Path) -> None:
    real = volumes(reference_data)
    assert real.real
    assert real.requests_a_year == 1_625
    assert real.shares["primary_need"]["SEMH"] == 307
    assert set(real.shares["age"]) == {str(age) for age in range(4, 16)}


def test_each_cluster_has_a_budget_for_this_year_and_the_next() -> None:
    clusters = [DemoCluster("a", "A", "900001"), DemoCluster("b", "B", "900002")]
    rows = list(csv.DictReader(StringIO(casework.budgets(clusters, TODAY).decode())))
    assert {(row["cluster_id"], row["financial_year"]) for row in rows} == {
        (cluster, year) for cluster in "ab" for year in ("2026-27", "2027-28")
    }


def test_each_provider_may_be_used_and_has_places() -> None:
    providers = [DemoProvider("school-909001", "Somewhere (synthetic)", "school-909001", "909001")]
    checked = list(csv.DictReader(StringIO(casework.checks(providers, TODAY).decode())))
    assert {row["kind"] for row in checked} == {"safeguarding", "quality"}
    assert all(date.fromisoformat(row["checked_on"]) < TODAY for row in checked)
    assert sum(int(row["places"]) for row in csv.DictReader(StringIO(casework.places(providers).decode()))) > 0


def test_the_register_has_real_providers_beside_the_synthetic_ones_where_it_is_at_hand(reference_data: Path) -> None:
    alone = list(csv.DictReader(StringIO(casework.register(None).decode())))
    beside = list(csv.DictReader(StringIO(casework.register(reference_data).decode())))
    assert all(row["EstablishmentName"].endswith("(synthetic)") for row in alone)
    assert len(beside) > len(alone)
