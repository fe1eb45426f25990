"""One picture of what several senders say, and when it has changed."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from referral_api.domain.circumstances import Statement, changed, combined, home_of
from schemas.referral import Home, Need

TODAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SQUARE = Home(state="known", easting=383000, northing=218000)


def said(minutes: int = 0, **parts: Any) -> Statement:
    return Statement(
        **{
            "said_at": NOON + timedelta(minutes=minutes),
            "active": True,
            "born": date(2016, 3, 9),
            "school_urn": "115482",
            "year_group": "5",
            "needs": (Need(type="SEMH", rank=1),),
            "home": SQUARE,
            "urgency": "routine",
            "risk_of_exclusion": "none",
            **parts,
        }
    )


def content(**child: Any) -> dict[str, Any]:
    return {"child": {"date_of_birth": "2016-03-09", "postcode": None, "address_restricted": False, **child}}


def test_a_home_is_known_no_closer_than_a_kilometre() -> None:
    assert home_of(content(postcode="GL1 4AW"), (383, 218)) == SQUARE


def test_a_postcode_that_nobody_knows_gives_an_unknown_home() -> None:
    assert home_of(content(postcode="GL1 4AW"), None).state == "unknown"
    assert home_of(content(), None).state == "unknown"


def test_no_fixed_abode_is_not_unknown() -> None:
    assert home_of(content(postcode="ZZ99 3VZ"), None).state == "none"


def test_a_restricted_address_gives_no_square_even_when_the_postcode_is_known() -> None:
    assert home_of(content(postcode="GL1 4AW", address_restricted=True), (383, 218)) == Home(state="restricted")


def test_one_sender_who_says_restricted_hides_home_and_school_for_all() -> None:
    picture = combined([said(0), said(1, home=Home(state="restricted"))], on=TODAY)
    assert (picture.home, picture.school_urn) == (Home(state="restricted"), None)
    assert picture.year_group == "5"


def test_the_latest_word_on_school_and_year_counts_and_silence_changes_nothing() -> None:
    picture = combined(
        [said(0), said(2, school_urn="115600", year_group=None), said(1, school_urn="115700", year_group="6")], on=TODAY
    )
    assert (picture.school_urn, picture.year_group) == ("115600", "6")


def test_urgency_and_risk_are_the_worst_that_anybody_says() -> None:
    picture = combined([said(0, urgency="immediate"), said(1, risk_of_exclusion="imminent")], on=TODAY)
    assert (picture.urgency, picture.risk_of_exclusion) == ("immediate", "imminent")


def test_every_need_is_there_once_in_order_of_rank() -> None:
    first = (Need(type="SEMH", rank=1), Need(type="SLCN", rank=2))
    second = (Need(type="ASD", rank=1), Need(type="SEMH", rank=3))
    picture = combined([said(0, needs=first), said(1, needs=second)], on=TODAY)
    assert [(need.type, need.rank) for need in picture.needs] == [("SEMH", 1), ("ASD", 2), ("SLCN", 3)]


def test_who_no_longer_asks_is_not_heard_unless_nobody_else_is_left() -> None:
    gone = said(1, active=False, urgency="immediate")
    assert combined([said(0), gone], on=TODAY).urgency == "routine"
    assert combined([gone], on=TODAY).urgency == "immediate"


def test_what_changed_is_told_by_its_name() -> None:
    before = combined([said()], on=TODAY)
    after = combined([said(school_urn="115600", urgency="urgent")], on=TODAY)
    assert changed(before, after) == ("school_urn", "urgency")
    assert changed(before, before) == ()


STATEMENTS = st.lists(
    st.builds(
        said,
        st.integers(0, 5),
        active=st.booleans(),
        school_urn=st.sampled_from([None, "115482", "115600"]),
        urgency=st.sampled_from(["routine", "soon", "urgent", "immediate"]),
        home=st.sampled_from([SQUARE, Home(state="unknown"), Home(state="none"), Home(state="restricted")]),
        needs=st.lists(st.sampled_from("abcdefghijklmnopqrst"), min_size=1, max_size=13, unique=True).map(
            lambda types: tuple(Need(type=kind, rank=rank) for rank, kind in enumerate(types, 1))
        ),
    ),
    min_size=1,
    max_size=5,
)


@given(STATEMENTS)
def test_a_picture_always_fits_the_contract(statements: list[Statement]) -> None:
    picture = combined(statements, on=TODAY)
    assert [need.rank for need in picture.needs] == list(range(1, len(picture.needs) + 1))
    if picture.home.state != "known":
        assert picture.home.easting is None
        assert picture.home.northing is None
