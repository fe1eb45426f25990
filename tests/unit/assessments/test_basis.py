"""When nothing that a case could rest on stands any more."""

from datetime import date

import pytest
from assessments.domain.basis import Basis, BasisWithdrawn, check_stands, ended_on

EARLY, LATE = date(2026, 11, 2), date(2026, 11, 20)


@pytest.mark.parametrize(
    ("bases", "kind", "since"),
    [
        # Nobody told of any: it is as it always was.
        ([], None, None),
        ([Basis("consent")], None, None),
        ([Basis("consent", EARLY)], None, EARLY),
        ([Basis("consent", EARLY), Basis("public-task")], None, None),
        ([Basis("consent", EARLY), Basis("public-task")], "consent", EARLY),
        ([Basis("consent", EARLY), Basis("consent")], "consent", None),
        # Both ended: nothing stands since the later one.
        ([Basis("consent", EARLY), Basis("consent", LATE)], "consent", LATE),
        ([Basis("public-task", EARLY)], "consent", None),
    ],
)
def test_a_case_rests_on_nothing_once_every_basis_has_ended(
    bases: list[Basis], kind: str | None, since: date | None
) -> None:
    assert ended_on(bases, kind) == since


def test_what_rests_on_nothing_is_refused_with_the_day() -> None:
    check_stands(None)
    with pytest.raises(BasisWithdrawn, match="2026-11-02"):
        check_stands(EARLY)
