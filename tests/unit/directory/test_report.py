"""What an operator reads after an import."""

from directory.domain.extract import Rejection
from directory.domain.report import LISTED, Report
from directory.domain.schools import Outcome


def test_a_report_counts_everything_and_lists_what_changed() -> None:
    report = Report(rows=4)
    report.add("100001", Outcome.NEW, ("name",))
    report.add("100002", Outcome.CHANGED, ("name", "pupils"))
    report.add("100003", Outcome.UNCHANGED)
    report.reject([Rejection(5, "urn", "not-a-urn"), Rejection(3, "pupils", "not-a-number-in-range", whole_row=False)])
    assert list(report.lines()) == [
        "4 rows: 1 new, 1 changed, 0 closed, 1 unchanged, 1 rejected.",
        "  changed 100002: name, pupils",
        "  line 5: not-a-urn (urn)",
        "  line 3: not-a-number-in-range (pupils), the rest of the row was taken",
    ]
    assert not report.nothing_read


def test_a_long_list_is_cut_and_says_so() -> None:
    report = Report()
    for n in range(LISTED + 2):
        report.add(str(n), Outcome.CHANGED, ("name",))
    assert list(report.lines())[-1] == "  … and 2 more"


def test_a_report_of_rejections_alone_has_read_nothing() -> None:
    report = Report(rows=1)
    report.reject([Rejection(2, "urn", "not-a-urn")])
    assert report.nothing_read
