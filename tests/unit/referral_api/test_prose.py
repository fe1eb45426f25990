"""Words that nobody can see are no words: refused, naming the field."""

import pytest
from chassis.wire import prose
from pydantic import ValidationError
from referral_api.views.incoming import ConcernIn, FamilyIn

UNSEEN = (
    " ", "   ", "\n\t\n", "\u00a0", "\u2003", "\u200b", "\u200b\u200b", "\u200c\u200d", "\u2060", "\ufeff",
    "\u00ad", "\u3164", "\u115f\u1160", "\uffa0", "\u2800", "\u180e", " \u200b\n\u3000", "\u0301", "\u034f",
)  # fmt: skip
SEEN = ("x", " x ", "?", "\u200bx", "क्\u200dष", "محمد", "🙂", "e\u0301", "\uff58", "-")


@pytest.mark.parametrize("text", UNSEEN, ids=ascii)
def test_what_nobody_sees_is_refused_naming_the_field(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ConcernIn(summary=text, risk_of_exclusion="none")
    assert [error["loc"] for error in refused.value.errors()] == [("summary",)]
    with pytest.raises(ValidationError):
        FamilyIn(informed=True, views=text)


@pytest.mark.parametrize("text", SEEN, ids=ascii)
def test_what_somebody_sees_is_taken(text: str) -> None:
    assert prose(text)


def test_nothing_is_nothing() -> None:
    assert not prose("")
    with pytest.raises(ValidationError):
        ConcernIn(summary="", risk_of_exclusion="none")
