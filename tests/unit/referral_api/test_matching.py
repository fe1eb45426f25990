"""Whose each referral of a batch is."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.fingerprints import fingerprints
from referral_api.domain.identity import Child, Described
from referral_api.domain.matching import Arrival, Belonging, Known, settle
from referral_api.store.dated import identity_rules

RULES = identity_rules(date(2026, 11, 23))
AMY = Child("Amy", "Baker-Test", date(2015, 5, 2), "female", "GL1 4AW", school_urn="115482")
BEN = Child("Ben", "Carter-Test", date(2012, 1, 30), "male", "GL50 1AA", school_urn="115600")


def known(*children: tuple[str, Child], apart: frozenset[frozenset[str]] = frozenset()) -> Known:
    result = Known(RULES, apart)
    for child_id, child in children:
        described = Described.of(child, RULES)
        result.add(child_id, described, fingerprints(described))
    return result


def arriving(*children: Child) -> list[Arrival]:
    return [Arrival.of(f"referral-{n}", child, RULES, new_child_id=f"new-{n}") for n, child in enumerate(children)]


def settled(children: tuple[Child, ...], *before: tuple[str, Child]) -> list[Belonging]:
    return settle(arriving(*children), known(*before))


def test_a_child_nobody_knows_is_new() -> None:
    (one,) = settled((AMY,))
    assert (one.child_id, one.matched, one.questions) == ("new-0", None, ())


def test_a_child_that_is_known_is_found() -> None:
    (one,) = settled((replace(AMY, given_name="AMY"),), ("c-amy", AMY), ("c-ben", BEN))
    assert one.child_id == "c-amy"
    assert one.matched
    assert one.matched.by == "exact"


def test_three_referrals_of_one_child_in_one_batch_belong_together() -> None:
    found = settled((AMY, BEN, replace(AMY, postcode=None), replace(AMY, family_name="BAKER-TEST")))
    assert [one.child_id for one in found] == ["new-0", "new-1", "new-0", "new-0"]


def test_what_may_be_is_asked_and_stays_apart_meanwhile() -> None:
    (one,) = settled((replace(AMY, given_name="Ami"),), ("c-amy", replace(AMY, given_name="Amie")))
    assert one.child_id == "new-0"
    assert [(q.child_id, q.other_child_id) for q in one.questions] == [("new-0", "c-amy")]


def test_a_number_that_another_sender_gave_forbids_a_match_with_the_child_not_only_with_that_sender() -> None:
    numbered = replace(AMY, nhs_number="9990000018")
    (one,) = settled((replace(AMY, nhs_number="9990000026"),), ("c-amy", numbered), ("c-amy", AMY))
    assert (one.child_id, one.questions) == ("new-0", ())


def test_an_equal_number_wins_over_a_better_spelling() -> None:
    numbered = replace(AMY, given_name="Amelia", nhs_number="9990000018", postcode=None, school_urn=None)
    (one,) = settled((replace(AMY, nhs_number="9990000018"),), ("c-amy", AMY), ("c-number", numbered))
    assert one.child_id == "c-number"


def test_two_children_that_a_person_told_apart_and_that_fit_alike_are_not_chosen_between() -> None:
    told_apart = known(("c-1", AMY), ("c-2", AMY), apart=frozenset({frozenset({"c-1", "c-2"})}))
    (one,) = settle(arriving(AMY), told_apart)
    assert one.child_id == "new-0"
    assert {q.other_child_id for q in one.questions} == {"c-1", "c-2"}


def test_of_two_that_fit_alike_and_nobody_told_apart_the_one_known_first_is_chosen_and_the_other_asked_about() -> None:
    (one,) = settle(arriving(AMY), known(("c-2", AMY), ("c-1", AMY)))
    assert one.child_id == "c-1"
    assert [q.other_child_id for q in one.questions] == ["c-2"]


PEOPLE = st.sampled_from(
    [AMY, BEN, replace(AMY, given_name="Ami"), replace(AMY, postcode=None), replace(BEN, upn="W916200018001")]
)


@given(st.lists(PEOPLE, max_size=8))
def test_a_batch_settles_as_its_members_would_one_after_the_other(children: list[Child]) -> None:
    together = settle(arriving(*children), known())
    people = known()
    alone = [settle([arrival], people)[0] for arrival in arriving(*children)]
    assert [one.child_id for one in together] == [one.child_id for one in alone]
    equal: dict[Child, str] = {}
    for child, one in zip(children, together, strict=True):
        assert equal.setdefault(child, one.child_id) == one.child_id


def test_a_person_is_asked_about_the_few_most_alike() -> None:
    many = [(f"c-{n}", replace(AMY, family_name=f"Name{n}-Test")) for n in range(20)]
    best = ("c-best", replace(AMY, given_name="Amie"))
    (one,) = settle(arriving(replace(AMY, given_name="Amye")), known(*many, best))
    assert one.child_id == "new-0"
    assert len(one.questions) <= 5
