"""Who hears what: participation, purpose, basis and filter, each of which is enough to be silent."""

from dataclasses import replace
from typing import Any

import pytest
from exchange.domain.audience import Filter, Hears, Silence, Standing, Stream, decide, still_may
from exchange.domain.projection import shape_of
from exchange.domain.rules import Rule, To
from hypothesis import given
from hypothesis import strategies as st

TYPE = "jointly.case.opened.v1"
RULE = Rule(
    id="r", version="1", type=TYPE, to=To.PARTICIPANTS, sectors=("health",), purposes=("assessment", "placement"),
    bases=("public-task", "consent"), shape=shape_of(["a"]), why=".",
)  # fmt: skip
STREAM = Stream(
    id="s", source="/s", sector="health", organisation_id="trust", county_wide=True,
    purposes=frozenset({"placement"}), bases=frozenset({"consent", "public-task"}),
)  # fmt: skip
STANDING = Standing(
    organisations={"trust": "health", "school": "education"}, bases=frozenset({"consent"}), school="115482",
    clusters=frozenset({"north"}), phase="primary", needs=frozenset({"SEMH"}),
)  # fmt: skip


def test_it_hears_by_the_first_rule_that_fits_for_an_agreed_purpose_on_a_basis_that_stands() -> None:
    narrow = replace(RULE, id="first", bases=("vital-interests",))
    assert decide([narrow, RULE], STREAM, STANDING, TYPE) == Hears(RULE, "placement", "consent")


def test_the_basis_that_the_rule_names_first_is_relied_on() -> None:
    standing = replace(STANDING, bases=frozenset({"consent", "public-task"}))
    answer = decide([RULE], STREAM, standing, TYPE)
    assert isinstance(answer, Hears)
    assert answer.basis == "public-task"


@pytest.mark.parametrize(
    ("stream", "standing", "code"),
    [
        ({"sector": "education"}, {}, "no-rule"),
        ({"purposes": frozenset({"early-funding"})}, {}, "no-purpose"),
        ({}, {"organisations": {"school": "education"}}, "takes-no-part"),
        ({"county_wide": False, "organisation_id": "gp"}, {}, "takes-no-part"),
        ({}, {"bases": frozenset()}, "no-basis"),
        ({}, {"bases": frozenset({"vital-interests"})}, "no-basis"),
        ({"bases": frozenset({"public-task"})}, {}, "other-basis"),
        ({}, {"erased": True}, "erased"),
        ({"filter": Filter(types=("jointly.case.closed.v1",))}, {}, "not-wanted"),
        ({"filter": Filter(schools=("100001",))}, {}, "not-wanted"),
        ({"filter": Filter(clusters=("south",))}, {}, "not-wanted"),
        ({"filter": Filter(phases=("secondary",))}, {}, "not-wanted"),
        ({"filter": Filter(needs=("ASD",))}, {}, "not-wanted"),
    ],
)
def test_each_of_these_is_enough_for_silence(stream: dict[str, Any], standing: dict[str, Any], code: str) -> None:
    answer = decide([RULE], replace(STREAM, **stream), replace(STANDING, **standing), TYPE)
    assert isinstance(answer, Silence)
    assert answer.code == code
    assert answer.why.endswith(".")


def test_an_organisation_hears_of_its_own_cases_alone() -> None:
    own = replace(STREAM, county_wide=False)
    assert isinstance(decide([RULE], own, STANDING, TYPE), Hears)
    others = replace(STANDING, organisations={"other-trust": "health"})
    assert isinstance(decide([RULE], own, others, TYPE), Silence)
    assert isinstance(decide([RULE], STREAM, others, TYPE), Hears), "the county's system does"


words = st.sets(st.sampled_from(["x", "y", "z"]), max_size=2)


filters = st.builds(Filter, clusters=words.map(tuple), needs=words.map(tuple), schools=words.map(tuple))
places = st.builds(
    lambda school, clusters, needs: replace(
        STANDING, school=school, clusters=frozenset(clusters), needs=frozenset(needs)
    ),
    st.sampled_from(["x", "y", None]), words, words,
)  # fmt: skip


@given(filters, places)
def test_whoever_would_hear_is_found_by_what_the_event_is_found_by(wants: Filter, standing: Standing) -> None:
    if isinstance(decide([RULE], replace(STREAM, filter=wants), standing, TYPE), Hears):
        assert not standing.found_by().isdisjoint(wants.found_by())


def test_what_was_decided_may_be_told_as_long_as_what_it_rests_on_stands() -> None:
    assert still_may(STREAM, STANDING, "consent")
    assert not still_may(STREAM, STANDING, "public-task")
    assert not still_may(STREAM, replace(STANDING, organisations={}), "consent")
    assert not still_may(STREAM, replace(STANDING, erased=True), "consent")
    assert still_may(STREAM, replace(STANDING, erased=True), None), "a duty rests on nothing that can end"
