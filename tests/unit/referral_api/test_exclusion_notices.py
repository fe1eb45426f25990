"""What a notice of an exclusion stands for, by the dated rules."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.content import Limits
from referral_api.domain.exclusions import content_of, flaws_of_notice, is_the_same, notified
from referral_api.store.dated import limits, notice_rules
from referral_api.views.notices import NOTICE, ExclusionNoticeIn
from schemas.codes import registry

TODAY = date(2026, 11, 23)
RULES = notice_rules(TODAY)
LIMITS: Limits = limits(TODAY)


def content(**parts: Any) -> dict[str, Any]:
    notice = ExclusionNoticeIn.model_validate_json(ExclusionNoticeIn.model_validate(_tuples(NOTICE)).model_dump_json())
    return content_of(notice.model_dump(mode="json") | parts, RULES, on=TODAY)


def _tuples(value: Any) -> Any:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}


def pointers(said: dict[str, Any]) -> list[str]:
    return [flaw.pointer for flaw in flaws_of_notice(said, RULES, on=TODAY, limits=LIMITS)]


def test_every_kind_that_may_be_told_of_today_has_its_consequences() -> None:
    assert set(RULES.kinds) == set(registry("exclusion-kinds").codes(on=TODAY))
    for kind in RULES.kinds.values():
        assert registry("urgency").valid(kind.urgency, on=TODAY)
        assert registry("risk-of-exclusion").valid(kind.risk_of_exclusion, on=TODAY)
    assert registry("basis-kinds").valid(RULES.basis, on=TODAY)
    assert registry("special-category-conditions").valid(RULES.special_category, on=TODAY)
    assert all(registry("need-types").valid(need, on=TODAY) for need in RULES.needs)


@pytest.mark.parametrize(
    ("kind", "sessions", "urgency", "risk"),
    [("LNCH", 1, "routine", "emerging"), ("SUSP", 4, "soon", "emerging"), ("PERM", 0, "urgent", "imminent")],
)
def test_how_soon_and_how_grave_go_by_the_kind(kind: str, sessions: int, urgency: str, risk: str) -> None:
    said = content(kind=kind, sessions=sessions)
    assert (said["urgency"], said["concern"]["risk_of_exclusion"]) == (urgency, risk)
    assert (said["requested"], said["concern"]["summary"], said["family"]) == ([], None, None)
    assert pointers(said) == []


def test_a_need_is_assumed_only_where_none_is_given() -> None:
    assert (content()["needs"], content()["needs_assumed"]) == ([{"type": "SEMH", "rank": 1}], True)
    given_need = [{"type": "ASD", "rank": 1}]
    said = content(needs=given_need)
    assert (said["needs"], said["needs_assumed"]) == (given_need, False)


@given(st.integers(-1000, 1000), st.integers(-5, 200), st.sampled_from([*RULES.kinds, "FIXD", "ZZZZ"]))
def test_what_is_taken_can_be_said_and_what_cannot_is_told_by_field(days: int, sessions: int, kind: str) -> None:
    first_on = TODAY + timedelta(days=days)
    said = content(kind=kind, sessions=sessions, first_on=first_on.isoformat(), reasons=["DB"])
    wrong = pointers(said)
    assert ("/first_on" in wrong) == (not -RULES.days_back <= days <= RULES.days_ahead)
    if not wrong:
        event = notified(said, case_id="c", exclusion_id="e", organisation_id="o")
        assert (event.kind, event.sessions, event.first_on) == (kind, sessions, first_on)
        assert registry("exclusion-kinds").valid(event.kind, on=first_on)
    if kind not in RULES.kinds:
        assert "/kind" in wrong


def test_the_day_on_which_it_is_sent_does_not_make_another_notice_of_it() -> None:
    later = content_of(NOTICE | {"needs": []}, RULES, on=TODAY + timedelta(days=3))
    assert is_the_same(content(), later)
    assert not is_the_same(content(), content(sessions=6))
