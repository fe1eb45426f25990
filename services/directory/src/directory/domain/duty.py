"""Who is on duty for a role at an instant: shifts, then holders of the role, minding absence and cover."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

#: Roles are dated in days, and a day is the county's.
COUNTY: Final = ZoneInfo("Europe/London")


@dataclass(frozen=True, slots=True)
class Role:
    """A role that a person holds from `since` to the end of the day `until`."""

    id: str
    person_id: str
    organisation_id: str
    sector: str
    role: str
    cluster_id: str | None
    since: date
    until: date | None = None
    version: int = 1

    def held_on(self, day: date) -> bool:
        """Whether it is held on a day; `until` is its last."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Shift:
    """A person is the one to call for a role, from an instant until before another."""

    id: str
    organisation_id: str
    role: str
    cluster_id: str | None
    person_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Absence:
    """A person is away, from an instant until before another or until further notice; somebody may cover."""

    id: str
    person_id: str
    starts_at: datetime
    ends_at: datetime | None = None
    cover_id: str | None = None
    version: int = 1


class Why(StrEnum):
    """What puts a person on duty."""

    SHIFT = "shift"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class OnDuty:
    """A person to turn to now."""

    person_id: str
    why: Why
    #: Whom they cover for; None when it is their own turn.
    covers_for: str | None = None
    #: False: nobody of the cluster is there, this is somebody of the whole organisation.
    of_the_cluster: bool = True


def on_duty(
    role: str,
    organisation_id: str,
    cluster_id: str | None,
    at: datetime,
    *,
    roles: Sequence[Role],
    shifts: Sequence[Shift],
    absences: Sequence[Absence],
    gone: frozenset[str] = frozenset(),
) -> tuple[OnDuty, ...]:
    """Who answers for a role at an instant, in order of whom to try first. Nobody: an empty tuple.

    The cluster's own shift, then its holders of the role, then the whole organisation's shift and holders.
    Whoever is away is replaced by their cover, or by the cover's cover; `gone` are people who have left.
    """
    day = at.astimezone(COUNTY).date()
    levels = (cluster_id, None) if cluster_id is not None else (None,)
    for level in levels:
        near = level == cluster_id
        called = [
            s.person_id
            for s in sorted(shifts, key=lambda s: (s.starts_at, s.id))
            if (s.organisation_id, s.role, s.cluster_id) == (organisation_id, role, level)
            and s.starts_at <= at < s.ends_at
        ]
        holders = [
            r.person_id
            for r in sorted(roles, key=lambda r: (r.since, r.id))
            if (r.organisation_id, r.role, r.cluster_id) == (organisation_id, role, level) and r.held_on(day)
        ]
        for people, why in ((called, Why.SHIFT), (holders, Why.ROLE)):
            present = tuple(_present(people, why, at, absences, gone, near=near))
            if present:
                return present
    return ()


def _present(
    people: Iterable[str],
    why: Why,
    at: datetime,
    absences: Sequence[Absence],
    gone: frozenset[str],
    *,
    near: bool,
) -> Iterable[OnDuty]:
    people = list(dict.fromkeys(people))
    themselves = [p for p in people if p not in gone and _away(p, at, absences) is None]
    yield from (OnDuty(person, why, of_the_cluster=near) for person in themselves)
    told = set(themselves)
    for person in people:
        if person in told:
            continue
        cover = _stand_in(person, at, absences, gone)
        if cover is not None and cover not in told:
            told.add(cover)
            yield OnDuty(cover, why, covers_for=person, of_the_cluster=near)


def _stand_in(person: str, at: datetime, absences: Sequence[Absence], gone: frozenset[str]) -> str | None:
    """Whoever covers for a person and is there; None when nobody is, or when covers go round in a circle."""
    asked = {person}
    here = person
    while (absence := _away(here, at, absences)) is not None:
        cover = absence.cover_id
        if cover is None or cover in asked:
            return None
        asked.add(cover)
        here = cover
    return None if here in gone or here == person else here


def _away(person: str, at: datetime, absences: Sequence[Absence]) -> Absence | None:
    """The absence that counts at an instant; of several, one with cover, the newest first."""
    now = [a for a in absences if a.person_id == person and a.starts_at <= at and (a.ends_at is None or at < a.ends_at)]
    return max(now, key=lambda a: (a.cover_id is not None, a.starts_at, a.id), default=None)
