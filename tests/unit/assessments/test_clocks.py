"""Any history of a clock: told of once a mark, breached once and never early, ended once; and what excuses it."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from assessments.domain import clocks
from assessments.domain.clocks import NEXT, Clock, ClockIsOver, Excuse, State, Told
from assessments.domain.figures import figures
from assessments.policy import LIMITS
from chassis.errors import Refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from schemas.assessment import ClockBreached, ClockCancelled, ClockDueSoon, ClockEvent, ClockExcepted, ClockMet

START = date(2026, 11, 23)
DUE = date(2027, 1, 4)
ADVICE = LIMITS.limit("advice", START)
COMMENTS = LIMITS.limit("ehc-draft-comments", START)


def a_clock(**changes: object) -> Clock:
    """A clock of six weeks."""
    usual = Clock("c", "case", "a", "advice", "about", START, DUE, ADVICE.since)
    return replace(usual, **changes)  # type: ignore[arg-type]


def day(text: str) -> date:
    """A day."""
    return date.fromisoformat(text)


class AnyHistory(RuleBasedStateMachine):
    """Days pass, some of them unseen; people meet, cancel and excuse in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = clocks.start(a_clock()).clock
        self.today = START
        self.said: list[ClockEvent] = []

    def take(self, told: Told) -> None:
        assert told.clock.state is self.clock.state or told.clock.state in NEXT[self.clock.state]
        self.clock = told.clock
        self.said += told.events

    @rule(days=st.integers(0, 30))
    def days_pass(self, days: int) -> None:
        self.today += timedelta(days=days)

    @rule()
    def somebody_looks(self) -> None:
        self.take(clocks.tick(self.clock, ADVICE, self.today))

    @rule(days=st.integers(0, 60))
    def nobody_looks_and_then_somebody_does(self, days: int) -> None:
        wanted = clocks.next_tick(self.clock, ADVICE, hour=7)
        self.today += timedelta(days=days)
        if wanted is not None and wanted.date() <= self.today:
            before = self.clock
            self.take(clocks.tick(self.clock, ADVICE, self.today))
            following = clocks.next_tick(self.clock, ADVICE, hour=7)
            assert self.clock != before, "being called makes a difference"
            assert following is None or following.date() > self.today or following > wanted

    @rule()
    def it_is_met(self) -> None:
        try:
            self.take(clocks.meet(self.clock, self.today))
        except ClockIsOver:
            assert not self.clock.is_open

    @rule()
    def it_is_cancelled(self) -> None:
        try:
            self.take(clocks.cancel(self.clock, "case-closed"))
        except ClockIsOver:
            assert not self.clock.is_open

    @rule(code=st.sampled_from(["away-from-area", "school-closed", "appointment-missed"]), since=st.integers(-60, 90),
          lasts=st.one_of(st.none(), st.integers(0, 60)))  # fmt: skip
    def it_is_excused(self, code: str, since: int, lasts: int | None) -> None:
        began = START + timedelta(days=since)
        until = None if lasts is None else began + timedelta(days=lasts)
        try:
            told = clocks.except_(self.clock, Excuse(code, began, until), LIMITS)
        except Refusal:
            return
        assert told.clock.due_on == self.clock.due_on, "it never pauses"
        assert told.clock.state is self.clock.state
        assert code in ADVICE.exceptions
        self.take(told)

    @invariant()
    def it_is_breached_once_and_never_early(self) -> None:
        breaches = [event for event in self.said if isinstance(event, ClockBreached)]
        assert len(breaches) <= 1
        assert all(event.days_late >= 1 for event in breaches)
        assert (self.clock.breached_on is not None) == bool(breaches)

    @invariant()
    def it_ends_once(self) -> None:
        ends = [event for event in self.said if isinstance(event, (ClockMet, ClockCancelled))]
        assert len(ends) == (0 if self.clock.is_open else 1)
        if ends:
            assert not isinstance(self.said[-1], (ClockDueSoon, ClockBreached, ClockExcepted))

    @invariant()
    def each_mark_is_told_once_and_never_afterwards(self) -> None:
        left = [event.days_left for event in self.said if isinstance(event, ClockDueSoon)]
        assert left == sorted(left, reverse=True)
        assert len(left) <= len(ADVICE.marks)
        told = [min(mark for mark in ADVICE.marks if days <= mark) for days in left]
        assert len(set(told)) == len(told)
        assert self.clock.due_on == DUE

    @invariant()
    def the_figures_agree_with_what_was_said(self) -> None:
        [figure] = figures([self.clock]) or [None]
        met = [event for event in self.said if isinstance(event, ClockMet)]
        if met:
            assert figure is not None
            assert (bool(figure.in_time), bool(figure.in_time_or_excused)) == (
                met[0].in_time, met[0].in_time_or_excused,
            )  # fmt: skip
            assert met[0].in_time_or_excused or not met[0].in_time
        elif self.clock.state is not State.BREACHED:
            assert figure is None


AnyHistory.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestAnyHistory = AnyHistory.TestCase


