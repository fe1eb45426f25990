"""Who may see, ask for and decide about money."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from chassis.auth import Caller
from funding.domain.requests import Origin, Request
from funding.policy import asks, decides, is_finance, rules_of, sees

RULES = rules_of(date(2026, 11, 23))
LIMIT = RULES.lead.most_per_award_pence
REQUEST = Request(
    id="r", case_id="c", cluster_id="north", organisation_id="school-2", origin=Origin.PERSON, referral_id=None,
    purpose="therapy", amount_pence=LIMIT, since=date(2026, 11, 23), until=date(2026, 12, 31), asked_by="worker",
    asked_by_organisation="nhs-trust", asked_at=datetime(2026, 11, 23, tzinfo=UTC), reason="Why.",
)  # fmt: skip
FROM_REFERRAL = replace(REQUEST, origin=Origin.REFERRAL, asked_by=None)


def caller(
    *roles: str, subject: str = "p", organisation: str = "school-1", sector: str = "education", clusters: str = ""
) -> Caller:
    """Somebody."""
    return Caller(subject, "c", organisation, sector, frozenset(roles), frozenset(clusters.split()))


FINANCE = caller("finance-officer", organisation="county-council", sector="council")
LEAD = caller("cluster-lead", clusters="north")


@pytest.mark.parametrize(
    ("who", "request_", "may"),
    [
        (FINANCE, REQUEST, True),
        (FINANCE, replace(REQUEST, amount_pence=LIMIT * 10), True),
        (caller("finance-officer"), REQUEST, False),
        (LEAD, REQUEST, True),
        (LEAD, replace(REQUEST, amount_pence=LIMIT + 1), False),
        (LEAD, replace(REQUEST, cluster_id="south"), False),
        (caller("caseworker", clusters="north"), REQUEST, False),
        # Nobody decides what they themselves asked for, whoever they are.
        (replace(FINANCE, subject="worker"), REQUEST, False),
        (replace(LEAD, subject="worker"), REQUEST, False),
        # A colleague's request may be decided, but not what one's own organisation referred, nor its own money.
        (FINANCE, replace(REQUEST, asked_by="clerk", asked_by_organisation="county-council"), True),
        (LEAD, replace(FROM_REFERRAL, asked_by_organisation="school-1"), False),
        (LEAD, FROM_REFERRAL, True),
        (LEAD, replace(REQUEST, organisation_id="school-1"), False),
        (FINANCE, replace(REQUEST, organisation_id="county-council"), False),
    ],
)
def test_who_decides(who: Caller, request_: Request, may: bool) -> None:
    why = decides(who, request_, RULES)
    assert (why is None) is may


@pytest.mark.parametrize(
    ("who", "may_see", "may_ask"),
    [
        (FINANCE, True, True),
        (caller("data-protection-officer", sector="council"), True, False),
        (caller("data-protection-officer"), False, False),
        (caller("operator", sector="council"), False, False),
        (LEAD, True, True),
        (caller("caseworker", clusters="north"), True, True),
        (caller("adviser", clusters="north"), False, False),
        (caller("cluster-lead", clusters="south"), False, False),
        (caller("agency-system", organisation="school-2"), True, True),
        (caller("referrer", organisation="school-2"), True, True),
        (caller("provider-staff", organisation="school-2"), True, False),
        (caller("agency-system", organisation="school-9"), False, False),
    ],
)
def test_who_sees_and_asks(who: Caller, may_see: bool, may_ask: bool) -> None:
    assert sees(who, "north", {"school-2"}) is may_see
    assert asks(who, "north", {"school-2"}) is may_ask


def test_finance_is_the_councils() -> None:
    assert is_finance(FINANCE)
    assert not is_finance(caller("finance-officer", sector="health"))
