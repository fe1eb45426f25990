"""My work: what runs out first comes first, and what is late comes before everything."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portal.domain.work import Band, Bands, Item, Limit, grouped, in_words, placed, school_days
from schemas.days import Calendar

MONDAY = date(2026, 11, 23)
BANDS = Bands(soon=2, week=5)
WEEKDAYS = Calendar()


def item(reference: str, *due: date, urgency: str = "routine", risk: str = "none", days_old: int = 0) -> Item:
    """A case with limits on these days."""
    return Item(
        case_id=reference,
        reference=reference,
        opened_at=datetime(2026, 11, 23, tzinfo=UTC) - timedelta(days=days_old),
        urgency=urgency,
        risk=risk,
        limits=tuple(Limit(day, "A limit") for day in due),
    )


def order(*items: Item) -> list[str]:
    """The references in the order of the page."""
    return [one.item.reference for one in placed(items, MONDAY, BANDS, WEEKDAYS)]


def test_what_is_late_comes_before_what_is_due_and_the_latest_first() -> None:
    late, later = item("late", MONDAY - timedelta(days=3)), item("later", MONDAY - timedelta(days=20))
    assert order(item("due", MONDAY), late, item("none"), later) == ["later", "late", "due", "none"]


def test_a_case_stands_where_its_nearest_limit_puts_it() -> None:
    both = item("both", MONDAY + timedelta(days=60), MONDAY + timedelta(days=1))
    assert order(item("one", MONDAY + timedelta(days=2)), both) == ["both", "one"]


def test_without_a_date_the_more_urgent_comes_first_then_the_risk_then_the_older() -> None:
    assert order(
        item("young"), item("old", days_old=9), item("risk", risk="imminent"), item("urgent", urgency="urgent")
    ) == ["urgent", "risk", "old", "young"]


def test_a_case_without_a_limit_never_comes_before_one_that_has_one() -> None:
    far = item("far", MONDAY + timedelta(days=300))
    assert order(item("urgent", urgency="immediate", risk="imminent"), far) == ["far", "urgent"]


@pytest.mark.parametrize(
    ("days", "band", "words"),
    [
        (-4, Band.OVERDUE, "4 school days late"),
        (-1, Band.OVERDUE, "1 school day late"),
        (0, Band.SOON, "Today"),
        (1, Band.SOON, "In 1 school day"),
        (2, Band.SOON, "In 2 school days"),
        (3, Band.WEEK, "In 3 school days"),
        (5, Band.WEEK, "In 5 school days"),
        (6, Band.LATER, "In 6 school days"),
        (None, Band.NONE, "No date"),
    ],
)
def test_bands_and_words_of_school_days(days: int | None, band: Band, words: str) -> None:
    assert (BANDS.of(days), in_words(days)) == (band, words)


def test_a_weekend_is_no_time_to_act_in() -> None:
    friday = date(2026, 11, 27)
    assert school_days(friday, friday + timedelta(days=3), WEEKDAYS) == 1


def test_what_ran_out_on_a_day_without_school_is_late_all_the_same() -> None:
    sunday = date(2026, 11, 22)
    assert school_days(MONDAY, sunday, WEEKDAYS) < 0
    assert school_days(sunday, sunday - timedelta(days=1), WEEKDAYS) < 0


@given(st.lists(st.integers(-40, 60), max_size=30))
def test_the_groups_hold_every_case_once_and_in_order(offsets: list[int]) -> None:
    items = [item(str(n), MONDAY + timedelta(days=offset)) for n, offset in enumerate(offsets)]
    rows = placed(items, MONDAY, BANDS, WEEKDAYS)
    shown = [one for group in grouped(rows) for one in group.members]
    assert shown == rows
    assert sorted(one.item.reference for one in shown) == sorted(each.reference for each in items)
    assert [one.days for one in rows] == sorted(one.days for one in rows if one.days is not None)
