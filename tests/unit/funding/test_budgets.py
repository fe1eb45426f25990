"""What a file of budgets says, line by line, and what of it is refused."""

import pytest
from chassis.errors import Refusal
from funding.clients import budget_rows
from funding.domain.budgets import Rejection, Row, Summary, read_rows
from funding.domain.money import MOST_PENCE, pence_of, pounds
from hypothesis import given
from hypothesis import strategies as st

HEADER = b"cluster_id,financial_year,amount\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.00", 0),
        ("12500", 1_250_000),
        ("12,500.50", 1_250_050),
        ("£12,500.50", 1_250_050),
        (" £ 1.00 ", 100),
        ("10000000000.00", MOST_PENCE),
        ("10000000000.01", None),
        ("", None),
        ("-1.00", None),
        ("1.5", None),
        ("1.005", None),
        ("1,50.00", None),
        ("1e9", None),
        ("NaN", None),
        ("=1+1", None),
        ("1.00\n", 100),
        ("\uff11.00", None),
        ("$1.00", None),
        ("9" * 5000, None),
    ],
)
def test_an_amount_is_pounds_with_or_without_pence(text: str, expected: int | None) -> None:
    assert pence_of(text) == expected


@given(st.integers(0, MOST_PENCE))
def test_what_is_written_as_pounds_reads_as_the_same_pence(pence: int) -> None:
    assert pence_of(pounds(pence)) == pence


@given(st.text(max_size=30))
def test_no_text_whatever_breaks_the_reader(text: str) -> None:
    found = pence_of(text)
    assert found is None or 0 <= found <= MOST_PENCE


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        ("north,2026-27,", "amount", "not-an-amount"),
        ("north,2026-27,-5", "amount", "not-an-amount"),
        ("north,2026-28,5", "financial_year", "not-a-financial-year"),
        ("north,2026/27,5", "financial_year", "not-a-financial-year"),
        ("north,2099-00,5", None, None),
        ("north,26-27,5", "financial_year", "not-a-financial-year"),
        (",2026-27,5", "cluster_id", "not-an-id"),
        ("no rth,2026-27,5", "cluster_id", "not-an-id"),
        ("=cmd(),2026-27,5", "cluster_id", "not-an-id"),
        ("north,2026-27", "line", "not-as-many-fields-as-columns"),
        ("north,2026-27,12,000.00", "line", "not-as-many-fields-as-columns"),
        (f"{'n' * 65},2026-27,5", "cluster_id", "not-an-id"),
    ],
)
def test_a_wrong_row_is_named_by_line_and_field(line: str, field: str | None, code: str | None) -> None:
    rows, wrong = read_rows(budget_rows(HEADER + f"south,2026-27,1.00\n{line}\n".encode()))
    assert rows[0] == Row(2, "south", "2026-27", 100), "the right rows are taken all the same"
    expected = [] if field is None or code is None else [Rejection(3, field, code)]
    assert wrong == expected


def test_a_clusters_year_is_stated_once() -> None:
    rows, wrong = read_rows(budget_rows(HEADER + b"north,2026-27,1\nnorth,2026-27,2\nnorth,2027-28,3\n"))
    assert [row.amount_pence for row in rows] == [100, 300]
    assert wrong == [Rejection(3, "financial_year", "stated-twice")]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"cluster,year,amount\n",
        b"cluster_id,financial_year,amount,amount\n",
        b"\xff\xfe",
        HEADER + b"north,2026-27,\x00\n",
        HEADER + b'"north,2026-27,5\n',
        HEADER + b'north,2026-27,"' + b"5" * 200_000 + b'"\n',
    ],
)
def test_what_is_no_file_of_budgets_is_refused_whole(data: bytes) -> None:
    with pytest.raises(Refusal):
        budget_rows(data)


def test_columns_may_come_in_any_order_with_a_mark_and_blank_lines() -> None:
    data = "\ufeffamount,note,financial_year,cluster_id\r\n\r\n5.00,x,2026-27,north\r\n".encode()
    assert read_rows(budget_rows(data)) == ([Row(3, "north", "2026-27", 500)], [])


def test_the_summary_says_what_changed_and_what_was_wrong() -> None:
    summary = Summary(
        rows=4, changed=[("north", "2026-27", None, 500), ("south", "2026-27", 100, 200)], unchanged=1,
        rejections=[Rejection(5, "amount", "not-an-amount")], unknown_clusters=["north"],
    )  # fmt: skip
    assert summary.lines() == [
        "4 rows: 1 new, 1 changed, 1 unchanged, 1 rejected.",
        "  north 2026-27: 5.00 (new)",
        "  south 2026-27: 2.00 (was 1.00)",
        "  line 5: not-an-amount (amount)",
        "  north: no such cluster is known yet",
    ]
