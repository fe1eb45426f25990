"""A decision as one sentence."""

import tomllib
from importlib.resources import files

import pytest
from cluster_router.domain.choice import Standing
from cluster_router.domain.county import Capacity
from cluster_router.domain.decision import decide, override
from cluster_router.domain.explanation import Wording, explain
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
    assert said(decision.trace, decision.reasons) == sentence


def test_an_override_and_a_return_explain_themselves() -> None:
    decided = decide(1, circumstances("100001"), COUNTY, {}, {})
    placed = override(2, decided, "far", by="person-1", reason="sibling-there")
    assert said(placed.trace, placed.reasons) == (
        "A person placed this case with Far: the rules were overridden, and a brother or sister is there."
    )
    assert said(decided.trace, ("returned-by-cluster", "wrong-area")) == (
        "This case is back with the intake desk because a cluster gave it back, and the child belongs to another area."
    )


def test_a_reason_without_wording_is_still_said() -> None:
    assert said(decide(1, circumstances("100001"), COUNTY, {}, {}).trace, ("brand-new",)).endswith("brand new.")


def said(trace: object, reasons: tuple[str, ...]) -> str:
    """The sentence, with names as the county has them."""
    return explain(
        trace,  # type: ignore[arg-type]
        reasons,
        WORDING,
        school=lambda urn: COUNTY.schools[urn].name,
        cluster=lambda id: COUNTY.clusters[id].name,
    )
