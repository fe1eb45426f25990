"""A school's notice that it suspended or excluded a child: what it says, kept in the shape of a referral without words.

It describes a child and bears on where the child's case belongs, as a referral does; it asks for nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from schemas.codes import registry
from schemas.referral import ExclusionNotified

from referral_api.domain.content import Content, Flaw, Limits, flaws, unknown

#: What a row of `referral` is.
REFERRAL: Final = "referral"
NOTICE: Final = "exclusion-notice"


@dataclass(frozen=True, slots=True)
class Kind:
    """What follows from one kind of exclusion; sessions are half school days."""

    urgency: str
    risk_of_exclusion: str
    least_sessions: int
    most_sessions: int


@dataclass(frozen=True, slots=True)
class NoticeRules:
    """What a notice stands for, from a day on."""

    since: date
    basis: str
    special_category: str
    #: Assumed where nobody names any.
    needs: tuple[str, ...]
    days_ahead: int
    days_back: int
    kinds: Mapping[str, Kind]


def content_of(notice: Content, rules: NoticeRules, *, on: date) -> dict[str, Any]:
    """The notice as the content of a referral that asks for nothing; fields as in `POST /v1/exclusion-notices`."""
    kind = rules.kinds.get(notice["kind"])
    given = notice.get("needs") or ()
    return {
        "child": notice["child"],
        "family": None,
        "needs": [*given] or [{"type": code, "rank": rank} for rank, code in enumerate(rules.needs, start=1)],
        "needs_assumed": not given,
        "concern": {
            "summary": None,
            "risk_of_exclusion": kind.risk_of_exclusion if kind else "none",
            "attendance": None,
        },
        "requested": [],
        "urgency": kind.urgency if kind else "routine",
        "basis": {"kind": rules.basis, "special_category": rules.special_category, "recorded_on": on.isoformat()},
        "referrer": {"name": None, "role": None, "email": None, "reference": notice["reference"]},
        "exclusion": {name: notice[name] for name in ("kind", "reasons", "first_on", "sessions")},
    }


def flaws_of_notice(content: Content, rules: NoticeRules, *, on: date, limits: Limits) -> list[Flaw]:
    """Everything about a notice (as content) that makes no sense on a day; pointers as in the notice's body."""
    return [*flaws(content, on=on, limits=limits), *_flaws_of_exclusion(content["exclusion"], rules, on)]


def is_the_same(one: Content, other: Content) -> bool:
    """Whether two notices under one reference say the same."""
    return all(one[part] == other[part] for part in ("child", "exclusion", "needs"))


def notified(content: Content, *, case_id: str, exclusion_id: str, organisation_id: str) -> ExclusionNotified:
    """The fact that others hear."""
    child, exclusion = content["child"], content["exclusion"]
    return ExclusionNotified(
        case_id=case_id,
        exclusion_id=exclusion_id,
        organisation_id=organisation_id,
        school_urn=child["school_urn"],
        kind=exclusion["kind"],
        reasons=tuple(exclusion["reasons"]),
        first_on=date.fromisoformat(exclusion["first_on"]),
        sessions=exclusion["sessions"],
        year_group=child.get("year_group"),
        social_worker=bool(child.get("has_social_worker")),
    )


def _flaws_of_exclusion(exclusion: Content, rules: NoticeRules, on: date) -> Iterator[Flaw]:
    first_on = date.fromisoformat(exclusion["first_on"])
    if first_on > on + timedelta(days=rules.days_ahead):
        yield Flaw("/first_on", "too-far-ahead", f"Send it at most {rules.days_ahead} days before the first day.")
    if first_on < on - timedelta(days=rules.days_back):
        yield Flaw("/first_on", "too-long-ago", f"The first day must be within the last {rules.days_back} days.")
    kind = rules.kinds.get(exclusion["kind"])
    if kind is None or not registry("exclusion-kinds").valid(exclusion["kind"], on=first_on):
        yield Flaw("/kind", "unknown-code", f"Use one of: {', '.join(rules.kinds)}.")
    elif not kind.least_sessions <= exclusion["sessions"] <= kind.most_sessions:
        yield Flaw("/sessions", "out-of-range", _sessions(kind))
    reasons = registry("exclusion-reasons")
    for index, reason in enumerate(exclusion["reasons"]):
        if not reasons.valid(reason, on=first_on):
            yield unknown(f"/reasons/{index}", "exclusion-reasons", first_on)
        elif reason in exclusion["reasons"][:index]:
            yield Flaw(f"/reasons/{index}", "repeated", "Name each reason once.")


def _sessions(kind: Kind) -> str:
    if kind.most_sessions == 0:
        return "A permanent exclusion has no number of sessions: send 0."
    return f"Send the half school days: {kind.least_sessions} to {kind.most_sessions}."
