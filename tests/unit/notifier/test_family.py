"""What families said, summed up: right, and no small number can be worked out."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from notifier.domain.family import ANSWERS, Given, fact_hash, same, summary, token_hash
from schemas.days import Calendar

TERMS = Calendar(terms=((date(2026, 9, 1), date(2026, 10, 23)), (date(2026, 11, 2), date(2026, 12, 18))))
_GIVEN = st.builds(
    Given,
    cluster_id=st.sampled_from(["a", "b", None]),
    on=st.dates(date(2026, 9, 1), date(2026, 12, 31)),
    question=st.just("helped"),
    code=st.sampled_from(ANSWERS["helped"]),
)


@given(st.lists(_GIVEN, max_size=80))
def test_nothing_small_is_shown_nor_left_over_when_the_rest_is_taken_from_the_total(given: list[Given]) -> None:
    for row in summary(given, TERMS, below=5):
        counts = list(row["counts"].values())
        assert all(n is None or n == 0 or n >= 5 for n in counts)
        if row["answers"] is None:
            assert set(counts) == {None}
        else:
            assert row["answers"] >= 5
            hidden = counts.count(None)
            assert hidden != 1
            if hidden == 0:
                assert sum(counts) == row["answers"]


def test_what_is_shown_is_true() -> None:
    rows = summary([Given("a", date(2026, 9, 10), "helped", "yes")] * 6, TERMS, below=5)
    assert rows == [
        {"cluster_id": "a", "term": "term from 2026-09-01", "question": "helped", "answers": 6,
         "counts": {"yes": 6, "no": 0, "not-yet": 0}}
    ]  # fmt: skip


def test_one_small_count_takes_another_with_it() -> None:
    given = [Given("a", date(2026, 9, 10), "helped", code) for code in ["yes"] * 9 + ["no"] * 2 + ["not-yet"] * 6]
    [row] = summary(given, TERMS, below=5)
    assert (row["answers"], row["counts"]) == (17, {"yes": 9, "no": None, "not-yet": None})


def test_a_second_fact_is_the_same_in_any_case_and_spacing_and_no_two_hashes_are() -> None:
    assert same(fact_hash("Blue  Boat ", b"salt"), fact_hash("blueboat", b"salt"))
    assert not same(fact_hash("blue boat", b"salt"), fact_hash("blue boat", b"another"))
    assert not same(token_hash("a"), token_hash("b"))
