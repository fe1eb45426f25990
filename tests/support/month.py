"""A month of the demo county in a real house whose letters wait for their hours: played, and all that people got of it.

Weeks are played as the demo plays a term, but at odd hours too: one late in the evening, one before dawn; and on
Saturdays somebody refers a child.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import Message
from typing import Any, Final, cast

from chassis.clock import wall_seconds
from chassis.transaction import Transaction
from e2e.house import EMBEDDED, PATIENCE, NeverHappened, settings_of
from integration.notifier.mail import MailHost
from jointly import house as parts_of
from jointly.demo.cast import Cast, opened
from jointly.demo.referrals import mix
from jointly.demo.simulated import Hand
from jointly.demo.term import Term, play
from jointly.demo.volumes import plan, volumes
from jointly.terminal import Terminal
from support.agency import a_referral
from support.casework import SCHOOL
from support.host import Host
from support.message_rules import is_night
from support.term import Facts, facts

#: A Monday in British summer time: every hour here is one more there.
BEGINS: Final = "2026-09-07T06:30:00Z"
_MONDAY: Final = datetime(2026, 9, 7, tzinfo=UTC)
_WEEKS: Final = 4
_DAY: Final = timedelta(days=1)
_LOOK_AGAIN: Final = 0.1
#: Ten minutes later each day, so that what must be looked at within a day falls due well before the stop.
_LATER: Final = timedelta(minutes=10)
#: When each week's work is done, counted from its Monday: by day, late in the evening, by day, before dawn.
_SHIFTS: Final = (timedelta(hours=8, minutes=20), timedelta(hours=21), timedelta(hours=14), timedelta(hours=4))
_SATURDAY: Final = 5
#: What stands in every free text and must stand in no message.
MARK: Final = "quillwort"


@dataclass(frozen=True)
class Mail:
    """A letter as the mail server took it, and at which stop of the month."""

    stop: datetime
    address: str
    message: Message

    @property
    def text(self) -> str:
        """What it says, without its subject."""
        payload = self.message.get_payload(decode=True)
        assert isinstance(payload, bytes)
        return payload.decode()

    @property
    def subject(self) -> str:
        """Its subject."""
        return str(self.message["Subject"])


@dataclass
class Month:
    """What was said, what people were told of it, and what they might have been told and must not."""

    #: The instants at which the county's clock stood; between two of them nothing but seconds went by.
    stops: list[datetime] = field(default_factory=list)
    facts: Facts = field(default_factory=lambda: Facts({}))
    inbox: list[dict[str, Any]] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    #: Person -> their own list as the API gives it.
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    letters: dict[str, int] = field(default_factory=dict)
    parked: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    #: What the referrals said of children and families.
    marked: set[str] = field(default_factory=set)
    #: The person who reads.
    reader: str = ""


class Calendar(Hand):
    """A hand that never jumps a day: on the way to an instant it stops each morning, and waits until all is at rest."""

    month: Month
    parts: parts_of.House
    cast: Cast

    async def move_to(self, instant: datetime) -> None:
        """Go on to an instant by every stop before it."""
        week = (instant - _MONDAY) // timedelta(weeks=1)
        first = instant - _MONDAY == timedelta(weeks=week, hours=8)
        # The demo asks for a week's Monday, then for the day after it.
        to = _MONDAY + timedelta(weeks=week) + _SHIFTS[week] if first else instant + _DAY / 24
        for stop in _mornings():
            if self._at < stop < to:
                await self._stop(stop, reads=True)
        await self._stop(to)
        if first and is_night(to):
            # The child is another agency's, too: whoever holds the case by then is woken.
            await self._refer(to, "immediate")
            await self._refer(to, "immediate", by="nhs-trust")

    @property
    def _at(self) -> datetime:
        return self.month.stops[-1] if self.month.stops else _MONDAY

    async def _stop(self, stop: datetime, *, reads: bool = False) -> None:
        if stop <= self._at:
            return
        # What the last stop's work led to is done before the clock goes on.
        await at_rest(self.parts, self._at)
        self.month.stops.append(stop)
        await super().move_to(stop)
        await at_rest(self.parts, stop)
        if reads and stop.weekday() < _SATURDAY:
            await self._read()
        elif reads and stop.weekday() == _SATURDAY:
            await self._refer(stop, "urgent", "routine")

    async def _read(self) -> None:
        mine = self.cast.officer
        for line in [line async for line in mine.items("/v1/notifications", unread="true")]:
            await mine.post(f"/v1/notifications/{line['id']}/read", {})

    async def _refer(self, stop: datetime, *urgencies: str, by: str = SCHOOL) -> None:
        """An agency refers when nobody is at work; at one stop the same children."""
        for number, urgency in enumerate(urgencies, start=len(self.month.stops) * 10):
            body = a_referral(number, today=stop.date()) | {"urgency": urgency}
            body["concern"]["summary"] += f" {MARK}"
            await self.cast.systems[by].post("/v1/referrals", body)
            self.month.marked |= {body["child"]["nhs_number"], body["child"]["family_name"]}
        await at_rest(self.parts, stop)


def _mornings() -> Iterator[datetime]:
    for day in range(1, 7 * _WEEKS + 2):
        yield _MONDAY + day * _DAY + timedelta(hours=8) + day * _LATER


async def at_rest(parts: parts_of.House, now: datetime) -> None:
    """Wait until everybody has heard everybody, nothing is due by an instant, and no letter waits that may leave."""
    ends, before = wall_seconds() + PATIENCE, -1
    while wall_seconds() < ends:
        waits, said = await busy(parts, now)
        if not waits and said == before:
            return
        before = said
        await asyncio.sleep(_LOOK_AGAIN)
    raise NeverHappened("The house never came to rest.")


async def busy(parts: parts_of.House, now: datetime) -> tuple[bool, int]:
    """Whether anything waits to be said, heard, done or sent by an instant; and how much was said so far."""
    total = 0
    for runtime in parts.runtimes:
        async with runtime.database.transaction(Transaction) as tx:
            (row,) = await tx.rows(
                "SELECT (SELECT count(*) FROM deadline WHERE due_at <= $2)"
                " + (SELECT coalesce(max(id), 0) FROM outbox)"
                " - coalesce((SELECT last_id FROM relay_cursor WHERE name = $1), 0) AS waiting",
                runtime.service.name, now,
            )  # fmt: skip
            if row["waiting"] > 0:
                return True, 0
    for runtime in parts.runtimes:
        if runtime.consumer is None:
            continue
        topics = sorted(runtime.consumer.topics)
        found = await parts.event_log.end_offsets(topics)
        reached = await parts.event_log.group_offsets(runtime.consumer.name, topics)
        if any(reached.get(partition, 0) < end for partition, end in found.items()):
            return True, 0
        total += sum(found.values())
    async with parts.runtime("notifier").database.transaction(Transaction) as tx:
        (row,) = await tx.rows(
            "SELECT (SELECT count(*) FROM letter WHERE state = 'waiting')"
            " + (SELECT count(*) FROM letter_item WHERE letter_id IS NULL AND leaves_at <= $1) AS waiting",
            now,
        )
    return row["waiting"] > 0, total


@contextmanager
def _odd_month() -> Iterator[None]:
    """The demo's own figures for a month: more that is immediate, and a mark in every text."""
    whole, shares = cast("dict[str, Any]", plan()), cast("dict[str, Any]", mix())
    kept = dict(whole), dict(shares)
    whole |= {"weeks": _WEEKS, "afterwards": [], "arrive_within": 3}
    whole["words"] = {name: f"{text} {MARK}" for name, text in whole["words"].items()}
    shares["urgency"] = {"routine": 4, "soon": 2, "urgent": 3, "immediate": 3}
    words = shares["words"]
    shares["words"] = words | {"concern": {need: f"{text} {MARK}" for need, text in words["concern"].items()}}
    try:
        yield
    finally:
        for changed, before in zip((whole, shares), kept, strict=True):
            changed.clear()
            changed.update(before)


