"""How people want to be told, when they are away and who covers, and their browsers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chassis.cause import Cause
from chassis.errors import Invalid, NotFound, PreconditionFailed, Refusal

from notifier.domain.facts import county_day
from notifier.domain.wishes import Wish
from notifier.store import Tx
from notifier.store.wishes import Kept

_MOST_BROWSERS: Final = 20


class NoSuchCover(Invalid):
    """Who covers must be a colleague."""

    code = "no-such-cover"


class TooManyBrowsers(Invalid):
    """Nobody reads in so many browsers."""

    code = "too-many-browsers"


@dataclass(frozen=True, slots=True)
class Say:
    """Somebody says how they want to be told."""

    person_id: str
    organisation_id: str
    wish: Wish
    #: Their work mobile.
    mobile: str | None
    #: The version that this replaces; 0: the first.
    version: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A browser wants notices."""

    person_id: str
    endpoint: str
    key: str
    secret: str


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """A browser wants none any more."""

    person_id: str
    id: str


async def say(commands: Sequence[Say], tx: Tx) -> Sequence[int | Refusal]:
    """Keep how people want to be told. Returns the new version."""
    answers: dict[int, int | Refusal] = {}
    first: dict[str, int] = {}
    for n, c in enumerate(commands):
        cover = c.wish.cover
        if cover is not None and (cover == c.person_id or not await tx.wishes.is_colleague(cover, c.organisation_id)):
            answers[n] = NoSuchCover("Name a colleague of your organisation.", pointer="/absence/cover")
        elif c.person_id in first:
            answers[n] = PreconditionFailed()
        else:
            first[c.person_id] = n
    said = [
        (c.person_id, Kept(c.wish, c.wish.cover, c.mobile, c.version)) for c in (commands[n] for n in first.values())
    ]
    # Whoever is told meanwhile is told by one wish or the other, whole.
    await tx.people.begin_change()
    saved = await tx.wishes.save(said) if said else set()
    for person_id, n in first.items():
        answers[n] = commands[n].version + 1 if person_id in saved else PreconditionFailed()
    away = [c.person_id for c in commands if c.person_id in saved and c.wish.away(county_day(tx.now))]
    # What somebody who goes away had claimed goes back to the others.
    await tx.inbox.release(away)
    return [answers[n] for n in range(len(commands))]


async def subscribe(commands: Sequence[Subscribe], tx: Tx) -> Sequence[str | Refusal]:
    """Keep browsers. Returns each one's id."""
    there = {p: len(await tx.wishes.browsers(p)) for p in {c.person_id for c in commands}}
    last = {c.endpoint: c for c in commands if there[c.person_id] < _MOST_BROWSERS}
    ids = await tx.wishes.subscribe([(c.person_id, c.endpoint, c.key, c.secret) for c in last.values()])
    return [ids.get(c.endpoint) or TooManyBrowsers("Take an older browser off first.") for c in commands]


async def unsubscribe(commands: Sequence[Unsubscribe], tx: Tx) -> Sequence[Refusal | None]:
    """Forget browsers."""
    gone = await tx.wishes.unsubscribe([(c.person_id, c.id) for c in commands])
    return [None if c.id in gone else NotFound() for c in commands]
