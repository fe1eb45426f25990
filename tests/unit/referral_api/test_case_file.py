"""What happens to a case, and the facts that follow; the one record of its child, as far as somebody may read it."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from referral_api.domain.case_file import Assignment, CaseFile, Referral
from referral_api.domain.lifecycle import CaseStatus, ReferralStatus
from referral_api.domain.participation import present
from referral_api.domain.portrait import portrait, shown
from referral_api.store.dated import front_door, limits, timeline_templates
from referral_api.subscriptions import OF_A_CASE
from referral_api.views.example import REFERRAL
from referral_api.views.timeline import told
from schemas.referral import CaseClosed, CaseOpened, Home

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SUMMER_MIDNIGHT = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)


def a_referral(number: int = 1, *, organisation: str = "school-115482", **child: Any) -> Referral:
    content = deepcopy(REFERRAL)
    content["child"] |= child
    at = NOON + timedelta(minutes=number)
    return Referral(
        referral_id=f"referral-{number}",
        case_id="case-1",
        child_id="child-1",
        organisation_id=organisation,
        sector="education",
        content=content,
        home=Home(state="unknown"),
        submitted_at=at,
        said_at=at,
        submitted_by="somebody",
    )


def a_case(referral: Referral | None = None, *, at: datetime = NOON) -> CaseFile:
    case = CaseFile.opened(referral or a_referral(), reference="K7M-3HX-9PT", intake="county-council", at=at)
    case.told()
    return case


def names(case: CaseFile) -> list[str]:
    return [type(event).__name__ for event in case.told()]


def test_what_was_told_is_not_told_again() -> None:
    case = CaseFile.opened(a_referral(), reference="K7M-3HX-9PT", intake="county-council", at=NOON)
    assert names(case) == ["ReferralSubmitted", "CaseOpened", "CaseParticipantsChanged"]
    assert names(case) == []


def test_a_second_referral_of_the_same_agency_changes_nobody_s_part() -> None:
    case = a_case()
    case.take(a_referral(2), matched_by="exact", at=NOON)
    assert names(case) == ["ReferralSubmitted", "CaseLinked"]


def test_who_still_has_another_referral_stays_when_one_is_taken_out() -> None:
    case = a_case()
    second = a_referral(2)
    case.take(second, matched_by="exact", at=NOON)
    case.told()
    case.release(second, to_case_id="case-2", reason="different-child", at=NOON)
    assert names(case) == ["CaseUnlinked"]
    assert "school-115482" in present(case.participants)


def test_a_closed_case_has_no_news_of_its_circumstances() -> None:
    case = a_case()
    case.close(reason="needs-met", at=NOON)
    assert case.referrals[0].status is ReferralStatus.CLOSED
    case.told()
    case.referrals[0].content["urgency"] = "urgent"
    case.reconsider(NOON.date())
    assert names(case) == []
    assert case.status is CaseStatus.CLOSED


def test_a_new_holder_takes_the_place_of_the_old_one_and_of_who_was_asked() -> None:
    case = a_case()
    case.assigned(Assignment("assigned", "c-1", "school-1"), on=NOON.date())
    case.offered("school-2", on=NOON.date())
    case.assigned(Assignment("accepted", "c-2", "school-2"), on=NOON.date())
    assert present(case.participants, roles=("holder",)) == ("school-2",)
    assert present(case.participants, roles=("receiver",)) == ()


def test_the_same_holder_again_is_no_news() -> None:
    case = a_case()
    case.assigned(Assignment("assigned", "c-1", "school-1"), on=NOON.date())
    case.told()
    case.assigned(Assignment("accepted", "c-1", "school-1"), on=NOON.date())
    assert names(case) == []
    assert case.assignment.state == "accepted"


def test_a_day_begins_at_midnight_here() -> None:
    case = a_case(at=SUMMER_MIDNIGHT)
    assert {p.since.isoformat() for p in case.participants} == {"2026-07-01"}


def test_the_last_to_ask_ends_the_case_and_one_of_several_does_not() -> None:
    case = a_case()
    case.take(a_referral(2, organisation="nhs-trust"), matched_by="exact", at=NOON)
    case.withdraw(case.referrals[0], reason="family-declined", at=NOON)
    assert case.status is CaseStatus.OPEN
    case.withdraw(case.referrals[1], reason="family-declined", at=NOON)
    assert isinstance(case.told()[-1], CaseClosed)


def test_the_record_of_a_child_is_the_latest_word_and_silence_changes_nothing() -> None:
    early = a_referral(1, nhs_number="9990000018", school_urn="115482")
    late = a_referral(2, given_name="Zoe", nhs_number=None, school_urn="115600")
    child = portrait([late, early])
    assert (child["given_name"], child["nhs_number"], child["school_urn"]) == ("Zoe", "9990000018", "115600")


def test_one_sender_s_restriction_holds_for_the_whole_record() -> None:
    child = portrait([a_referral(1, address_restricted=True), a_referral(2)])
    assert child["address_restricted"] is True
    seen = shown(child, numbers=frozenset({"upn"}), whereabouts=False)
    assert (seen["postcode"], seen["school_urn"], seen["nhs_number"]) == (None, None, None)
    assert seen["given_name"] == "Zoë"


def test_a_reader_gets_the_numbers_that_are_theirs() -> None:
    child = portrait([a_referral(1, nhs_number="9990000018", upn="W916200018001")])
    assert shown(child, numbers=frozenset({"upn"}), whereabouts=True)["upn"] == "W916200018001"
    assert shown(child, numbers=frozenset({"upn"}), whereabouts=True)["nhs_number"] is None


@pytest.mark.parametrize("event", OF_A_CASE, ids=lambda event: event.type)
def test_every_fact_about_a_case_has_words_of_its_own(event: Any) -> None:
    template = timeline_templates().get(event.type)
    assert template is not None, "write a sentence for it in data/timeline.toml"
    row = {"event_id": "e", "at": NOON, "source": "/x", "sequence": 1, "type": event.type}
    entry = told(row, {}, timeline_templates(), {})
    assert entry["text"].strip()
    assert "{" not in entry["text"]


def test_an_event_is_told_with_names_labels_and_days() -> None:
    data = {"asked_by": "county-council", "asked_of": "school-1", "due_on": "2026-12-01"}
    row = {
        "event_id": "e",
        "at": NOON,
        "source": "/x",
        "sequence": 1,
        "type": "jointly.referral.information-requested.v1",
    }
    names_known = {("organisation", "county-council"): "The council", ("organisation", "school-1"): "A school"}
    entry = told(row, data, timeline_templates(), names_known)
    assert entry["text"] == "The council asked A school for more, by 1 December 2026."
    assert entry["at"] == "2026-11-23T12:00:00Z"


def test_dated_data_has_something_for_today_and_for_long_ago() -> None:
    assert front_door(NOON.date())["telephone"]
    assert limits(NOON.date().replace(year=1990)).oldest == 25


def test_an_opened_case_says_its_circumstances() -> None:
    case = CaseFile.opened(a_referral(), reference="K7M-3HX-9PT", intake="county-council", at=NOON)
    opened = next(event for event in case.told() if isinstance(event, CaseOpened))
    assert opened.circumstances.model_dump(mode="json", exclude_none=True) == {
        "school_urn": "115482",
        "year_group": "5",
        "age": 10,
        "needs": [{"type": "SEMH", "rank": 1}, {"type": "SLCN", "rank": 2}],
        "home": {"state": "unknown"},
        "urgency": "soon",
        "risk_of_exclusion": "emerging",
    }