async def lived(host: Host, mail: MailHost, *, referrals: int, seed: int) -> Month:
    """Play the month in a house that sends its letters to this server; all that came of it."""
    month, settings = Month(), settings_of(host, EMBEDDED)
    taken: list[datetime] = []
    mail.on_content = lambda _: taken.append(month.stops[-1] if month.stops else _MONDAY)
    with _odd_month():
        async with parts_of.opened(settings) as parts, opened(settings) as acting:
            await acting.meet_clusters()
            simulation = parts.simulation
            assert simulation is not None
            hand = Calendar(simulation)
            hand.month, hand.parts, hand.cast = month, parts, acting
            term = Term(seed, volumes(None))
            await play(acting, hand, term, count=referrals, terminal=Terminal())
            await _endings(acting, term)
            await hand.move_to(_MONDAY + timedelta(weeks=_WEEKS) + _DAY)
            month.reader = acting.officer.sub
            await _look(parts, acting, month)
    month.refused = dict(term.refused)
    month.facts = await facts(host, EMBEDDED)
    month.mails = [Mail(at, to, message) for at, (to, message) in zip(taken, mail.taken, strict=True)]
    for story in term.stories:
        month.marked |= set(_said(story.referral.body))
    return month


async def _endings(acting: Cast, term: Term) -> None:
    """One case is closed."""
    stories = [story for story in term.cases.values() if story.cluster]
    path = f"/v1/cases/{stories[-1].case_id}"
    await acting.lead(stories[-1].cluster).change(path, f"{path}/close", {"reason": "needs-met"})


async def _look(parts: parts_of.House, acting: Cast, month: Month) -> None:
    async with parts.runtime("notifier").database.transaction(Transaction) as tx:
        month.inbox = [dict(row) for row in await tx.rows("SELECT * FROM notification")]
        rows = await tx.rows("SELECT state, count(*) AS n FROM letter GROUP BY state")
        month.letters = {row["state"]: row["n"] for row in rows}
        (row,) = await tx.rows("SELECT count(*) AS n FROM parked")
        month.parked = row["n"]
    people = [
        acting.officer,
        acting.finance,
        *map(acting.lead, acting.clusters),
        *map(acting.caseworker, acting.clusters),
    ]
    for person in people:
        month.lists[person.sub] = [line async for line in person.items("/v1/notifications")]


def _said(body: Any) -> Iterator[str]:
    """What names a child or a family, or is free text."""
    child = body["child"]
    for name in ("family_name", "nhs_number", "upn", "postcode", "school_urn", "date_of_birth"):
        if child[name]:
            yield str(child[name])
    yield date.fromisoformat(child["date_of_birth"]).strftime("%d %B %Y").lstrip("0")
    yield f"{child['given_name']} {child['family_name']}"
    yield json.dumps(body["concern"]["summary"])[1:20]
    for contact in body["family"]["contacts"]:
        yield contact["name"]
