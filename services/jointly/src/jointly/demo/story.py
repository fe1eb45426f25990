"""What will happen to each child of the demo's term: decided before it begins, by the seed alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from jointly.demo.referrals import DemoReferral
from jointly.demo.volumes import plan


@dataclass
class Story:
    """One referral's plan, and what has come of it so far."""

    number: int
    referral: DemoReferral
    arrives: int
    chance: Random
    returned: bool = False
    #: Which weeks' suspensions, by the story's own weeks: sessions and reason.
    suspensions: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    larger_sum: int | None = None
    statutory: bool = False
    excused: bool = False
    handed_over: bool = False
    placed: bool = False
    #: The provider says nothing after the second week.
    silent: bool = False
    #: Nobody answers the offer.
    unanswered: bool = False
    case_id: str = ""
    reference: str = ""
    cluster: str = ""
    #: Another story has the same case and does the rest.
    joined: bool = False
    #: What is done, by name; and the answers that later weeks need.
    done: set[str] = field(default_factory=set)
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def can_be_suspended(self) -> bool:
        """Whether the child goes to a school that is known."""
        child = self.referral.body["child"]
        return bool(child["school_urn"]) and not child["address_restricted"]


def happens(in_a_hundred: float, chance: Random) -> bool:
    """Whether something of this likelihood happens."""
    return chance.uniform(0, 100) < in_a_hundred


def stories(referrals: Sequence[DemoReferral], seed: int) -> list[Story]:
    """A plan for each referral; those who arrive first have the long stories, so that a term is enough for them."""
    wanted, often = plan(), plan()["in_a_hundred"]
    made = []
    for number, referral in enumerate(referrals):
        chance = Random(f"{seed} {number}")  # noqa: S311  repeatable on purpose
        arrives = min(chance.randrange(wanted["arrive_within"]), chance.randrange(wanted["arrive_within"]))
        story = Story(number, referral, arrives, chance, returned=happens(often["returned"], chance))
        if happens(often["larger_sum"], chance):
            story.larger_sum = chance.choice(wanted["larger_sum"]["pence"])
        made.append(story)
    _cast(made)
    return made


def _cast(made: Sequence[Story]) -> None:
    """Give the parts that a term needs at least once."""
    wanted = plan()
    firsts: dict[str | None, Story] = {}
    for story in made:
        firsts.setdefault(story.referral.body["child"]["nhs_number"], story)
    fit = [story for story in firsts.values() if story.can_be_suspended]
    again, long = wanted["suspended"], wanted["long_suspension"]
    count = max(again["least"], len(made) * again["share"] // 100)
    for n, story in enumerate(fit[:count]):
        reason = again["reasons"][n % len(again["reasons"])]
        story.arrives = min(story.arrives, n % 2)
        story.suspensions = {week: (sessions, reason) for week, sessions in enumerate(again["sessions"], start=1)}
        story.placed, story.silent = True, n == 1
        story.unanswered = n % 4 == 2  # noqa: PLR2004  one in four
    rest = fit[count:]
    few = max(long["least"], len(made) * long["share"] // 100)
    for story in rest[:few]:
        story.suspensions = {2: (long["sessions"], long["reasons"][0])}
    for n, story in enumerate(rest[few : few + 4]):
        story.arrives = 0
        story.statutory, story.excused = n == 0, n == 1
        story.handed_over = n > 1
        if n == 0:
            story.returned = False
