"""How an offer climbs that nobody answers."""

from datetime import UTC, date, datetime, timedelta

import pytest
from cluster_router.domain.handovers import Ladder, Rung, first_rung, ladder_on, reached, rung_after, rung_at
from cluster_router.policy import ladder_of
from hypothesis import given
from hypothesis import strategies as st
from schemas.days import Calendar

LADDER = Ladder(date(2026, 9, 1), (Rung(1, 3), Rung(2, 1)))
#: A Thursday, at noon.
DUE = datetime(2026, 12, 3, 12, tzinfo=UTC)
CHRISTMAS = Calendar(bank_holidays=frozenset({date(2026, 12, 25), date(2026, 12, 28)}))


@pytest.mark.parametrize(
    ("due", "before", "at"),
    [
        (DUE, 1, datetime(2026, 12, 2, 12, tzinfo=UTC)),
        (DUE, 3, datetime(2026, 11, 30, 12, tzinfo=UTC)),
        # Over a weekend, over Christmas, on a Sunday.
        (DUE, 4, datetime(2026, 11, 27, 12, tzinfo=UTC)),
        (datetime(2026, 12, 29, 12, tzinfo=UTC), 1, datetime(2026, 12, 24, 12, tzinfo=UTC)),
        (datetime(2026, 12, 6, 12, tzinfo=UTC), 1, datetime(2026, 12, 4, 12, tzinfo=UTC)),
        # The hour here stays when the clocks change on 28 March.
        (datetime(2027, 3, 29, 11, tzinfo=UTC), 1, datetime(2027, 3, 26, 12, tzinfo=UTC)),
        (DUE, 0, DUE),
    ],
)
def test_a_rung_is_so_many_working_days_before_at_the_same_hour(due: datetime, before: int, at: datetime) -> None:
    assert rung_at(Rung(1, before), due, CHRISTMAS) == at


def test_the_first_rung_is_one_that_lies_after_the_offer() -> None:
    assert first_rung(LADDER, DUE, CHRISTMAS, offered_at=DUE - timedelta(days=10)) == Rung(1, 3)
    assert first_rung(LADDER, DUE, CHRISTMAS, offered_at=DUE - timedelta(days=2)) == Rung(2, 1)
    assert first_rung(LADDER, DUE, CHRISTMAS, offered_at=DUE - timedelta(hours=2)) is None


def test_after_a_rung_comes_the_next_one_and_then_none() -> None:
    assert rung_after(LADDER, 1) == Rung(2, 1)
    assert rung_after(LADDER, 2) is None


@given(st.integers(-240, 240))
def test_what_is_reached_only_ever_grows(hours: int) -> None:
    now = DUE + timedelta(hours=hours)
    before, after = (reached(LADDER, DUE, CHRISTMAS, at=at) for at in (now, now + timedelta(hours=1)))
    assert 0 <= before <= after <= 2
    assert after == 2 or now < DUE


def test_the_ladder_of_a_day_is_the_newest_that_has_begun() -> None:
    later = Ladder(date(2027, 1, 1), (Rung(1, 2),))
    assert ladder_on([later, LADDER], date(2026, 12, 31)) is LADDER
    assert ladder_on([later, LADDER], date(2027, 1, 1)) is later
    assert ladder_on([later, LADDER], date(2020, 1, 1)) is LADDER


def test_the_ladder_that_ships_climbs_to_the_lead_then_to_the_desk() -> None:
    rungs = ladder_of(date(2026, 11, 23)).rungs
    assert [rung.number for rung in rungs] == [1, 2]
    assert rungs[0].working_days_before > rungs[1].working_days_before > 0
