"""When nobody answers an offered hand-over: whom it climbs to, and when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from schemas.days import Calendar

from cluster_router.domain.days import HERE, day_of


@dataclass(frozen=True, slots=True)
class Rung:
    """One step up: so many working days before the answer is due."""

    number: int
    working_days_before: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs of one version, in order."""

    since: date
    rungs: tuple[Rung, ...]


def read_ladder(entry: Mapping[str, Any]) -> Ladder:
    """A ladder as the data file has it."""
    rungs = (Rung(rung["rung"], rung["working_days_before"]) for rung in entry["rungs"])
    return Ladder(entry["since"], tuple(sorted(rungs, key=lambda rung: rung.number)))


def ladder_on(ladders: Iterable[Ladder], day: date) -> Ladder:
    """The newest ladder whose time has come; before the first one, the first."""
    ordered = sorted(ladders, key=lambda ladder: ladder.since)
    return next((ladder for ladder in reversed(ordered) if ladder.since <= day), ordered[0])


def rung_at(rung: Rung, answer_by: datetime, calendar: Calendar) -> datetime:
    """When a rung is reached: at the same hour here as the answer is due, the working days before."""
    due, day = answer_by.astimezone(HERE), day_of(answer_by)
    for _ in range(rung.working_days_before):
        day -= timedelta(days=1)
        while not calendar.is_working_day(day):
            day -= timedelta(days=1)
    return datetime.combine(day, due.time(), tzinfo=HERE)


def first_rung(ladder: Ladder, answer_by: datetime, calendar: Calendar, *, offered_at: datetime) -> Rung | None:
    """The first rung that lies after the offer: who was asked a moment ago is not late."""
    return next((rung for rung in ladder.rungs if rung_at(rung, answer_by, calendar) > offered_at), None)


def rung_after(ladder: Ladder, number: int) -> Rung | None:
    """The next rung; it is climbed even where its time has passed meanwhile."""
    return next((rung for rung in ladder.rungs if rung.number > number), None)


def reached(ladder: Ladder, answer_by: datetime, calendar: Calendar, *, at: datetime) -> int:
    """The highest rung whose time has come; 0 for none."""
    return max((rung.number for rung in ladder.rungs if rung_at(rung, answer_by, calendar) <= at), default=0)
