"""A decision as one sentence."""

import tomllib
from dataclasses import replace
from importlib.resources import files

import pytest
from cluster_router.domain.choice import Standing
from cluster_router.domain.county import Capacity
from cluster_router.domain.decision import Trace, decide, override
from cluster_router.domain.explanation import Wording, explain, explain_return, spell_out
from unit.cluster_router.builders import TODAY, a_cluster, a_county, a_school, circumstances, the_rules

DATA = files("cluster_router").joinpath("data/wording.toml").read_text("utf-8")
WORDING = Wording(**tomllib.loads(DATA))
COUNTY = a_county(
    [
        a_school("100001", at=(500, 500)),
        a_school("100002", at=(900, 500)),
        a_school("100003", status=2, successors=["100001"]),
    ],
    [a_cluster("near", "100001"), a_cluster("far", "100002")],
    rules=the_rules(choice={"own_cluster_full": "neighbours"}),
)
FULL = {"near": Standing(5, Capacity(TODAY, 5))}


@pytest.mark.parametrize(
    ("school", "home", "full", "sentence"),
    [
        (
            "100003", "unknown", False,
            ("This case goes to Near because the school named is closed and School 100001 carries on for it, "
            "School 100001 is a school of the primary phase, and School 100001 belongs to Near."),
        ),
        (
            "100001", "unknown", True,
            ("This case goes to Far because School 100001 is a school of the primary phase, School 100001 belongs to "
            "Near, Near is full, and Far is the best neighbour that has room."),
        ),
        (
            None, (0, 0), False,
            ("This case goes to Near because no school is named, the child's age belongs to the primary phase, and the "
            "school of that phase nearest to home belongs to Near."),
        ),
        (
            None, "restricted", False,
            "This case waits for the intake desk because the address is protected, so that a person places it.",
        ),
    ],
)  # fmt: skip
def test_a_decision_explains_itself(school: str | None, home: tuple[int, int] | str, full: bool, sentence: str) -> None:
    decision = decide(1, circumstances(school, home=home), COUNTY, FULL if full else {}, {})
    assert said(decision.trace) == sentence


def test_an_override_and_a_return_explain_themselves() -> None:
    decided = decide(1, circumstances("100001"), COUNTY, {}, {})
    placed = override(2, decided, "far", by="person-1", reason="closer-to-home")
    assert said(placed.trace, why="Closer to home") == "A person placed this case with Far: closer to home."
    assert explain_return(WORDING, why="No capacity") == (
        "This case is back with the intake desk because a cluster returned it: no capacity."
    )


def test_an_erased_case_says_no_more_than_that() -> None:
    assert said(decide(1, circumstances("100001"), COUNTY, {}, {}).trace.erased()) == "This case was erased."


def test_a_step_without_wording_is_still_said() -> None:
    trace = decide(1, circumstances("100001"), COUNTY, {}, {}).trace
    assert said(replace(trace, steps=("brand-new",))).endswith("brand new.")


def said(trace: Trace, why: str = "") -> str:
    """The sentence, with names as the county has them."""
    return explain(
        trace,
        WORDING,
        school=lambda urn: COUNTY.schools[urn].name,
        cluster=lambda id: COUNTY.clusters[id].name,
        why=why,
    )


def test_a_decision_is_spelt_out_with_the_loads_of_that_moment() -> None:
    decided = decide(7, circumstances("100001", home=(0, 0)), COUNTY, FULL, {})
    assert told(decided.trace, full=True) == (
        "School 100001 is a school of the primary phase.",
        "School 100001 belongs to Near.",
        "Far was 0.4 km away and held 0 open cases.",
        "Near was 0.0 km away and held 5 open cases of the 5 it can hold.",
        "Near is full.",
        "Far is the best neighbour that has room.",
        "The rules of version 2026-09 decided it as decision 7.",
    )
    assert told(decided.trace, full=False)[2:4] == ("Far was taken.", "Near was not taken.")


def test_an_override_is_spelt_out_with_what_the_rules_wanted() -> None:
    decided = decide(7, circumstances("100001", home=(0, 0)), COUNTY, {}, {})
    trace = override(8, decided, "far", by="person-1", reason="family-preference").trace
    assert told(trace, full=False)[-3:] == (
        "A person placed this case with Far: the family asked for it.",
        "By the rules it would have gone to Near.",
        "The rules of version 2026-09 decided it as decision 7.",
    )
    assert told(trace.erased(), full=True) == ("This case was erased.",)


@pytest.mark.parametrize("home", ["unknown", "none", "restricted", (0, 0), (90_000, 0)])
@pytest.mark.parametrize("school", ["100001", "100003", "999999", None])
@pytest.mark.parametrize("full", [True, False])
def test_every_sentence_is_one(school: str | None, home: tuple[int, int] | str, full: bool) -> None:
    decided = decide(7, circumstances(school, home=home, urgency="immediate"), COUNTY, FULL, {})
    for sentence in told(decided.trace, full=full):
        assert sentence[0].isupper() or sentence[0].isdigit(), sentence
        assert sentence.endswith("."), sentence
        assert not set("{}_") & set(sentence), sentence


def told(trace: Trace, *, full: bool) -> tuple[str, ...]:
    """The sentences, with names of schools and clusters."""
    return spell_out(
        7,
        trace,
        WORDING,
        school=lambda urn: f"School {urn}",
        cluster=lambda id: id.title(),
        why="The family asked for it",
        full=full,
    )
