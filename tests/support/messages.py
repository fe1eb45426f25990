"""Who should have been told what, worked out slowly from the facts, the rules' and texts' files: none of the code.

A fact is read as its JSON; so are `rules.json`, `templates.json` and `hours.json`. School days alone come from the
contracts' own calendar.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from support.message_people import People
from support.message_rules import (
    COUNCIL,
    HERE,
    Place,
    by_id,
    fits,
    hours,
    key,
    leaves,
    named,
    places,
    plain,
    published,
    rules,
)
from support.term import Fact, Facts

_ACTORS: Final = (
    "accepted_by", "returned_by", "overridden_by", "asked_by", "declined_by", "decided_by", "confirmed_by",
    "dismissed_by",
)  # fmt: skip
_HOLDS: Final = frozenset({"case.assigned", "case.accepted", "case.reassigned", "handover.accepted"})
_LIMITS: Final = {"clock.started": "clock_id", "duty.started": "duty_id"}
_MOVES: Final = frozenset({"clock.due-soon", "clock.excepted", "clock.breached", "duty.due-soon", "duty.breached"})
#: Says that something is told again, further up.
_AGAIN: Final = "again"
_ENDS: Final = frozenset({"clock.met", "clock.cancelled", "duty.met", "duty.cancelled"})


@dataclass
class Case:
    """A case as it stands when something is told of it."""

    id: str
    reference: str = ""
    urgency: str = "routine"
    holder: str | None = None
    opened_by: str = ""
    referring: set[str] = field(default_factory=set)
    schools: set[str] = field(default_factory=set)
    social: set[str] = field(default_factory=set)
    closed: bool = False


@dataclass
class Address:
    """A fact for a place, by a rule; kept, for it may go on up its ladder."""

    event: str
    case: Case
    rule: dict[str, Any]
    place: Place
    at_once: bool
    about: str | None
    day: date
    actor: str | None
    cleared: bool = False


@dataclass
class Line:
    """What one person is told of one fact."""

    event: str
    person: str
    case: str
    rule: str
    place: str
    text: str
    subject: str
    at_once: bool
    wakes: bool
    mailed: bool
    about: str | None
    told: datetime
    #: When it may leave the house.
    leaves: datetime
    cleared: datetime | None = None
    read: bool = False
    #: It came due by itself: no fact says that it was told.
    by_time: bool = False

    def is_moot(self, stops: Sequence[datetime]) -> bool:
        """Whether its reason went away as it came due: then it may have been told, and need not."""
        return self.by_time and self.cleared is not None and within(stops, self.cleared) == within(stops, self.told)


class Telling:
    """A month told once more."""

    def __init__(self, facts: Facts, stops: Sequence[datetime], *, reader: str) -> None:
        self.people = People.of(facts)
        self.lines: dict[tuple[str, str], Line] = {}
        self._stops, self._reader = list(stops), reader
        self._cases: dict[str, Case] = {}
        self._organisations: dict[str, str] = {}
        self._limits: dict[str, tuple[Fact, date]] = {}
        self._addresses: list[Address] = []
        #: (when, what, ...) that comes due by itself.
        self._steps: dict[tuple[str, int], tuple[datetime, date]] = {}
        self._unread: dict[int, tuple[datetime, int]] = {}
        self._live(facts)

    def _live(self, facts: Facts) -> None:
        everything = sorted(
            (fact for stream in facts.streams.values() for fact in stream), key=lambda f: (f.at, f.source, f.sequence)
        )
        waiting = list(everything)
        for stop, following in zip(
            [datetime.min.replace(tzinfo=HERE), *self._stops], [*self._stops, None], strict=True
        ):
            if stop in self._stops:
                self._come_due(stop)
            while waiting and (following is None or waiting[0].at < following):
                self._hear(waiting.pop(0))

    def _come_due(self, stop: datetime) -> None:
        for (limit, before), (at, due_on) in sorted(self._steps.items(), key=lambda item: item[1]):
            if at <= stop:
                del self._steps[limit, before]
                self._step(limit, before, due_on, stop)
        for n, (at, rung) in sorted(self._unread.items(), key=lambda item: item[1][0]):
            if at <= stop:
                del self._unread[n]
                self._pass_up(self._addresses[n], n, rung, stop)
        if stop.weekday() < 5 and time(8) < stop.timetz().replace(tzinfo=None) < time(18):
            for line in self.lines.values():
                line.read = line.read or line.person == self._reader

    def _step(self, limit: str, before: int, due_on: date, now: datetime) -> None:
        if limit not in self._limits or self._limits[limit][1] != due_on:
            return
        began, _ = self._limits[limit]
        case = self._cases[began.data["case_id"]]
        if not case.closed:
            said = {"holder": began.data.get("holder"), _LIMITS[began.type]: limit, "due_on": due_on.isoformat()}
            self._tell(f"{limit}.{due_on:%Y%m%d}.{before}", began.type, said, case, now, before=before)

    def _hear(self, fact: Fact) -> None:
        if fact.type in {"budget.changed", "budget.low"}:
            case = Case(f"budget:{fact.subject}", fact.data["financial_year"], holder=fact.data["cluster_id"])
        elif "case_id" in fact.data:
            case = self._cases.setdefault(fact.data["case_id"], Case(fact.data["case_id"]))
        else:
            return
        if fact.type == "case.opened":
            case.reference, case.opened_by = fact.data["reference"], fact.data["referral_id"]
            case.urgency = fact.data["circumstances"]["urgency"]
        self._clear(fact, case)
        opening = fact.type == "referral.submitted" and case.opened_by in {"", fact.data["referral_id"]}
        if not opening:
            self._tell(fact.id, fact.type, fact.data, case, fact.at)
        self._note(fact, case)

    def _note(self, fact: Fact, case: Case) -> None:
        data = fact.data
        if fact.type == "referral.submitted":
            self._organisations[data["referral_id"]] = data["organisation_id"]
            case.referring.add(data["organisation_id"])
        elif fact.type == "case.linked":
            case.referring.add(self._organisations[data["referral_id"]])
        elif fact.type == "case.participants-changed":
            now = [one for one in data["participants"] if one.get("until") is None]
            case.schools = {one["organisation_id"] for one in now if one["role"] == "school"}
            case.social = {one["organisation_id"] for one in now if one["sector"] == "social-care"}
        elif fact.type == "case.circumstances-changed":
            case.urgency = data["circumstances"]["urgency"]
        elif fact.type in _HOLDS:
            case.holder = data["cluster_id"]
        elif fact.type in {"case.returned", "case.unrouted"}:
            case.holder = None
        elif fact.type == "case.closed":
            case.closed = True
        self._note_limit(fact)

    def _note_limit(self, fact: Fact) -> None:
        id = fact.data.get("clock_id") or fact.data.get("duty_id")
        due = fact.data.get("due_on")
        if id is None or due is None:
            return
        if fact.type in _LIMITS:
            self._limits[id] = fact, date.fromisoformat(due)
            self._set_steps(id, fact.at)
        elif fact.type in _MOVES and id in self._limits and self._limits[id][1] != date.fromisoformat(due):
            self._limits[id] = self._limits[id][0], date.fromisoformat(due)
            self._set_steps(id, fact.at)
        elif fact.type in _ENDS:
            self._limits.pop(id, None)

    def _set_steps(self, limit: str, now: datetime) -> None:
        began, due_on = self._limits[limit]
        ahead = {rule["before"] for rule in rules(began.type, None, any_step=True) if "before" in rule}
        for before in ahead:
            day, left = due_on, before
            while left:
                day -= timedelta(days=1)
                left -= self.people.calendar.is_school_day(day)
            at = datetime.combine(day, time(published("rules")["escalation_hour"]), tzinfo=HERE)
            if at <= now:
                self._step(limit, before, due_on, now)
            else:
                self._steps[limit, before] = at, due_on

    def _clear(self, fact: Fact, case: Case) -> None:
        for clearing in published("rules")["clears"]:
            if clearing["event"] != f"jointly.{fact.type}.v1":
                continue
            about = fact.data.get(clearing["same"]) if "same" in clearing else None
            if "same" in clearing and about is None:
                continue
            which = clearing["rules"]
            for address in self._addresses:
                if address.case is case and named(address.rule, which, fact) and about in {None, address.about}:
                    address.cleared = True
            for line in self.lines.values():
                rule = by_id(line.rule)
                if line.case == case.id and named(rule, which, fact) and about in {None, line.about}:
                    line.cleared = line.cleared or fact.at

    def _tell(  # noqa: PLR0917
        self, event: str, type: str, said: Mapping[str, Any], case: Case, now: datetime, before: int | None = None
    ) -> None:
        own = said.get("urgency") or (said.get("circumstances") or {}).get("urgency")
        urgency = own or case.urgency
        actor = next((said[name] for name in _ACTORS if said.get(name)), None)
        day = now.astimezone(HERE).date()
        found: list[tuple[Address, int, set[str]]] = []
        for rule in rules(type, before):
            if (rule.get("only_if") and urgency not in rule["only_if"]) or not fits(rule, said):
                continue
            at_once = rule["urgency"] == "at-once" or urgency in rule.get("at_once_if", ())
            about = str(said[rule["about"]]) if said.get(rule.get("about", "")) is not None else None
            for place in places(rule["to"]["of"], said, case):
                address = Address(event, case, rule, place, at_once, about, day, actor)
                self._addresses.append(address)
                rung, people = self._who(address, 0)
                if rung is not None:
                    found.append((address, rung, people))
                    self._watch(len(self._addresses) - 1, rung, people, now)
        self._put(found, said, now)

    def _pass_up(self, address: Address, n: int, rung: int, now: datetime) -> None:
        told = [one for one in self.lines.values() if one.event == address.event and one.place == key(address.place)]
        if address.cleared or address.case.closed or any(line.read or line.cleared for line in told):
            return
        higher, people = self._who(address, rung + 1)
        if higher is not None:
            self._put([(address, higher, people)], {_AGAIN: True}, now)
            self._watch(n, higher, people, now)

    def _watch(self, n: int, rung: int, people: set[str], now: datetime) -> None:
        address = self._addresses[n]
        if address.at_once and people and rung < len(published("rules")["ladders"][address.rule["ladder"]]):
            at = now + timedelta(hours=hours()["unread_hours"])
            while at.astimezone(HERE).weekday() > 4:
                at += timedelta(days=1)
            self._unread[n] = at, rung

    def _who(self, address: Address, after: int) -> tuple[int | None, set[str]]:
        """The first rung from one on that has anybody, and those of it who did not do it themselves."""
        roles, place = address.rule["to"]["roles"], address.place
        if place == COUNCIL and address.rule["to"]["of"] != "council":
            roles = published("rules")["desk"]["roles"]
        ladder = published("rules")["ladders"][address.rule["ladder"]]
        rungs = [(roles, place), *((step["roles"], self._rung(step["of"], place)) for step in ladder)]
        for rung, (wanted, where) in enumerate(rungs):
            people = self.people.at(wanted, where, address.day) if where and rung >= after else set()
            if people:
                return rung, people - {address.actor or ""}
        return None, set()

    def _rung(self, of: str, place: Place) -> Place | None:
        if of == "council":
            return COUNCIL
        if of == "social-care":
            return "sector", "social-care"
        if place[0] != "cluster":
            return None
        return place if of == "cluster" else ("organisation", self.people.leads[place[1]])

    def _put(self, found: Iterable[tuple[Address, int, set[str]]], said: Mapping[str, Any], now: datetime) -> None:
        best: dict[str, tuple[Any, Address]] = {}
        for address, _, people in found:
            rank = (not address.at_once, published("rules")["rules"].index(address.rule), key(address.place))
            for person in people:
                if person not in best or rank < best[person][0]:
                    best[person] = rank, address
        for person, (_, address) in best.items():
            self._add(person, address, said, now)

    def _add(self, person: str, address: Address, said: Mapping[str, Any], now: datetime) -> None:
        words = published("templates")["templates"][address.rule["template"]]["en"]
        until, due = said.get("answer_by"), said.get("due_on")
        if until is not None:
            due = datetime.fromisoformat(until).astimezone(HERE).date().isoformat()
        text = words["line"].format(reference=address.case.reference, due=plain(date.fromisoformat(due)) if due else "")
        if _AGAIN in said:
            text = next(
                one.text for one in self.lines.values() if one.event == address.event and one.rule == address.rule["id"]
            )
        wakes = bool(address.rule.get("wakes"))
        self.lines.setdefault(
            (address.event, person),
            Line(
                event=address.event, person=person, case=address.case.id, rule=address.rule["id"],
                place=key(address.place), text=text, subject=words["subject"].format(reference=address.case.reference),
                at_once=address.at_once, wakes=wakes, about=address.about, told=now,
                by_time=_AGAIN in said or "." in address.event,
                mailed="email" in address.rule["channels"] and person in self.people.emails,
                leaves=leaves(now, at_once=address.at_once, wakes=wakes),
            ),
        )  # fmt: skip


def by_stop(stops: Sequence[datetime], at: datetime) -> datetime | None:
    """The stop at which something leaves that may leave from an instant on: the one it fell in, or the next."""
    return next((stop for stop in stops if at <= stop), None)


def within(stops: Sequence[datetime], at: datetime) -> datetime:
    """The stop in which an instant lies."""
    return max((stop for stop in stops if stop <= at), default=stops[0])


def departures(lines: Iterable[Line], stops: Sequence[datetime]) -> tuple[dict[Any, int], dict[Any, int]]:
    """(stop, person, case, text) -> how many lines leave for certain; and how many may, for they were cleared then."""
    certain: defaultdict[Any, int] = defaultdict(int)
    possible: defaultdict[Any, int] = defaultdict(int)
    for line in lines:
        told = within(stops, line.told)
        leaves_in = told if line.leaves <= line.told else by_stop(stops, line.leaves)
        if not line.mailed or leaves_in is None:
            continue
        cleared = within(stops, line.cleared) if line.cleared else None
        if cleared is not None and cleared < leaves_in:
            continue
        key = leaves_in, line.person, line.case, line.text
        possible[key] += 1
        certain[key] += not line.is_moot(stops) and (cleared is None or cleared > leaves_in)
    return dict(certain), dict(possible)
