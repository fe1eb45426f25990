"""Who is told of what, computed again from the rules file and the events alone: slow, plain, and not our code."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from schemas.directory import RoleChanged
from schemas.event import Event

COUNTY: Final = ZoneInfo("Europe/London")
RULES: Final[dict[str, Any]] = json.loads(files("notifier").joinpath("data", "rules.json").read_text(encoding="utf-8"))
ACTORS: Final = ("accepted_by", "returned_by", "overridden_by", "asked_by", "declined_by", "decided_by",
                 "confirmed_by", "dismissed_by")  # fmt: skip


@dataclass
class Away:
    """Somebody's absence."""

    since: date
    until: date
    cover: str | None


@dataclass
class County:
    """Who is who, all month."""

    roles: Sequence[RoleChanged]
    leads: dict[str, str]
    providers: dict[str, str]
    away: dict[str, Away]
    is_school_day: Any


@dataclass
class File:
    """A case as it stands."""

    urgency: str = "routine"
    holder: str | None = None
    opened_by: str = ""
    referring: set[str] = field(default_factory=set)
    schools: set[str] = field(default_factory=set)
    social: set[str] = field(default_factory=set)
    closed: bool = False


def expected(heard: Sequence[tuple[datetime, str, Event]], county: County, end: datetime) -> dict[tuple[str, str], str]:
    """(fact, person) -> the rule by which they are told, of all that is heard and of all that comes due until `end`."""
    timeline: list[tuple[datetime, int, str, Any]] = [(at, n, id, (e, None)) for n, (at, id, e) in enumerate(heard)]
    for at, _, event in heard:
        for id, before, due_at in _steps(event, county):
            fires = max(due_at, at)
            if fires < _stops(id, event.subject, heard, end):
                timeline.append((fires, 10**6, f"{id}.{event.due_on:%Y%m%d}.{before}", (event, before)))  # type: ignore[attr-defined]
    told: dict[tuple[str, str], str] = {}
    known: dict[str, File] = {}
    for at, _, id, (event, before) in sorted(timeline, key=lambda entry: (entry[0], entry[1])):
        if before is None:
            _before(event, known)
        case = known.get(event.subject, File())
        first = event.type == "jointly.referral.submitted.v1" and case.opened_by in {"", event.referral_id}
        if not first:
            told |= {(id, person): rule for person, rule in _tell(event, at, before, case, county).items()}
        if before is None:
            _after(event, known)
    return told


def _stops(id: str, case: str, heard: Sequence[tuple[datetime, str, Event]], end: datetime) -> datetime:
    """When a limit runs no longer: met, cancelled, or its case closed."""
    over = {"jointly.clock.met.v1", "jointly.clock.cancelled.v1", "jointly.duty.met.v1", "jointly.duty.cancelled.v1"}
    for at, _, event in heard:
        if event.type in over and id in {getattr(event, "clock_id", None), getattr(event, "duty_id", None)}:
            return at
        if event.type == "jointly.case.closed.v1" and event.subject == case:
            return at
    return end


def _steps(event: Event, county: County) -> Iterable[tuple[str, int, datetime]]:
    if event.type not in {"jointly.clock.started.v1", "jointly.duty.started.v1"}:
        return
    id = str(getattr(event, "clock_id", None) or getattr(event, "duty_id", ""))
    for before in (5, 2, 0):
        day: date = event.due_on  # type: ignore[attr-defined]
        left = before
        while left:
            day -= timedelta(days=1)
            left -= bool(county.is_school_day(day))
        yield id, before, datetime.combine(day, time(8), tzinfo=COUNTY)


def _before(event: Any, known: dict[str, File]) -> None:
    case = known.setdefault(event.subject, File())
    if event.type == "jointly.case.opened.v1":
        case.urgency, case.opened_by = event.circumstances.urgency, event.referral_id


def _after(event: Any, known: dict[str, File]) -> None:
    case = known[event.subject]
    if event.type == "jointly.referral.submitted.v1":
        case.referring.add(event.organisation_id)
    elif event.type == "jointly.case.participants-changed.v1":
        case.schools = {p.organisation_id for p in event.participants if p.role == "school"}
        case.social = {p.organisation_id for p in event.participants if p.sector == "social-care"}
    elif event.type in {f"jointly.{n}.v1" for n in ("case.assigned", "case.reassigned", "handover.accepted")}:
        case.holder = event.cluster_id
    elif event.type in {"jointly.case.returned.v1", "jointly.case.unrouted.v1"}:
        case.holder = None


