"""Which providers could take a child, in which order, and why; checks, phases, figures."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from placements.domain.figures import distances, sustained
from placements.domain.matching import Match, Wanted, match
from placements.domain.placements import Placement
from placements.domain.places import Place
from placements.domain.providers import Check, Provider, failings, months_after
from placements.policy import check_rules, in_words, match_rules, phase_rules
from unit.placements.builders import MONDAY, check, place, provider, wanted

RULES = match_rules(MONDAY), check_rules(MONDAY)


def look(
    *providers: Provider,
    checks: list[Check] | None = None,
    places: list[Place] | None = None,
    want: Wanted | None = None,
) -> list[Match]:
    """The matches; each provider is checked and has a place unless told."""
    of_checks: dict[str, list[Check]] = {}
    of_places: dict[str, list[Place]] = {}
    for one in providers:
        of_checks[one.id] = [check(one.id)] if checks is None else checks
        of_places[one.id] = [place(one.id)] if places is None else places
    return match(want or wanted(), providers, of_checks, of_places, RULES)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"providers": {"active": False}}, "inactive"),
        ({"providers": {"phases": ("primary",)}}, "other-phase"),
        ({"providers": {"needs": ("ASD",)}}, "other-needs"),
        ({"places": []}, "no-places-published"),
        ({"places": [place(need="ASD")]}, "no-such-places"),
        ({"places": [place(session="morning")]}, "no-such-places"),
        ({"places": [place(places=2, taken=1, held=1)]}, "full"),
        ({"checks": []}, "safeguarding-missing"),
        ({"checks": [check(kind="quality")]}, "safeguarding-missing"),
        ({"checks": [check(outcome="not-met")]}, "safeguarding-not-met"),
        ({"checks": [check(), check(on="2026-11-01", outcome="not-met")]}, "safeguarding-not-met"),
        ({"checks": [check(valid_until=date(2026, 11, 22))]}, "safeguarding-lapsed"),
    ],
)
def test_each_reason_not_to_is_said(changes: dict[str, Any], code: str) -> None:
    [found] = look(provider(**changes.get("providers", {})), checks=changes.get("checks"), places=changes.get("places"))
    assert (found.eligible, found.reasons, found.rank, found.points) == (False, (code,), None, 0.0)
    assert in_words(code) != code


@pytest.mark.parametrize(
    "checks",
    [
        [check(valid_until=MONDAY)],
        [check(outcome="met-with-conditions")],
        [check(outcome="not-met"), check(on="2026-11-02")],
    ],
)
def test_a_check_counts_through_its_last_day_and_the_newest_counts(checks: list[Check]) -> None:
    assert failings(checks, check_rules(MONDAY), MONDAY) == ()


def test_a_check_of_tomorrow_does_not_count_today() -> None:
    assert failings([check(on="2026-11-24")], check_rules(MONDAY), MONDAY) == ("safeguarding-missing",)


def test_closer_first_and_for_younger_children_more_so() -> None:
    far = provider("far", northing=239_500, needs=("SEMH",))
    near = provider("near", northing=221_500)
    assert [m.provider_id for m in look(far, near)] == ["near", "far"]
    points = {
        phase: {
            m.provider_id: m.points
            for m in match(
                wanted(phase=phase),
                [provider("far", northing=239_500, phases=(phase,)), provider("near", phases=(phase,))],
                {id: [check(id)] for id in ("far", "near")},
                {id: [Place(id, id, phase, "full-time", "", 1)] for id in ("far", "near")},
                RULES,
            )
        }
        for phase in ("primary", "post-16")
    }
    assert points["primary"]["near"] - points["primary"]["far"] > points["post-16"]["near"] - points["post-16"]["far"]


def test_the_needs_decide_between_neighbours() -> None:
    want = wanted(needs=("SEMH", "ASD"))
    found = look(
        provider("none-in-particular"), provider("both", needs=("ASD", "SEMH")), provider("first", needs=("SEMH",)),
        provider("second", needs=("ASD",)), want=want,
    )  # fmt: skip
    assert [m.provider_id for m in found] == ["both", "first", "none-in-particular", "second"]
    assert [m.reasons[0] for m in found] == ["all-needs", "first-need", "any-need", "some-needs"]


def test_a_place_for_the_need_goes_before_one_for_any_and_a_short_one_before_a_long_one() -> None:
    every = [place(need="SEMH"), place(), place(session="morning"), place(session="morning", need="SEMH")]
    [found] = look(provider(), places=every, want=wanted(sessions_a_week=5))
    assert found.place_id == "p/secondary/morning/SEMH"
    full = [place(need="SEMH", taken=1), place()]
    assert look(provider(), places=full)[0].place_id == "p/secondary/full-time/"


def test_without_a_start_there_is_no_rank() -> None:
    found = look(provider("a"), provider("b", northing=300_000), want=wanted(start=None, measured_from="home-unknown"))
    assert [(m.eligible, m.rank, m.metres, m.reasons[-1]) for m in found] == [(True, None, None, "home-unknown")] * 2


@given(st.lists(st.tuples(st.integers(0, 50_000), st.booleans(), st.integers(0, 1)), min_size=1, max_size=12))
def test_ranks_are_gapless_and_the_eligible_come_first(said: list[tuple[int, bool, int]]) -> None:
    providers = [provider(f"p{n}", northing=219_500 + way, active=active) for n, (way, active, _) in enumerate(said)]
    places = {f"p{n}": [place(f"p{n}", free)] for n, (_, _, free) in enumerate(said)}
    checks = {each.id: [check(each.id)] for each in providers}
    found = match(wanted(), providers, checks, places, RULES)
    eligible = [m for m in found if m.eligible]
    assert [m.rank for m in eligible] == list(range(1, len(eligible) + 1))
    assert found[: len(eligible)] == eligible
    assert len(found) == len(said)
    assert [m.points for m in eligible] == sorted((m.points for m in eligible), reverse=True)
    assert all(m.points <= 100 for m in found)


@pytest.mark.parametrize(
    ("year", "age", "phase"),
    [
        ("N", None, "primary"), ("R", 4, "primary"), ("6", 10, "primary"), ("7", 11, "secondary"),
        ("11", 15, "secondary"), ("12", 16, "post-16"), (None, 10, "primary"), (None, 11, "secondary"),
        (None, 16, "post-16"), (None, None, "secondary"),
    ],
)  # fmt: skip
def test_the_phase_of_a_child(year: str | None, age: int | None, phase: str) -> None:
    assert phase_rules(MONDAY).of_child(year, age) == phase


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [("2026-10-01", 12, "2027-10-01"), ("2026-08-31", 6, "2027-02-28"), ("2028-02-29", 12, "2029-02-28"),
     ("2026-12-15", 1, "2027-01-15")],
)  # fmt: skip
def test_months_after(day: str, months: int, then: str) -> None:
    assert months_after(date.fromisoformat(day), months).isoformat() == then


def placements(*ways: tuple[str, int | None], sustained: bool | None = None) -> list[Placement]:
    """Placements of a phase, so far from home."""
    from chassis.clock import wall_now

    return [
        Placement(
            str(n), "c", "o", (), None, phase, None, 10, MONDAY, None, wall_now(), metres_from_home=way,
            sustained=sustained,
        )
        for n, (phase, way) in enumerate(ways)
    ]  # fmt: skip


def test_figures_by_phase() -> None:
    found = distances(placements(*[("primary", 1_000)] * 5, *[("secondary", n * 1_000) for n in range(1, 6)]), 5)
    assert [(d.phase, d.placements, d.mean_kilometres, d.median_kilometres) for d in found] == [
        ("primary", 5, 1.0, 1.0), ("secondary", 5, 3.0, 3.0), ("all", 10, 2.0, 1.0),
    ]  # fmt: skip


def test_a_small_phase_is_hidden_and_cannot_be_worked_out_from_the_whole() -> None:
    found = distances(placements(*[("primary", 1_000)] * 9, *[("secondary", 5_000)] * 4, ("secondary", None)), 5)
    assert [(d.phase, d.placements) for d in found] == [("primary", 9), ("secondary", None), ("all", None)]
    two = distances(placements(*[("primary", 1_000)] * 4, *[("secondary", 5_000)] * 4, *[("post-16", 1)] * 5), 5)
    assert [(d.phase, d.placements) for d in two] == [
        ("post-16", 5), ("primary", None), ("secondary", None), ("all", 13),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lasted", "broke", "checked", "share"),
    [(4, 0, None, None), (5, 0, 5, 1.0), (6, 6, 12, 0.5), (10, 1, 11, None), (2, 8, 10, None), (0, 5, 5, 0.0)],
)
def test_the_share_of_returns_that_last_is_hidden_when_small(
    lasted: int, broke: int, checked: int | None, share: float | None
) -> None:
    every = placements(*[("primary", 1)] * lasted, sustained=True)
    every += placements(*[("primary", 1)] * broke, sustained=False)
    assert (sustained(every, 5).checked, sustained(every, 5).share) == (checked, share)