@pytest.mark.parametrize(
    ("today", "told", "left"),
    [
        ("2026-12-20", None, None), ("2026-12-21", None, 14), ("2026-12-28", None, 7), ("2026-12-28", 14, 7),
        ("2026-12-27", 14, None), ("2027-01-02", 7, 2), ("2027-01-03", 7, 1), ("2027-01-04", None, 0),
        ("2027-01-04", 2, None),
    ],
)  # fmt: skip
def test_the_smallest_mark_that_has_come_is_told_of(today: str, told: int | None, left: int | None) -> None:
    events = clocks.tick(a_clock(told=told), ADVICE, day(today)).events
    assert [e.days_left for e in events if isinstance(e, ClockDueSoon)] == ([] if left is None else [left])


def test_a_clock_that_is_shorter_than_a_mark_is_not_told_of_on_its_first_day() -> None:
    short = a_clock(due_on=START + timedelta(days=7))
    assert clocks.tick(short, ADVICE, START).events == ()
    assert clocks.next_tick(short, ADVICE, hour=7) == datetime.fromisoformat("2026-11-28T07:00:00+00:00")


@pytest.mark.parametrize(
    ("due", "told", "instant"),
    [
        # Winter and summer: seven in the morning here, and the first instant of the day after the last.
        ("2027-01-04", None, "2026-12-21T07:00:00+00:00"),
        ("2027-01-04", 2, "2027-01-05T00:00:00+00:00"),
        ("2027-03-28", 2, "2027-03-28T23:00:00+00:00"),
        ("2027-07-01", 14, "2027-06-24T06:00:00+00:00"),
        ("2027-10-30", 2, "2027-10-30T23:00:00+00:00"),
        ("2027-10-31", 2, "2027-11-01T00:00:00+00:00"),
        ("2028-02-29", 2, "2028-03-01T00:00:00+00:00"),
    ],
)
def test_the_next_instant_is_told_by_the_clocks_on_the_wall(due: str, told: int | None, instant: str) -> None:
    at = clocks.next_tick(a_clock(due_on=day(due), told=told), ADVICE, hour=7)
    assert at == datetime.fromisoformat(instant)


def test_time_that_was_given_to_somebody_ends_and_nobody_is_late() -> None:
    given = a_clock(kind="ehc-draft-comments")
    told = clocks.tick(given, COMMENTS, day("2027-01-20"))
    assert told.clock.state is State.MET
    [event] = told.events
    assert isinstance(event, ClockMet)
    assert (event.met_on, event.in_time) == (DUE, True)


@pytest.mark.parametrize(
    ("code", "since", "until", "refused"),
    [
        ("away-from-area", "2026-12-01", "2026-12-28", None),
        ("away-from-area", "2026-12-01", "2026-12-27", "exception-too-short"),
        ("away-from-area", "2026-12-01", None, None),
        ("away-from-area", "2026-12-01", "2026-11-01", "exception-too-short"),
        ("away-from-area", "2027-01-05", "2027-03-01", "exception-outside-clock"),
        ("away-from-area", "2027-01-04", "2027-03-01", None),
        ("away-from-area", "2026-10-01", "2026-11-22", "exception-outside-clock"),
        ("away-from-area", "2026-10-01", "2026-11-23", None),
        ("appointment-missed", "2026-12-01", "2026-12-01", None),
        ("school-closed", "2026-12-01", "2027-01-10", "not-an-exception-of-this-clock"),
    ],
)
def test_what_excuses_is_on_the_clocks_own_list_long_enough_and_in_its_time(
    code: str, since: str, until: str | None, refused: str | None
) -> None:
    excuse = Excuse(code, day(since), day(until) if until else None)
    if refused is None:
        assert clocks.except_(a_clock(), excuse, LIMITS).clock.excused
        return
    with pytest.raises(Refusal) as caught:
        clocks.except_(a_clock(), excuse, LIMITS)
    assert caught.value.code == refused


def test_an_exception_is_recorded_once_and_only_while_somebody_waits() -> None:
    excuse = Excuse("away-from-area", day("2026-12-01"))
    once = clocks.except_(a_clock(), excuse, LIMITS).clock
    with pytest.raises(clocks.ExceptionKnown):
        clocks.except_(once, excuse, LIMITS)
    with pytest.raises(ClockIsOver):
        clocks.except_(clocks.meet(once, DUE).clock, excuse, LIMITS)
    late = clocks.tick(a_clock(), ADVICE, day("2027-01-10")).clock
    assert clocks.except_(late, excuse, LIMITS).clock.excused, "what is late can still be excused"


@given(st.lists(st.tuples(st.sampled_from(["met", "late", "breached", "running", "cancelled"]), st.booleans())))
def test_figures_are_counts_of_what_can_be_judged(histories: list[tuple[str, bool]]) -> None:
    excuses = (Excuse("away-from-area", START),)
    made = {
        "met": a_clock(state=State.MET, met_on=DUE), "late": a_clock(state=State.MET, met_on=DUE + timedelta(days=1)),
        "breached": a_clock(state=State.BREACHED), "running": a_clock(), "cancelled": a_clock(state=State.CANCELLED),
    }  # fmt: skip
    found = figures([replace(made[what], excuses=excuses if excused else ()) for what, excused in histories])
    judged = [(what, excused) for what, excused in histories if what in {"met", "late", "breached"}]
    if not judged:
        assert found == ()
        return
    [figure] = found
    assert figure.total == len(judged)
    assert figure.in_time == sum(what == "met" for what, _ in judged)
    assert figure.in_time_or_excused == sum(what == "met" or excused for what, excused in judged)
