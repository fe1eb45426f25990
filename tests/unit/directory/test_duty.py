"""Who answers for a role at an instant."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from directory.domain.duty import Absence, OnDuty, Role, Shift, Why, on_duty
from hypothesis import given, settings
from hypothesis import strategies as st

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CLUSTER = "gloucester-primary"


def a_role(person: str, cluster: str | None = CLUSTER, **changes: Any) -> Role:
    values = {"since": date(2026, 1, 1), **changes}
    return Role(f"role-{person}", person, "county-council", "council", "caseworker", cluster, **values)


def a_shift(person: str, cluster: str | None = CLUSTER, starts_at: datetime = NOON - HOUR) -> Shift:
    return Shift(f"s-{person}", "county-council", "caseworker", cluster, person, starts_at, starts_at + 2 * HOUR)


def away(person: str, cover: str | None = None, starts_at: datetime = NOON - HOUR) -> Absence:
    return Absence(f"a-{person}-{cover}", person, starts_at, None, cover)


def who(
    roles: list[Role] | None = None,
    shifts: list[Shift] | None = None,
    absences: list[Absence] | None = None,
    at: datetime = NOON,
    gone: frozenset[str] = frozenset(),
) -> tuple[OnDuty, ...]:
    return on_duty(
        "caseworker",
        "county-council",
        CLUSTER,
        at,
        roles=roles or [],
        shifts=shifts or [],
        absences=absences or [],
        gone=gone,
    )


def test_holders_of_the_role_answer_when_there_is_no_shift() -> None:
    assert who([a_role("a"), a_role("b")]) == (OnDuty("a", Why.ROLE), OnDuty("b", Why.ROLE))


def test_a_shift_comes_before_the_other_holders() -> None:
    assert who([a_role("a"), a_role("b")], [a_shift("b")]) == (OnDuty("b", Why.SHIFT),)


def test_a_shift_is_over_when_it_ends() -> None:
    shift = a_shift("b", starts_at=NOON - 2 * HOUR)
    assert who([a_role("a")], [shift]) == (OnDuty("a", Why.ROLE),)
    assert who([a_role("a")], [a_shift("b", starts_at=NOON)]) == (OnDuty("b", Why.SHIFT),)


def test_somebody_of_the_whole_organisation_answers_when_nobody_of_the_cluster_does() -> None:
    everywhere = a_role("c", None)
    assert who([a_role("a"), everywhere], absences=[away("a")]) == (OnDuty("c", Why.ROLE, of_the_cluster=False),)
    assert who([a_role("a", "stroud-primary"), everywhere]) == (OnDuty("c", Why.ROLE, of_the_cluster=False),)


def test_whoever_is_away_is_replaced_by_their_cover() -> None:
    assert who([a_role("a")], absences=[away("a", "b")]) == (OnDuty("b", Why.ROLE, covers_for="a"),)


def test_a_cover_who_is_away_too_is_replaced_by_theirs() -> None:
    assert who([a_role("a")], absences=[away("a", "b"), away("b", "c")]) == (OnDuty("c", Why.ROLE, covers_for="a"),)


def test_covers_that_go_round_in_a_circle_cover_nobody() -> None:
    assert who([a_role("a")], absences=[away("a", "b"), away("b", "a")]) == ()


def test_a_cover_who_is_on_duty_anyway_is_named_once() -> None:
    assert who([a_role("a"), a_role("b")], absences=[away("a", "b")]) == (OnDuty("b", Why.ROLE),)


def test_those_who_are_there_come_before_covers() -> None:
    assert who([a_role("a"), a_role("b")], absences=[away("a", "c")]) == (
        OnDuty("b", Why.ROLE),
        OnDuty("c", Why.ROLE, covers_for="a"),
    )


def test_an_absence_that_is_over_counts_no_more() -> None:
    past = Absence("x", "a", NOON - 2 * HOUR, NOON, "b")
    assert who([a_role("a")], absences=[past]) == (OnDuty("a", Why.ROLE),)


def test_whoever_has_left_is_not_called_and_covers_nobody() -> None:
    assert who([a_role("a"), a_role("b")], gone=frozenset({"a"})) == (OnDuty("b", Why.ROLE),)
    assert who([a_role("a")], absences=[away("a", "b")], gone=frozenset({"b"})) == ()


def test_a_role_is_held_to_the_end_of_its_last_day_in_the_county() -> None:
    role = a_role("a", until=date(2026, 7, 31))
    # In summer London is an hour ahead: 22:30 UTC is still that day there, 23:30 is the next.
    assert who([role], at=datetime(2026, 7, 31, 22, 30, tzinfo=UTC)) == (OnDuty("a", Why.ROLE),)
    assert who([role], at=datetime(2026, 7, 31, 23, 30, tzinfo=UTC)) == ()


def test_another_role_or_organisation_does_not_answer() -> None:
    other = Role("r", "a", "county-council", "council", "adviser", CLUSTER, date(2026, 1, 1))
    elsewhere = Role("r", "b", "nhs-trust", "health", "caseworker", CLUSTER, date(2026, 1, 1))
    assert who([other, elsewhere]) == ()


PEOPLE = st.sampled_from("abcde")


@settings(deadline=None)
@given(
    st.sets(PEOPLE),
    st.lists(st.tuples(PEOPLE, st.none() | PEOPLE), max_size=8),
    st.sets(PEOPLE),
)
def test_nobody_who_is_away_or_has_left_is_ever_on_duty(
    holders: set[str], absences: list[tuple[str, str | None]], gone: set[str]
) -> None:
    rows = [Absence(f"{n}", person, NOON - HOUR, None, cover) for n, (person, cover) in enumerate(absences)]
    found = who([a_role(person) for person in sorted(holders)], absences=rows, gone=frozenset(gone))
    named = [one.person_id for one in found]
    assert len(set(named)) == len(named)
    assert not {person for person, _ in absences} & set(named)
    assert not gone & set(named)
    assert holders - gone - {person for person, _ in absences} <= set(named)
