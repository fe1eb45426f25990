"""When a message may leave for somebody, and who stands in while they are away."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifier.domain.facts import COUNTY_TIME
from notifier.domain.planning import plan
from notifier.domain.rules import Channel
from notifier.domain.wishes import RoleWish, Wish, hours_on, leaves_at, quiet_ends
from notifier.policy import HOURS, RULES
from unit.notifier.builders import CLUSTER, LEAD, a_case, a_fact, a_holder, directory, the_desk

USUAL = hours_on(HOURS, date(2026, 11, 20))


def county(day: int, hour: int, minute: int = 0, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=COUNTY_TIME)


@pytest.mark.parametrize(
    ("at", "urgent", "leaves"),
    [
        # Friday noon: ordinary things come on Monday at eight, urgent ones at once.
        (county(20, 12), False, county(23, 8)),
        (county(20, 12), True, county(20, 12)),
        # At night: urgent ones when the quiet ends.
        (county(20, 23), True, county(21, 7, 30)),
        (county(21, 3), True, county(21, 7, 30)),
        (county(20, 19), True, county(21, 7, 30)),
        (county(20, 18, 59), True, county(20, 18, 59)),
        (county(23, 7, 30), True, county(23, 7, 30)),
        # Early on a Monday: this morning's digest.
        (county(23, 6), False, county(23, 8)),
        (county(23, 8), False, county(23, 8)),
        (county(23, 8, 1), False, county(24, 8)),
    ],
)
def test_ordinary_things_come_together_and_urgent_ones_by_day(at: datetime, urgent: bool, leaves: datetime) -> None:
    assert leaves_at(at, Wish(), USUAL, urgent=urgent, wakes=False) == leaves


def test_what_may_wake_people_leaves_at_any_hour() -> None:
    assert leaves_at(county(21, 3), Wish(), USUAL, urgent=True, wakes=True) == county(21, 3)


def test_everybody_has_their_own_hour_and_quiet() -> None:
    wish = Wish(digest_hour=16, quiet_from=time(12), quiet_until=time(13))
    assert leaves_at(county(23, 9), wish, USUAL, urgent=False, wakes=False) == county(23, 16)
    assert leaves_at(county(23, 12, 30), wish, USUAL, urgent=True, wakes=False) == county(23, 13)
    assert leaves_at(county(23, 23), wish, USUAL, urgent=True, wakes=False) == county(23, 23)
    never_quiet = Wish(quiet_from=time(0), quiet_until=time(0))
    assert quiet_ends(county(23, 3), never_quiet, USUAL) is None


def test_a_digest_hour_in_the_quiet_waits_for_its_end() -> None:
    assert leaves_at(county(23, 9), Wish(digest_hour=5), USUAL, urgent=False, wakes=False) == county(24, 7, 30)


def test_a_role_may_differ() -> None:
    wish = Wish(roles={"cluster-lead": RoleWish(digest="at-once", channels=frozenset({"sms"}))})
    assert wish.in_role("cluster-lead").digest == "at-once"
    assert wish.in_role("cluster-lead").channels == {"sms"}
    assert wish.in_role("caseworker") == wish


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001  the time zone follows
    st.booleans(),
    st.integers(0, 23) | st.none(),
    st.times(),
    st.times(),
)
def test_nothing_leaves_in_the_quiet_nor_before_it_happened_nor_more_than_four_days_later(
    naive: datetime, urgent: bool, hour: int | None, start: time, end: time
) -> None:
    at = naive.replace(tzinfo=UTC)
    wish = Wish(digest_hour=hour, quiet_from=start.replace(second=0), quiet_until=end.replace(second=0))
    leaves = leaves_at(at, wish, USUAL, urgent=urgent, wakes=False)
    assert at <= leaves <= at + timedelta(days=5)
    assert quiet_ends(leaves, wish, USUAL) is None


AWAY = Wish(absent_from=date(2026, 11, 16), absent_until=date(2026, 11, 27), cover="cover")


def who(context: object) -> dict[str, tuple[bool, str | None]]:
    messages, _ = plan(a_fact(), a_case(referring=()), context, RULES)  # type: ignore[arg-type]
    return {m.person_id: (Channel.EMAIL in m.channels, m.covers) for m in messages}


def test_who_covers_is_told_and_who_is_away_finds_it_in_their_inbox_later() -> None:
    context = directory(a_holder("away"), wishes={"away": AWAY})
    assert who(context) == {"away": (False, None), "cover": (True, "away")}


def test_who_covers_may_be_away_too() -> None:
    second = Wish(absent_from=date(2026, 11, 20), cover="second")
    context = directory(a_holder("away"), wishes={"away": AWAY, "cover": second})
    assert who(context) == {"away": (False, None), "second": (True, "away")}
    ring = directory(a_holder("away"), wishes={"away": AWAY, "cover": Wish(absent_from=AWAY.absent_from, cover="away")})
    assert who(ring) == {"away": (False, None)}


def test_a_team_that_is_all_away_without_cover_is_stood_in_for() -> None:
    gone = Wish(absent_from=date(2026, 11, 20))
    head = a_holder("head", "safeguarding-lead", organisation_id=LEAD, cluster_id=None)
    context = directory(a_holder("away"), head, the_desk(), wishes={"away": gone})
    assert who(context) == {"away": (False, None), "head": (True, None)}
    _, found = plan(a_fact(), a_case(referring=()), context, RULES)
    assert [t.rung for t in found] == [2]


def test_who_covers_and_is_in_the_team_is_told_once_and_for_themselves() -> None:
    context = directory(a_holder("away"), a_holder("cover"), wishes={"away": AWAY})
    assert who(context) == {"away": (False, None), "cover": (True, None)}


def test_the_day_after_the_absence_everything_is_as_before() -> None:
    back = Wish(absent_from=date(2026, 11, 1), absent_until=date(2026, 11, 19), cover="cover")
    assert who(directory(a_holder("back"), wishes={"back": back})) == {"back": (True, None)}


def test_further_channels_are_those_that_the_rule_and_the_person_name() -> None:
    wishes = {"worker": Wish(channels=frozenset({"sms", "push"}))}
    urgent, _ = plan(a_fact(), a_case(urgency="urgent"), directory(a_holder("worker"), wishes=wishes), RULES)
    assert urgent[0].channels == {Channel.EMAIL, Channel.SMS, Channel.PUSH}
    quiet = a_fact("jointly.referral.amended.v1")
    messages, _ = plan(quiet, a_case(cluster_id=CLUSTER), directory(a_holder("worker"), wishes=wishes), RULES)
    assert messages[0].channels == frozenset()