def _tell(event: Any, at: datetime, before: int | None, case: File, county: County) -> dict[str, str]:
    day = at.astimezone(COUNTY).date()
    urgency = getattr(event, "urgency", None) or case.urgency
    if event.type == "jointly.case.opened.v1":
        urgency = event.circumstances.urgency
    best: dict[str, tuple[Any, str]] = {}
    for n, rule in enumerate(RULES["rules"]):
        if rule["event"] != event.type or rule.get("before") != before or date.fromisoformat(rule["since"]) > day:
            continue
        if ("only_if" in rule and urgency not in rule["only_if"]) or not _fits(rule, event):
            continue
        at_once = rule["urgency"] == "at-once" or urgency in rule.get("at_once_if", ())
        for place in _places(rule["to"]["of"], event, case):
            roles = rule["to"]["roles"]
            if place == ("council", "") and rule["to"]["of"] != "council":
                roles = RULES["desk"]["roles"]
            for person, covers in _people(roles, place, rule["ladder"], day, county).items():
                if person in {getattr(event, name, None) for name in ACTORS}:
                    continue
                rank = (covers, not at_once, n, ":".join(place))
                if person not in best or rank < best[person][0]:
                    best[person] = (rank, rule["id"])
    return {person: rule for person, (_, rule) in best.items()}


def _fits(rule: Any, event: Any) -> bool:
    wanted = all(getattr(event, name) in values for name, values in rule.get("when", {}).items())
    return wanted and not any(getattr(event, name) in values for name, values in rule.get("unless", {}).items())


def _places(of: str, event: Any, case: File) -> list[tuple[str, str]]:
    def organisations(ids: Iterable[str | None]) -> list[tuple[str, str]]:
        return [("organisation", id) for id in sorted({id for id in ids if id})]

    left = getattr(event, "from_cluster_id", None) or case.holder
    cluster = getattr(event, "cluster_id", None)
    return {
        "cluster": [("cluster", cluster)] if cluster else [],
        "holder": [("cluster", case.holder)] if case.holder else [("council", "")],
        "sender": [("cluster", left)] if left and left != cluster else [],
        "receiver": [("cluster", getattr(event, "to_cluster_id", ""))],
        "referring-organisations": organisations(case.referring),
        "asked-organisation": organisations([getattr(event, "asked_of", None)]),
        "named-organisation": organisations([getattr(event, "organisation_id", None)]),
        "obliged-organisation": organisations([getattr(event, "holder", None)]),
        "provider": [("provider", getattr(event, "provider_id", ""))],
        "school": organisations(case.schools),
        "social-care": organisations(case.social) or [("sector", "social-care")],
        "council": [("council", "")],
    }[of]


def _people(roles: list[str], place: tuple[str, str], ladder: str, day: date, county: County) -> dict[str, bool]:
    """Person -> whether they cover for somebody."""
    found: dict[str, bool] = {}
    rungs = [(roles, place), *((step["roles"], _rung(step["of"], place, county)) for step in RULES["ladders"][ladder])]
    for wanted, where in rungs:
        present = False
        for person in _at(wanted, where, day, county) if where else ():
            away = _away(person, day, county)
            cover = _cover(person, day, county) if away else None
            present = present or not away or cover is not None
            found[person] = False
            if cover is not None:
                found.setdefault(cover, True)
        if present:
            return found
    return found


def _rung(of: str, place: tuple[str, str], county: County) -> tuple[str, str] | None:
    if of == "council":
        return "council", ""
    if of == "social-care":
        return "sector", "social-care"
    if place[0] != "cluster":
        return None
    return place if of == "cluster" else ("organisation", county.leads[place[1]])


def _at(roles: list[str], place: tuple[str, str], day: date, county: County) -> set[str]:
    kind, id = place
    if kind == "provider":
        kind, id = "organisation", county.providers.get(id, "")
    lead = county.leads.get(id) if kind == "cluster" and roles else None
    return {
        r.person_id
        for r in county.roles
        if r.since <= day <= (r.until or date.max) and (not roles or r.role in roles)
        and (
            (kind == "cluster" and r.cluster_id == id)
            or (kind == "organisation" and r.organisation_id == id)
            or (kind == "sector" and r.sector == id)
            or (kind == "council" and r.sector == "council")
            or (lead is not None and r.organisation_id == lead and r.cluster_id is None)
        )
    }  # fmt: skip


def _away(person: str, day: date, county: County) -> bool:
    absence = county.away.get(person)
    return absence is not None and absence.since <= day <= absence.until


def _cover(person: str, day: date, county: County) -> str | None:
    seen = {person}
    now: str | None = person
    while now is not None:
        now = county.away[now].cover if now in county.away else None
        if now in seen:
            return None
        if now is not None and not _away(now, day, county):
            return now
        seen.add(now or "")
    return None
