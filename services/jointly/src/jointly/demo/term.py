"""`jointly demo --term`: a school term of the county in minutes, week by week, through the public API alone."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from typing import Final, TypeAlias

import httpx
from chassis.clock import new_id, wall_seconds
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from jointly.demo import arriving, money, places
from jointly.demo import help as helping
from jointly.demo.agency import Refused
from jointly.demo.cast import Cast, opened
from jointly.demo.referrals import referrals
from jointly.demo.schools import schools_of
from jointly.demo.simulated import Hand
from jointly.demo.story import Story, stories
from jointly.demo.tell import tell
from jointly.demo.volumes import Volumes, plan, volumes
from jointly.settings import Settings
from jointly.terminal import Terminal

_AT_ONCE: Final = 8
#: Seconds that what follows from an event may take, and how often one looks.
_PATIENCE, _LOOK_AGAIN = 30.0, 0.25
_NOT_SEEN: Final = frozenset({httpx.codes.NOT_FOUND, httpx.codes.FORBIDDEN})
_NOT_YET: Final = frozenset({"no-assessment", "no-cluster-yet"})
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(weeks=1)
#: What somebody does; safe to try again.
_Act: TypeAlias = Callable[[], Awaitable[object]]


@dataclass
class Term:
    """A term as it was played."""

    seed: int
    made_of: Volumes
    stories: Sequence[Story] = ()
    began: date = date.min
    ended: date = date.min
    #: What the house refused, by what was tried and why: a term that is played right has none.
    refused: Counter[str] = field(default_factory=Counter)
    #: Acts done, by name.
    acts: Counter[str] = field(default_factory=Counter)

    @property
    def cases(self) -> dict[str, Story]:
        """Each case with the story that it is told by."""
        return {story.case_id: story for story in self.stories if story.case_id and not story.joined}


async def show_term(settings: Settings, *, count: int, seed: int | None, terminal: Terminal) -> Term:
    """Play a term, and tell what came of it. Raises `RealTime` and `NothingRuns`."""
    hand = await Hand.of(settings)
    chosen = seed if seed is not None else int(new_id().replace("-", "")[-6:], 16)
    term = Term(chosen, volumes(settings.reference_data))
    async with opened(settings) as cast:
        await cast.meet_clusters()
        await play(cast, hand, term, count=count, terminal=terminal)
        await tell(cast, term, terminal)
    return term


async def play(cast: Cast, hand: Hand, term: Term, *, count: int, terminal: Terminal) -> None:
    """Every week of the term, and the weeks after it."""
    monday = await hand.first_monday()
    term.began = monday.date()
    known = await schools_of(cast.sender("education"), cast.systems)
    made = referrals(count, known, today=term.began, seed=term.seed, shares=term.made_of.shares)
    term.stories = stories(made, term.seed)
    chance = Random(f"{term.seed} money")  # noqa: S311  repeatable on purpose
    weeks = [*range(plan()["weeks"]), *plan()["afterwards"]]
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal.console, disable=not terminal.pretty) as progress:
        bar = progress.add_task("The term begins", total=len(weeks))
        for week in weeks:
            today = monday + week * _WEEK
            progress.update(bar, description=f"Week {week + 1:>2}, {today:%d %B %Y}")
            await hand.move_to(today)
            await _week(cast, term, week, today)
            await _council(cast, term, week, today.date(), chance)
            # Whatever was due on this Monday is late from tomorrow on, and said so then.
            await hand.move_to(today + _DAY)
            progress.advance(bar)
            term.ended = (today + _DAY).date()


async def _week(cast: Cast, term: Term, week: int, at: datetime) -> None:
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(story: Story) -> None:
        async with room:
            if story.arrives <= week and not story.joined:
                await _live(cast, term, story, week - story.arrives, at.date())

    arrived = [story for story in term.stories if story.arrives <= week and not story.case_id]
    for story in arrived:
        await _act(term, "referred", partial(arriving.refer, cast, story))
    _join(term.stories)
    await asyncio.gather(*(one(story) for story in term.stories))


def _join(told: Sequence[Story]) -> None:
    """Of several stories with one case the first goes on; the others have said what they had to say."""
    first: dict[str, int] = {}
    for story in told:
        if story.case_id:
            story.joined = first.setdefault(story.case_id, story.number) != story.number


async def _live(cast: Cast, term: Term, story: Story, week: int, today: date) -> None:
    """What happens to one child in one week."""
    await _act(term, "taken on", lambda: arriving.take_on(cast, story))
    if not story.cluster:
        return
    for name, act in _acts(cast, story, week, today):
        await _act(term, name, act)


def _acts(cast: Cast, story: Story, week: int, today: date) -> Iterator[tuple[str, _Act]]:
    yield "suspension", lambda: places.suspend(cast, story, week, today)
    yield "views", lambda: helping.hear_views(cast, story, week, today)
    yield "hand-over", lambda: arriving.hand_over(cast, story, week)
    yield "statutory request", lambda: helping.statutory(cast, story, week, today)
    if week:
        yield "advice", lambda: helping.give_advice(cast, story, week, today)
        yield "assessment", lambda: helping.complete(cast, story, week, today)
        yield "money", lambda: helping.ask_for_more(cast, story, week, today)
        yield "risk", lambda: places.look_at_risks(cast, story)
        yield "duty", lambda: places.do_duties(cast, story, today)
        yield "place", lambda: places.place(cast, story, today)


async def _council(cast: Cast, term: Term, week: int, today: date, chance: Random) -> None:
    await _act(term, "decided", lambda: money.decide(cast, chance))
    await _act(term, "paid", lambda: money.pay(cast, today))
    if week == plan()["weeks"] - 1:
        await _act(term, "taken back", lambda: money.take_back(cast, today))


async def _act(term: Term, name: str, act: _Act) -> None:
    """An act. What is not there yet is tried again in a moment; what is refused is noted, and the term goes on."""
    ends = wall_seconds() + _PATIENCE
    while True:
        try:
            await act()
        except Refused as refused:
            if _is_not_there_yet(refused) and wall_seconds() < ends:
                await asyncio.sleep(_LOOK_AGAIN)
                continue
            term.refused[f"{name}: {refused}"] += 1
        else:
            term.acts[name] += 1
        return


def _is_not_there_yet(refused: Refused) -> bool:
    """What follows from an event is there a moment after it."""
    return refused.answer.status_code in _NOT_SEEN or refused.code in _NOT_YET
